"""Every query of the dashboards returns data from a real Prometheus that reads a real worker."""

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from service.embedded_kafka import EmbeddedKafka
from service.model_file import MANIFEST_FILE
from service.outcomes import Outcome
from service.settings import CHECKOUT
from service.worker_process import start_worker
from tests.conftest import create_beat
from tests.dashboards import DASHBOARDS, QUERIES, Query, fill_in
from tests.desk_traffic import invent_report, mix_articles, write_record
from tests.kafka_client import Record, produce
from tests.pictures.axes import Span
from tests.pictures.drawing import draw_dashboard
from tests.prometheus import Prometheus, start_prometheus
from tests.tools import require_tool

pytestmark = [pytest.mark.broker, pytest.mark.slow]

# None of ours fires while all is well.
RULE = {"alert": "BeatwatchTested", "expr": 'up{job="beatwatch"} == 1'}
DATED = {"published_at": "2026-03-12T06:30:00Z"}
# So that what is new beyond it is digested.
SETTINGS = {"BEATWATCH_ALERTS_PER_HOUR": "ttp=20"}
# Of outcomes that a mix of articles may do without.
ODD_ONES: list[Record] = [
    (b"broken", b'{"id": "broken", "text": "The line was cut in the mid'),
    write_record("early", status="withheld", text="Not yet."),
    write_record("same", text=invent_report(7), **DATED),
    write_record("same", text=invent_report(7), version=2, updated_at="2026-03-12T07:30:00Z"),
]


@pytest.fixture(scope="module")
def prometheus(
    kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    program = require_tool("prometheus")
    folder = tmp_path_factory.mktemp("dashboards")
    rules = folder / "rules.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "tested", "rules": [RULE]}]}))
    beat = create_beat(kafka, **SETTINGS)
    records = [*ODD_ONES, *mix_articles(300)]
    with start_worker(beat.environ, folder) as worker:
        worker.wait_until_ready()
        address = worker.url.removeprefix("http://")
        with start_prometheus(program, folder, [address], [rules]) as started:
            # A rate needs a value from before the traffic.
            started.wait_for("beatwatch_ready", 1)
            produce(beat.bootstrap, beat.settings.articles_topic, records)
            started.wait_for("sum(beatwatch_articles_total)", len(records))
            started.wait_for("sum(beatwatch_dead_letters_open)", 1)
            yield started


def ask(prometheus: Prometheus, query: Query) -> list[float]:
    labels = prometheus.list_values("label", "beatwatch_label_threshold")
    values = {"__rate_interval": "2m", "__range": "5m", "label": "|".join(labels)}
    answer = prometheus.ask(fill_in(query.text, values))
    return [value for series in answer for _, value in series.points]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_query_returns_data(prometheus: Prometheus, query: Query) -> None:
    values = ask(prometheus, query)

    assert values
    assert not all(math.isnan(value) for value in values)


@pytest.mark.parametrize("outcome", Outcome)
def test_traffic_came_to_every_outcome(prometheus: Prometheus, outcome: Outcome) -> None:
    (series,) = prometheus.ask(f'sum(beatwatch_articles_total{{outcome="{outcome}"}})')

    assert series.points[0][1] > 0


@pytest.mark.parametrize("name", DASHBOARDS)
def test_picture_of_the_dashboard_is_drawn(
    name: str, prometheus: Prometheus, tmp_path: Path
) -> None:
    now = round(time.time())
    picture = tmp_path / "picture.png"

    draw_dashboard(prometheus, Span(now - 60, now, 1), DASHBOARDS[name], picture)

    assert picture.read_bytes().startswith(b"\x89PNG")


def test_labels_to_choose_from_are_those_of_the_model(prometheus: Prometheus) -> None:
    (variable,) = (
        each for each in DASHBOARDS["desk"]["templating"]["list"] if each["name"] == "label"
    )
    selector, name = (
        variable["query"]["query"].removeprefix("label_values(").rstrip(")").split(", ")
    )
    manifest = json.loads((CHECKOUT / "models" / MANIFEST_FILE).read_text())

    assert set(prometheus.list_values(name, selector)) == {
        label["name"] for label in manifest["labels"]
    }
