"""What is shown of open dead letters, as the desk comes and goes and the broker does not answer."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client import CollectorRegistry

from service import letter_watch
from service.handling import Rejected
from service.health import DeskCounts, Health
from service.letter_watch import COUNTED_DAYS, LetterWatch
from service.messages import RejectionReason
from service.outgoing import format_rejection
from service.settings import Settings, read_settings
from service.worker_metrics import WorkerMetrics
from service.worker_process import start_worker
from tests.conftest import Beat
from tests.factories import NOW, raw
from tests.kafka_client import PATIENCE_SECONDS

DAY_SECONDS = 24 * 3600


class Watched:
    """A watch, and what it shows."""

    def __init__(self, settings: Settings) -> None:
        self.health = Health()
        self.registry = CollectorRegistry()
        self.metrics = WorkerMetrics(self.registry)
        self.watch = LetterWatch(settings, self.health, self.metrics)

    def count(self, reason: RejectionReason) -> float | None:
        return self.registry.get_sample_value("beatwatch_dead_letters_open", {"reason": reason})

    async def wait_for(self, reason: RejectionReason, wanted: float) -> None:
        await asyncio.to_thread(self._wait_for, reason, wanted)

    def _wait_for(self, reason: RejectionReason, wanted: float) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.count(reason) != wanted:
            assert time.monotonic() < deadline, f"{reason}: {self.count(reason)}"
            time.sleep(0.01)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter_watch, "_LOOK_SECONDS", 0.05)


def test_nothing_is_shown_once_the_desk_has_moved_though_the_broker_does_not_answer() -> None:
    watched = Watched(Settings(broker="127.0.0.1:1"))
    watched.metrics.show_letters({RejectionReason.NO_TEXT: 2}, 1000)
    asked = []

    def count_desks() -> DeskCounts:
        asked.append(1)
        return DeskCounts(1, 1) if len(asked) == 1 else DeskCounts()

    watched.health.count_desks = count_desks

    async def check() -> None:
        watching = asyncio.create_task(watched.watch._watch())  # noqa: SLF001, else a thread
        await watched.wait_for(RejectionReason.NO_TEXT, 0)
        watching.cancel()

    asyncio.run(check())


def create_dated_topic(beat: Beat) -> Settings:
    """A dead-letter topic on which a letter is as old as its producer says."""
    environ = beat.environ | {"BEATWATCH_DLQ_TOPIC": beat.settings.dlq_topic + ".dated"}
    settings = read_settings(environ)
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    for made in admin.create_topics([NewTopic(settings.dlq_topic, 1, 1)]).values():
        made.result(PATIENCE_SECONDS)
    return settings


def lay_down(settings: Settings, reason: RejectionReason, age_days: float) -> None:
    message = format_rejection(raw(), Rejected(reason, ""), settings.dlq_topic, NOW)
    producer = Producer({"bootstrap.servers": ",".join(settings.broker_addresses)})
    producer.produce(
        message.topic,
        message.value,
        message.key,
        timestamp=round((time.time() - age_days * DAY_SECONDS) * 1000),
        headers=list(message.headers),
    )
    producer.flush(PATIENCE_SECONDS)


@pytest.mark.broker
def test_letters_of_long_ago_are_not_counted_and_none_without_the_desk(beat: Beat) -> None:
    settings = create_dated_topic(beat)
    lay_down(settings, RejectionReason.NO_TEXT, COUNTED_DAYS + 1)
    lay_down(settings, RejectionReason.INVALID_JSON, COUNTED_DAYS - 1)
    watched = Watched(settings)
    watched.health.count_desks = lambda: DeskCounts(1, 1)

    async def check() -> None:
        watching = asyncio.create_task(watched.watch._watch())  # noqa: SLF001, else a thread
        await watched.wait_for(RejectionReason.INVALID_JSON, 1)
        assert watched.count(RejectionReason.NO_TEXT) == 0
        lay_down(settings, RejectionReason.INVALID_JSON, 0)
        await watched.wait_for(RejectionReason.INVALID_JSON, 2)
        watched.health.count_desks = DeskCounts
        await watched.wait_for(RejectionReason.INVALID_JSON, 0)
        watching.cancel()

    asyncio.run(check())


@pytest.mark.broker
def test_worker_ends_loudly_when_one_of_its_threads_dies(beat: Beat, tmp_path: Path) -> None:
    environ = beat.environ | {"BEATWATCH_LOG_FORMAT": "json"}
    bug = ("-m", "tests.stalling_worker", "watch_dies")
    with start_worker(environ, tmp_path, bug) as worker:
        # It looks again only after a while, if it has no desk yet.
        assert worker.process.wait(3 * PATIENCE_SECONDS) == 1
        lines = worker.log_file.read_text().splitlines()
    (line,) = [json.loads(each) for each in lines if "worker stops" in each]
    assert (line["level"], line["error"]) == ("critical", "LookupError")
    assert "_follow" in line["exception"]
