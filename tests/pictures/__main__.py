"""Play the scenario and draw both dashboards: `make pictures`."""

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tests.dashboards import DASHBOARDS, MONITORING, fill_in
from tests.pictures.axes import Span
from tests.pictures.page import Box, Page
from tests.pictures.panels import draw_panel
from tests.pictures.scenario import play_scenario
from tests.pictures.values import FAINT
from tests.prometheus import Prometheus, Series
from tests.short_rules import FACTOR

PICTURES = MONITORING / "pictures"
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


def main() -> None:
    """Play the scenario and draw both dashboards."""
    program = shutil.which("prometheus")
    if program is None:
        sys.exit("pictures need prometheus on PATH")
    with (
        tempfile.TemporaryDirectory(prefix="beatwatch-") as folder,
        play_scenario(program, Path(folder)) as (prometheus, span),
    ):
        PICTURES.mkdir(exist_ok=True)
        for name, dashboard in DASHBOARDS.items():
            draw_dashboard(prometheus, span, dashboard, PICTURES / f"{name}.png")
            sys.stdout.write(f"{PICTURES / name}.png\n")


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
    page.figure.savefig(drawn, format="png", dpi=_DPI)
    # Flat colours: a palette makes a third of the file.
    Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


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


if __name__ == "__main__":
    main()
