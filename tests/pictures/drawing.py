"""A dashboard as a picture, in the layout that Grafana gives it."""

import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tests.dashboards import fill_in
from tests.pictures.axes import Span
from tests.pictures.page import Box, Page
from tests.pictures.panels import draw_panel
from tests.pictures.values import FAINT
from tests.prometheus import Prometheus, Series
from tests.short_rules import FACTOR

_WIDTH, _ROW, _GAP, _HEAD = 1120, 30, 8, 62
_CAPTION = (
    "Drawn with matplotlib from the dashboard's own queries; no Grafana was run. "
    "{day}; alert rules wait 1/{factor} of their times."
)
# Sharp on screens of today, when the page makes it smaller.
_DPI = 150
# Four times the scrape interval, as Grafana chooses it, and some more: each point of a rate is
# of so many seconds.
_RATE_INTERVAL = "8s"


def draw_dashboard(
    prometheus: Prometheus, span: Span, dashboard: Mapping[str, Any], path: Path
) -> None:
    """Draw a dashboard into a PNG file.

    Args:
        prometheus: whom to ask.
        span: the time to show.
        dashboard: as in its file.
        path: of the picture.
    """
    labels = prometheus.list_values("label", "beatwatch_label_threshold")
    panels = [each for panel in dashboard["panels"] for each in _repeat(panel, labels)]
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for _, panel in panels)
    page = Page(_WIDTH, _HEAD + bottom * _ROW + _GAP)
    day = time.strftime("%Y-%m-%d, times in UTC", time.gmtime(span.start))
    page.write(_GAP, 20, dashboard["title"], size=14)
    page.write(_GAP, 45, _CAPTION.format(day=day, factor=FACTOR), size=9, color=FAINT)
    for label, panel in panels:
        answers = [_ask(prometheus, target, label, span) for target in panel["targets"]]
        titled = {**panel, "title": fill_in(panel["title"], {"label": label})}
        draw_panel(page, _place(panel["gridPos"]), titled, answers, span)
    drawn = io.BytesIO()
    page.figure.savefig(drawn, dpi=_DPI)
    # Flat colours: with a palette the file has a third of the size. matplotlib brings Pillow.
    picture = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def _repeat(panel: Mapping[str, Any], labels: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Repeat a panel for each label beside each other, if it says so."""
    if "repeat" not in panel:
        yield "|".join(labels), dict(panel)
        return
    for number, label in enumerate(labels[: panel["maxPerRow"]]):
        place = panel["gridPos"]
        yield label, {**panel, "gridPos": {**place, "x": number * place["w"]}}


def _ask(prometheus: Prometheus, target: Mapping[str, Any], label: str, span: Span) -> list[Series]:
    values = {
        "__rate_interval": _RATE_INTERVAL,
        "__range": f"{span.end - span.start:.0f}s",
        "label": label,
    }
    query = fill_in(target["expr"], values)
    start = span.end if target["instant"] else span.start
    return prometheus.ask_range(query, start, span.end, span.step)


def _place(grid: Mapping[str, int]) -> Box:
    column = (_WIDTH - _GAP) / 24
    return Box(
        _GAP + grid["x"] * column,
        _HEAD + grid["y"] * _ROW,
        grid["w"] * column - _GAP,
        grid["h"] * _ROW - _GAP,
    )
