"""Numbers as Grafana writes them, and its colours, so that a picture is what a reader will see."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

PAGE, PANEL, EDGE, GRID = "#111217", "#181b1f", "#2c3235", "#2a2d33"
TEXT, FAINT = "#ccccdc", "#8e8e9c"
# Grafana's dark theme.
COLORS = {
    "green": "#73bf69",
    "dark-green": "#37872d",
    "yellow": "#f2cc0c",
    "super-light-orange": "#ffcb7d",
    "orange": "#ff9830",
    "red": "#f2495c",
    "light-blue": "#8ab8ff",
    "blue": "#5794f2",
    "dark-blue": "#1f60c4",
    "purple": "#b877d9",
    "dark-purple": "#8f3bb8",
    "text": FAINT,
    "transparent": PANEL,
}
CLASSIC = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0")

_SECONDS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))
_BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
_SHORT = ((1e6, "M"), (1e3, "K"), (1, ""))


def write_value(value: float, unit: str, decimals: int | None = None) -> str:
    """Write a number with its unit.

    Args:
        value: in the unit's base: seconds, bytes, a share of 1.
        unit: one of Grafana's ids of units, of those that the dashboards use.
        decimals: how many; by default three significant digits.
    """
    scales = {"s": _SECONDS, "bytes": _BYTES, "short": _SHORT}.get(unit, ((1, ""),))
    if unit == "percentunit":
        value, scales = value * 100, ((1, "%"),)
    if not math.isfinite(value):
        return "never" if value > 0 else "no value"
    least = scales[-1]
    scale, name = next((each for each in scales if abs(value) >= each[0]), least)
    if value == 0:
        scale, name = next((each for each in scales if each[0] == 1), least)
    shown = value / scale
    digits = decimals if decimals is not None else _significant(shown)
    number = f"{shown:.{digits}f}"
    if "." in number and decimals is None:
        number = number.rstrip("0").rstrip(".")
    gap = " " if name not in ("", "%", "K", "M") else ""
    return (
        f"{number}{gap}{name}{unit.removeprefix('suffix:') if unit.startswith('suffix:') else ''}"
    )


def choose_color(value: float, thresholds: Mapping[str, Any]) -> str:
    """Name the colour of the last step that a value reaches."""
    steps: Sequence[Mapping[str, Any]] = thresholds["steps"]
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return str(reached[-1]["color"])


def _significant(shown: float) -> int:
    if shown == 0:
        return 0
    return max(0, 2 - math.floor(math.log10(abs(shown))))
