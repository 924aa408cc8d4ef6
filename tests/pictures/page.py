"""A dark page on which things are placed by pixels, from its upper left corner."""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tests.pictures.values import PAGE, TEXT

# Figures are measured in inches; a pixel is a hundredth, whatever the file's resolution.
_PIXELS = 100


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the page, in pixels."""

    x: float
    y: float
    w: float
    h: float

    def cut(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """Leave out so much on each side."""
        return Box(self.x + left, self.y + top, self.w - left - right, self.h - top - bottom)


class Page:
    """The page of a dashboard.

    Attributes:
        figure: matplotlib's.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / _PIXELS, height / _PIXELS), facecolor=PAGE)
        self._width, self._height = width, height

    def write(self, x: float, y: float, text: str, **style: Any) -> None:
        """Write a line; `y` is its middle."""
        style = {"color": TEXT, "va": "center", **style}
        self.figure.text(x / self._width, 1 - y / self._height, text, **style)

    def fill(self, box: Box, color: str, edge: str | None = None) -> None:
        """Fill a rectangle."""
        left, bottom, width, height = self._place(box)
        self.figure.add_artist(
            Rectangle((left, bottom), width, height, facecolor=color, edgecolor=edge or color)
        )

    def add_axes(self, box: Box) -> Axes:
        """Add axes, above what is filled."""
        return self.figure.add_axes(self._place(box), zorder=2)

    def _place(self, box: Box) -> tuple[float, float, float, float]:
        return (
            box.x / self._width,
            1 - (box.y + box.h) / self._height,
            box.w / self._width,
            box.h / self._height,
        )
