"""One panel of a dashboard, drawn in the place that the dashboard gives it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.pictures.axes import Span, show_heights, show_times
from tests.pictures.legends import PAD, TITLE, draw_legend, leave_room
from tests.pictures.lines import Line, color_lines, find_override, name_lines
from tests.pictures.page import Box, Page
from tests.pictures.values import COLORS, EDGE, FAINT, PANEL, choose_color, write_value
from tests.prometheus import Series

Panel = Mapping[str, Any]

# White figures must be readable on them.
_BEHIND_WHITE = {"green": "#2f7d32", "orange": "#c4680e", "red": "#c4162a", "blue": "#1f60c4"}
_HEADING = "#6e9fff"
_STATES_LEFT = 175
_BUCKETS_ALL_NAMED = 10


def draw_panel(
    page: Page, box: Box, panel: Panel, answers: Sequence[Sequence[Series]], span: Span
) -> None:
    """Draw a panel.

    Args:
        page: what to draw on.
        box: the panel's place.
        panel: as it is in the dashboard's file, its title filled in.
        answers: what Prometheus said, by target.
        span: the time shown.
    """
    page.fill(box, PANEL, EDGE)
    _DRAWERS[panel["type"]](page, box, panel, name_lines(panel, answers, span), span)
    page.write(box.x + PAD, box.y + 16, panel["title"], size=9, weight="bold")


def _draw_stat(page: Page, box: Box, panel: Panel, lines: Sequence[Line], _span: Span) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    share = (box.w - 8) / max(1, len(lines))
    for number, line in enumerate(lines):
        part = Box(box.x + 6 + number * share, box.y + TITLE, share - 4, box.h - TITLE - 6)
        thresholds = find_override(panel, line, "thresholds") or defaults["thresholds"]
        text, color = defaults.get("noValue", "no value"), "blue"
        if not math.isnan(line.last):
            text = write_value(line.last, defaults["unit"], defaults.get("decimals"))
            color = choose_color(line.last, thresholds)
        page.fill(part, _BEHIND_WHITE[color])
        x, y = part.x + part.w / 2, part.y + part.h / 2
        if panel["options"]["textMode"] == "value_and_name":
            page.write(x, y + 26, line.name, size=9, color="white", ha="center")
            y -= 12
        page.write(x, y, text, size=24, weight="bold", color="white", ha="center")


def _draw_series(page: Page, box: Box, panel: Panel, lines: Sequence[Line], span: Span) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    colors = color_lines(panel, lines)
    axes = page.add_axes(leave_room(panel, box, lines))
    if "stacking" in defaults["custom"]:
        heights = [np.nan_to_num(line.values) for line in lines]
        step = "post" if defaults["custom"].get("lineInterpolation") == "stepAfter" else None
        axes.stackplot(span.moments, *heights, colors=colors, alpha=0.75, step=step, linewidth=0)
    else:
        for line, color in zip(lines, colors, strict=True):
            style = "--" if find_override(panel, line, "custom.lineStyle") else "-"
            axes.plot(span.moments, line.values, style, color=color, linewidth=1.5)
    show_times(axes, span)
    show_heights(axes, defaults)
    draw_legend(page, box, panel, lines, colors)


def _draw_states(page: Page, box: Box, panel: Panel, lines: Sequence[Line], span: Span) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if not lines:
        x, y = box.x + box.w / 2, box.y + box.h / 2
        page.write(x, y, defaults["noValue"], size=11, color=FAINT, ha="center")
        return
    axes = page.add_axes(box.cut(_STATES_LEFT, TITLE, 14, 26))
    for row, line in enumerate(lines):
        for begin, end, value in line.list_runs():
            color = COLORS[choose_color(value, defaults["thresholds"])]
            bar = (span.moments[begin], (end - begin) * span.step)
            axes.broken_barh([bar], (row - 0.38, 0.76), facecolors=color, alpha=0.85)
    axes.set_ylim(max(len(lines), 3) - 0.5, -0.5)
    axes.set_yticks(range(len(lines)), [line.name for line in lines])
    show_times(axes, span)
    axes.grid(visible=False)


def _draw_heat(page: Page, box: Box, panel: Panel, lines: Sequence[Line], span: Span) -> None:
    in_order = sorted(lines, key=lambda line: float(line.labels["le"]))
    # A bucket of Prometheus holds what is in the smaller ones, too.
    counts = np.diff([np.nan_to_num(line.values) for line in in_order], axis=0, prepend=0)
    color = panel["options"]["color"]
    shown = np.where(counts > 0, np.maximum(counts, 0) ** color["exponent"], np.nan)
    axes = page.add_axes(box.cut(60, TITLE, 14, 26))
    edges = [*span.moments, span.moments[-1] + span.step]
    colors = f"{color['scheme']}_r"
    axes.pcolormesh(edges, range(len(in_order) + 1), shown, cmap=colors, vmin=-np.nanmax(shown) / 4)
    every = 1 if len(in_order) <= _BUCKETS_ALL_NAMED else 2
    unit = panel["options"]["yAxis"]["unit"]
    bounds = [_name_bound(line, unit) for line in in_order]
    axes.set_yticks(range(1, len(bounds) + 1)[::every], bounds[::every])
    show_times(axes, span)


def _draw_table(page: Page, box: Box, panel: Panel, lines: Sequence[Line], _span: Span) -> None:
    (organize,) = (each["options"] for each in panel["transformations"])
    columns = sorted(organize["indexByName"], key=organize["indexByName"].__getitem__)
    for number, column in enumerate(columns):
        x, y = box.x + PAD + number * box.w * 0.135, box.y + TITLE + 16
        heading = organize["renameByName"].get(column, column)
        page.write(x, y, heading, size=9, color=_HEADING, weight="bold")
        for row, line in enumerate(lines):
            cell = line.labels.get(column, f"{line.last:g}")
            page.write(x, y + 28 + 24 * row, cell, size=8.5)


_DRAWERS: dict[str, Callable[[Page, Box, Panel, Sequence[Line], Span], None]] = {
    "stat": _draw_stat,
    "timeseries": _draw_series,
    "state-timeline": _draw_states,
    "heatmap": _draw_heat,
    "table": _draw_table,
}


def _name_bound(line: Line, unit: str) -> str:
    bound = float(line.labels["le"])
    return "more" if math.isinf(bound) else write_value(bound, unit)
