"""Three lively minutes of two workers: news, no broker, a flood of bad input, a worker gone."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Producer

from service.article_files import read_articles
from service.demo import KAFKA_CACHE, OFF_BEAT_ARTICLES, SEEDS, read_seed_articles
from service.embedded_kafka import EmbeddedKafka
from service.settings import read_settings
from service.topics import create_topics
from service.worker_process import WorkerProcess, start_worker
from tests.alert_rules import RULE_FILES
from tests.desk_traffic import invent_report
from tests.faults.traffic import BROKEN
from tests.kafka_client import Record
from tests.pictures.axes import Span
from tests.prometheus import Prometheus, start_prometheus
from tests.short_rules import shorten_rules

WORKERS = 2
# So that some alerts go to digests.
SETTINGS = {"BEATWATCH_ALERTS_PER_HOUR": "ttp=80,border=30"}
# How evenly articles come.
_TICK_SECONDS = 0.1
# What the pictures show first: nothing comes.
_QUIET_SECONDS = 8.0
# Of a thousand messages.
_USUAL = {
    "off-beat": 873,
    "on-beat": 60,
    "seed": 5,
    "repeated": 20,
    "corrected": 12,
    "again": 8,
    "killed": 5,
    "withheld": 10,
    "broken": 7,
}
_FLOOD = {"broken": 700, "off-beat": 270, "on-beat": 30}


class Phase(NamedTuple):
    """What the newsroom sends for some time, and what is done at its beginning."""

    seconds: float
    per_second: float
    mix: dict[str, int]
    begin: Callable[["Stage"], None] | None = None


class Stage(NamedTuple):
    """What a scenario runs on."""

    kafka: EmbeddedKafka
    workers: list[WorkerProcess]


SCENARIO = (
    Phase(50, 40, _USUAL),
    Phase(35, 40, _USUAL, lambda stage: stage.kafka.kill()),
    Phase(45, 40, _USUAL, lambda stage: stage.kafka.start()),
    Phase(40, 80, _FLOOD),
    Phase(30, 40, _USUAL, lambda stage: stage.workers[-1].drain()),
)


@contextmanager
def play_scenario(program: str, folder: Path) -> Iterator[tuple[Prometheus, Span]]:
    """Play the scenario; when it is over, give Prometheus and the time that it took.

    Args:
        program: Prometheus.
        folder: for the data of all.
    """
    rules = [_shorten(path, folder) for path in RULE_FILES]
    with ExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka(folder / "kafka", cache_dir=KAFKA_CACHE))
        environ = {"BEATWATCH_BROKER": f"kafka://{kafka.bootstrap}", **SETTINGS}
        settings = read_settings(environ)
        asyncio.run(create_topics(settings, partitions=4))
        folders = [folder / f"worker-{number}" for number in range(WORKERS)]
        for each in folders:
            each.mkdir()
        workers = [stack.enter_context(start_worker(environ, each)) for each in folders]
        for worker in workers:
            worker.wait_until_ready()
        addresses = [worker.url.removeprefix("http://") for worker in workers]
        prometheus = stack.enter_context(start_prometheus(program, folder, addresses, rules))
        prometheus.wait_for("sum(beatwatch_ready)", WORKERS)
        start = time.time()
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        traffic = _Traffic()
        time.sleep(_QUIET_SECONDS)
        for phase in SCENARIO:
            if phase.begin is not None:
                phase.begin(Stage(kafka, workers))
            _send(producer, settings.articles_topic, traffic, phase)
        yield prometheus, Span(round(start), round(time.time()), 1.0)


def _send(producer: Producer, topic: str, traffic: "_Traffic", phase: Phase) -> None:
    end = time.monotonic() + phase.seconds
    sent = 0
    while (left := end - time.monotonic()) > 0:
        due = int((phase.seconds - left) * phase.per_second)
        for _ in range(due - sent):
            key, value = traffic.write(phase.mix)
            producer.produce(topic, value=value, key=key)
        sent = max(sent, due)
        producer.poll(0)
        time.sleep(_TICK_SECONDS)


def _shorten(rules: Path, folder: Path) -> Path:
    copy = folder / rules.name
    copy.write_text(shorten_rules(rules.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


class _Traffic:
    """Articles by what they are to the desk; always the same ones in the same order."""

    def __init__(self) -> None:
        self._chance = random.Random(2026)  # noqa: S311, no secret
        self._off_beat = _read_texts(SEEDS / "background.jsonl") + [
            json.loads(each)["text"] for each in read_articles(OFF_BEAT_ARTICLES)
        ]
        self._on_beat = _read_texts(SEEDS / "in_beat.jsonl")
        self._seeds = [json.loads(each)["text"] for each in read_seed_articles()]
        self._broken = [each for each in BROKEN if each is None or len(each) < 100_000]
        self._sent: list[dict[str, Any]] = []
        self._number = 0

    def write(self, mix: dict[str, int]) -> Record:
        """Write the next message."""
        self._number += 1
        chance = self._chance
        (kind,) = chance.choices(list(mix), list(mix.values()))
        if kind == "broken":
            return None, chance.choice(self._broken)
        article: dict[str, Any] = {"id": f"news-{self._number}"}
        if kind in ("corrected", "again", "killed", "repeated") and len(self._sent) > 20:
            article = self._come_back(kind, chance.choice(self._sent[-400:]))
        elif kind == "off-beat":
            article["text"] = "\n\n".join(chance.sample(self._off_beat, 2))
        elif kind == "seed":
            article["text"] = chance.choice(self._seeds)
        elif kind == "withheld":
            article |= {"status": "withheld", "text": chance.choice(self._off_beat)}
        else:
            made_up = invent_report(self._number)
            article["text"] = "\n\n".join((chance.choice(self._on_beat), made_up))
            if chance.random() < 0.5:
                article["text"] = chance.choice(self._on_beat)
            self._sent.append(article)
        minutes_old = chance.expovariate(1 / 4)
        published_at = datetime.now(UTC) - timedelta(minutes=minutes_old)
        dated = {"published_at": published_at.isoformat(), **article}
        return article["id"].encode(), json.dumps(dated).encode()

    def _come_back(self, kind: str, earlier: dict[str, Any]) -> dict[str, Any]:
        if kind == "again":
            return earlier
        if kind == "killed":
            self._sent.remove(earlier)
            return {"id": earlier["id"], "status": "canceled"}
        if kind == "repeated":
            return {**earlier, "id": f"news-{self._number}", "version": 1}
        corrected = {
            "version": earlier.get("version", 1) + 1,
            "text": f"CORRECTION: {self._number} people were hurt.\n\n{earlier['text']}",
        }
        earlier |= corrected
        return earlier


def _read_texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
