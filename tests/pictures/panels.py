"""One panel of a dashboard, drawn with matplotlib in the place that the dashboard gives it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from tests.pictures.axes import Span, show_heights, show_times
from tests.pictures.values import (
    CLASSIC,
    COLORS,
    EDGE,
    FAINT,
    PANEL,
    TEXT,
    choose_color,
    write_value,
)
from tests.prometheus import Series

_PAD, _TITLE = 10, 30
_LEGEND_ROWS = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the page, in pixels from its upper left corner."""

    x: float
    y: float
    w: float
    h: float

    def cut(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """Leave out so much on each side."""
        return Box(self.x + left, self.y + top, self.w - left - right, self.h - top - bottom)


@dataclass(frozen=True, slots=True)
class Line:
    """One series as it is named in the legend, on the picture's own moments (NaN: no value)."""

    name: str
    labels: Mapping[str, str]
    values: np.ndarray[Any, np.dtype[np.float64]]


def draw_panel(
    figure: Figure,
    box: Box,
    panel: Mapping[str, Any],
    answers: Sequence[Sequence[Series]],
    span: Span,
) -> None:
    """Draw a panel.

    Args:
        figure: the page, one pixel a hundredth of an inch.
        box: the panel's place on it.
        panel: as it is in the dashboard's file, variables filled in.
        answers: what Prometheus said, by target.
        span: the time shown.
    """
    lines = list(_name_lines(panel, answers, span))
    width, height = figure.get_size_inches() * 100
    color = PANEL
    if panel["type"] == "stat":
        color = _color_stat(panel, lines[0] if lines else None)
    figure.add_artist(
        FancyBboxPatch(
            (box.x / width, 1 - (box.y + box.h) / height),
            box.w / width,
            box.h / height,
            boxstyle="square,pad=0",
            facecolor=PANEL if panel["type"] != "stat" or len(lines) > 1 else color,
            edgecolor=EDGE,
            linewidth=1,
        )
    )
    title = "white" if panel["type"] == "stat" and len(lines) < 2 else TEXT
    _write(figure, box.x + _PAD, box.y + 16, panel["title"], size=8.5, color=title, weight="bold")
    _DRAWERS[panel["type"]](figure, box, panel, lines, span)


def _draw_stat(
    figure: Figure, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], _span: Span
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    share = box.w / max(1, len(lines))
    for number, line in enumerate(lines):
        value = float(line.values[-1])
        text = write_value(value, defaults["unit"], defaults.get("decimals"))
        if math.isnan(value):
            text = defaults.get("noValue", "no value")
        left = box.x + number * share
        if len(lines) > 1:
            _fill(
                figure,
                Box(left + 4, box.y + _TITLE, share - 8, box.h - _TITLE - 6),
                _color_stat(panel, line),
            )
        middle = box.y + (box.h + _TITLE) / 2
        size = 26 if len(text) < 10 else 18
        named = len(lines) > 1 or "{{" in panel["targets"][0]["legendFormat"]
        _write(
            figure,
            left + share / 2,
            middle - (10 if named else 4),
            text,
            size=size,
            color="white",
            weight="bold",
            ha="center",
        )
        if named:
            _write(
                figure, left + share / 2, middle + 26, line.name, size=9, color="white", ha="center"
            )


def _draw_series(
    figure: Figure, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], span: Span
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    colors = _color_lines(panel, lines)
    right = panel["options"]["legend"]["placement"] == "right"
    place = box.cut(58, _TITLE, 200 if right else 14, 26 if right else 48)
    axes = _add_axes(figure, place)
    if "stacking" in custom:
        heights = [np.nan_to_num(line.values) for line in lines]
        if heights:
            step = "post" if custom.get("lineInterpolation") == "stepAfter" else None
            axes.stackplot(
                span.moments, *heights, colors=colors, alpha=0.75, step=step, linewidth=0
            )
    else:
        for line, color in zip(lines, colors, strict=True):
            dashed = "--" if "lineStyle" in _list_overrides(panel, line.name) else "-"
            axes.plot(span.moments, line.values, color=color, linewidth=1.5, linestyle=dashed)
            if len(lines) == 1:
                axes.fill_between(span.moments, line.values, color=color, alpha=0.12, linewidth=0)
    show_times(axes, span)
    show_heights(axes, defaults)
    _draw_legend(figure, box, panel, lines, colors)


def _draw_legend(
    figure: Figure,
    box: Box,
    panel: Mapping[str, Any],
    lines: Sequence[Line],
    colors: Sequence[str],
) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    if panel["options"]["legend"]["placement"] == "right":
        last = [float(line.values[-1]) for line in lines]
        order = sorted(range(len(lines)), key=lambda each: (-np.nan_to_num(last[each]), each))
        left = box.x + box.w - 190
        for row, each in enumerate(order[:_LEGEND_ROWS]):
            y = box.y + _TITLE + 8 + row * (box.h - 50) / _LEGEND_ROWS
            _fill(figure, Box(left, y - 2, 12, 4), colors[each])
            _write(figure, left + 18, y, lines[each].name[:20], size=7.5)
            _write(figure, left + 180, y, write_value(last[each], unit), size=7.5, ha="right")
        return
    x = box.x + _PAD
    for line, color in zip(lines, colors, strict=True):
        wide = 26 + 6.1 * len(line.name)
        if x + wide > box.x + box.w:
            return
        _fill(figure, Box(x, box.y + box.h - 14, 12, 4), color)
        _write(figure, x + 17, box.y + box.h - 12, line.name, size=7.5)
        x += wide


def _draw_states(
    figure: Figure, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], span: Span
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if not lines:
        _write(
            figure,
            box.x + box.w / 2,
            box.y + box.h / 2,
            defaults.get("noValue", "no data"),
            size=11,
            color=FAINT,
            ha="center",
        )
        return
    axes = _add_axes(figure, box.cut(178, _TITLE, 14, 26))
    for row, line in enumerate(lines):
        for begin, end, value in _list_runs(line.values):
            color = choose_color(value, defaults["thresholds"])
            start, width = span.moments[begin], (end - begin) * span.step
            axes.broken_barh([(start, width)], (row - 0.38, 0.76), facecolors=color, alpha=0.85)
    axes.set_ylim(max(len(lines), 3) - 0.5, -0.5)
    axes.set_yticks(range(len(lines)), [line.name[:26] for line in lines])
    show_times(axes, span)
    axes.grid(visible=False)


def _draw_heat(
    figure: Figure, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], span: Span
) -> None:
    ordered = sorted(lines, key=lambda line: float(line.labels["le"]))
    counts = np.diff([np.nan_to_num(line.values) for line in ordered], axis=0, prepend=0)
    axes = _add_axes(figure, box.cut(58, _TITLE, 14, 26))
    scale = panel["options"]["color"]["exponent"]
    shown = np.where(counts > 1e-9, np.maximum(counts, 0) ** scale, np.nan)
    edges = [*span.moments, span.moments[-1] + span.step]
    axes.pcolormesh(
        edges,
        range(len(ordered) + 1),
        shown,
        cmap=f"{panel['options']['color']['scheme']}_r",
        vmin=-0.5,
    )
    unit = panel["options"]["yAxis"]["unit"]
    every = 2 if len(ordered) > 10 else 1
    ticks = range(0, len(ordered), every)
    axes.set_yticks(
        [tick + 1 for tick in ticks], [_name_bound(ordered[tick], unit) for tick in ticks]
    )
    show_times(axes, span)


def _draw_table(
    figure: Figure, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], _span: Span
) -> None:
    (organize,) = (each["options"] for each in panel["transformations"])
    columns = sorted(organize["indexByName"], key=organize["indexByName"].__getitem__)
    places = np.cumsum([_PAD, *([box.w * 0.13] * (len(columns) - 1))])
    for column, place in zip(columns, places, strict=True):
        heading = organize["renameByName"].get(column, column)
        _write(
            figure,
            box.x + place,
            box.y + _TITLE + 16,
            heading,
            size=8.5,
            color="#6e9fff",
            weight="bold",
        )
        for row, line in enumerate(lines):
            cell = line.labels.get(column, f"{line.values[-1]:g}")
            _write(figure, box.x + place, box.y + _TITLE + 44 + 24 * row, cell, size=8.5)


_DRAWERS: dict[str, Callable[[Figure, Box, Mapping[str, Any], Sequence[Line], Span], None]] = {
    "stat": _draw_stat,
    "timeseries": _draw_series,
    "state-timeline": _draw_states,
    "heatmap": _draw_heat,
    "table": _draw_table,
}


def _name_lines(
    panel: Mapping[str, Any], answers: Sequence[Sequence[Series]], span: Span
) -> Iterator[Line]:
    for target, found in zip(panel["targets"], answers, strict=True):
        for series in found:
            name = target["legendFormat"]
            for label, value in series.labels.items():
                name = name.replace(f"{{{{{label}}}}}", value)
            values = np.full(len(span.moments), np.nan)
            for moment, number in series.points:
                values[min(span.find(moment), len(values) - 1)] = number
            yield Line(name, series.labels, values)


def _list_runs(values: np.ndarray[Any, Any]) -> Iterator[tuple[int, int, float]]:
    """List where the same value stays: first and last moment after it, and the value."""
    begin = 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at] != values[begin]:
            if not math.isnan(values[begin]):
                yield begin, at, float(values[begin])
            begin = at


def _list_overrides(panel: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {
        change["id"].removeprefix("custom."): change["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == name
        for change in override["properties"]
    }


def _color_lines(panel: Mapping[str, Any], lines: Sequence[Line]) -> list[str]:
    chosen = [_list_overrides(panel, line.name).get("color") for line in lines]
    return [
        COLORS[each["fixedColor"]] if each else CLASSIC[number % len(CLASSIC)]
        for number, each in enumerate(chosen)
    ]


def _color_stat(panel: Mapping[str, Any], line: Line | None) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    if line is None or math.isnan(line.values[-1]):
        return COLORS["dark-blue"]
    thresholds = _list_overrides(panel, line.name).get("thresholds", defaults["thresholds"])
    color = choose_color(float(line.values[-1]), thresholds)
    # White figures must be readable on it.
    dark = {"green": "#2f7d32", "orange": "#c4680e", "red": "#c4162a", "blue": "#1f60c4"}
    return dark.get(next(name for name, each in COLORS.items() if each == color), color)


def _name_bound(line: Line, unit: str) -> str:
    bound = float(line.labels["le"])
    return "more" if math.isinf(bound) else write_value(bound, unit)


def _add_axes(figure: Figure, box: Box) -> Axes:
    width, height = figure.get_size_inches() * 100
    return figure.add_axes(
        (box.x / width, 1 - (box.y + box.h) / height, box.w / width, box.h / height)
    )


def _fill(figure: Figure, box: Box, color: str) -> None:
    width, height = figure.get_size_inches() * 100
    corner = (box.x / width, 1 - (box.y + box.h) / height)
    figure.add_artist(
        FancyBboxPatch(
            corner,
            box.w / width,
            box.h / height,
            boxstyle="square,pad=0",
            facecolor=color,
            linewidth=0,
        )
    )


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    width, height = figure.get_size_inches() * 100
    figure.text(x / width, 1 - y / height, text, **({"color": TEXT, "va": "center"} | style))
