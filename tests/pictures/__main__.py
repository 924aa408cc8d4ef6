"""Play the scenario and draw both dashboards: `make pictures`."""

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from tests.dashboards import DASHBOARDS, MONITORING, fill_in
from tests.pictures.axes import Span
from tests.pictures.panels import Box, draw_panel
from tests.pictures.scenario import RULES_FASTER, play_scenario
from tests.pictures.values import FAINT, PAGE, TEXT
from tests.prometheus import Prometheus, Series

PICTURES = MONITORING / "pictures"
_WIDTH, _ROW, _GAP, _HEAD = 1280, 30, 8, 62
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
    height = _HEAD + bottom * _ROW + _GAP
    figure = Figure(figsize=(_WIDTH / 100, height / 100), dpi=100, facecolor=PAGE)
    day = time.strftime("%Y-%m-%d, times in UTC", time.gmtime(span.start))
    figure.text(
        _GAP / _WIDTH, 1 - 20 / height, dashboard["title"], color=TEXT, size=14, va="center"
    )
    figure.text(
        _GAP / _WIDTH,
        1 - 45 / height,
        "Drawn with matplotlib from the dashboard's own queries; no Grafana was run. "
        f"{day}; the alert rules' times are cut to 1/{RULES_FASTER}.",
        color=FAINT,
        size=8.5,
        va="center",
    )
    for label, panel in panels:
        answers = [_ask(prometheus, target, label, span) for target in panel["targets"]]
        title = fill_in(panel["title"], {"label": label})
        draw_panel(figure, _place(panel["gridPos"]), {**panel, "title": title}, answers, span)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    # Flat colours: a palette makes a third of the file.
    Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
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
