"""Axes of time and value, as quiet as Grafana's."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    MaxNLocator,
    MultipleLocator,
    NullFormatter,
)

from tests.pictures.values import COLORS, FAINT, GRID, PANEL, write_value

_TICKS_SECONDS = (15, 30, 60, 120, 300, 900, 3600)
_TICK_WIDTH = 62.0  # Of a time of day, with some air.
# What people count time in; all logarithmic axes are of times.
_ROUND_SECONDS = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800)
_SECONDS = sorted({*_ROUND_SECONDS, 0.003, 0.03, 0.3, 3, 30, 120, 300, 900, 1800, 7200})
_MINUTES_FROM = 60
_FEW_DECADES = 100


@dataclass(frozen=True, slots=True)
class Span:
    """The time shown: Unix time in seconds, one value each `step`."""

    start: float
    end: float
    step: float

    @property
    def moments(self) -> list[float]:
        """The moments for which there are values."""
        return [self.start + number * self.step for number in range(self.find(self.end) + 1)]

    def find(self, moment: float) -> int:
        """Find the number of a moment."""
        return round((moment - self.start) / self.step)


def show_times(axes: Axes, span: Span) -> None:
    """Write times of day (UTC) below, as many as have room, and draw what all axes have."""
    axes.set_facecolor(PANEL)
    axes.set_xlim(span.start, span.end)
    width = axes.get_window_extent().width / axes.figure.dpi * 100
    every = next(
        each for each in _TICKS_SECONDS if (span.end - span.start) / each < width / _TICK_WIDTH
    )
    first = math.ceil(span.start / every) * every
    ticks = list(range(first, int(span.end) + 1, every))
    axes.set_xticks(ticks, [time.strftime("%H:%M:%S", time.gmtime(tick)) for tick in ticks])
    axes.tick_params(colors=FAINT, labelsize=7.5, length=0)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def show_heights(axes: Axes, defaults: Mapping[str, Any]) -> None:
    """Write values with their unit at the left, and draw the thresholds that are in sight."""
    custom = defaults["custom"]
    if custom.get("scaleDistribution", {}).get("type") == "log":
        axes.set_yscale("log")
    low, high = axes.get_ylim()
    high = max(high, custom.get("axisSoftMax", high))
    axes.set_ylim(defaults.get("min", low), defaults.get("max", high if high > 0 else 1))
    axes.yaxis.set_major_locator(_choose_heights(axes, defaults["unit"]))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _place: write_value(value, defaults["unit"]))
    )
    if "thresholdsStyle" in custom:
        for step in defaults["thresholds"]["steps"][1:]:
            if step["value"] <= axes.get_ylim()[1]:
                axes.axhline(step["value"], color=COLORS[step["color"]], linewidth=1.2, alpha=0.8)


def _choose_heights(axes: Axes, unit: str) -> Locator:
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        few = high / low < _FEW_DECADES
        seen = [each for each in _SECONDS if low <= each <= high]
        return FixedLocator(seen if few else [each for each in seen if each in _ROUND_SECONDS])
    if unit == "bytes":
        return MultipleLocator(2 ** math.ceil(math.log2(high / 5)))
    if unit == "s" and high > _MINUTES_FROM:
        return MultipleLocator(next(each for each in _SECONDS if each >= high / 6))
    return MaxNLocator(5)
