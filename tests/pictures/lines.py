"""What Prometheus answered, as the lines of a panel, and how the panel wants them to look."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.pictures.axes import Span
from tests.pictures.values import CLASSIC, COLORS
from tests.prometheus import Series

Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Line:
    """One series as the legend names it, on the moments of the picture (NaN: no value)."""

    name: str
    labels: Mapping[str, str]
    values: Values

    @property
    def last(self) -> float:
        """The value at the end of the time shown."""
        return float(self.values[-1])

    @property
    def last_known(self) -> float:
        """The last value that there is; 0 without any."""
        return float(next(iter(self._known()[::-1]), 0.0))

    @property
    def largest(self) -> float:
        """The largest value; 0 without any."""
        return float(self._known().max(initial=0.0))

    def list_runs(self) -> Iterator[tuple[int, int, float]]:
        """List where a value stays: its first moment, the one after its last, and the value."""
        begin = 0
        for at in range(1, len(self.values) + 1):
            if at == len(self.values) or self.values[at] != self.values[begin]:
                if not math.isnan(self.values[begin]):
                    yield begin, at, float(self.values[begin])
                begin = at

    def _known(self) -> Values:
        return self.values[~np.isnan(self.values)]


def name_lines(
    panel: Mapping[str, Any], answers: Sequence[Sequence[Series]], span: Span
) -> list[Line]:
    """Name the series of a panel as its targets say.

    Args:
        panel: as in the dashboard's file.
        answers: what Prometheus said, by target.
        span: the time shown.
    """
    lines = []
    for target, found in zip(panel["targets"], answers, strict=True):
        for series in found:
            name = target["legendFormat"]
            for label, value in series.labels.items():
                name = name.replace(f"{{{{{label}}}}}", value)
            values = np.full(len(span.moments), np.nan)
            for moment, number in series.points:
                values[span.find(moment)] = number
            lines.append(Line(name, series.labels, values))
    return lines


def find_override(panel: Mapping[str, Any], line: Line, name: str) -> Any:
    """Find what a panel says of one line alone; none if it says nothing."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == line.name:
            for change in override["properties"]:
                if change["id"] == name:
                    return change["value"]
    return None


def color_lines(panel: Mapping[str, Any], lines: Sequence[Line]) -> list[str]:
    """Choose the colour of each line: its own, or Grafana's next."""
    chosen = [find_override(panel, line, "color") for line in lines]
    return [
        COLORS[each["fixedColor"]] if each else CLASSIC[number % len(CLASSIC)]
        for number, each in enumerate(chosen)
    ]
