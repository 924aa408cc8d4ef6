"""What a worker holds in memory does not grow with what waits for it."""

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.embedded_kafka import EmbeddedKafka
from service.settings import Settings
from service.worker_process import WorkerProcess, start_worker
from tests.conftest import KAFKA_CACHE, create_beat
from tests.faults.access import allow_writes, forbid_writes
from tests.faults.cluster import ACL_PROPERTIES, Cluster
from tests.faults.report import MemoryRow, keep_memory
from tests.faults.traffic import write_match
from tests.kafka_client import Record, produce

pytestmark = [pytest.mark.faults, pytest.mark.broker]

WAITING = int(os.environ.get("FAULTS_WAITING", "1000000"))
# How long a backlog is watched, and how long there is between articles that nobody handles: the
# scenarios themselves, with no effect to wait for.
LOOK_SECONDS = 60.0
PAUSE_SECONDS = 0.5
LARGE, LARGE_BYTES = 1000, 900_000
REFUSE_SECONDS = 40.0
_SAMPLE_SECONDS = 0.25
# Half of what a worker has when it is ready (140 MB); a backlog of a million held would be more.
GROWTH_MAX_RATIO = 1.5


@dataclass(slots=True)
class Resident:
    """The resident memory of a process over time, in megabytes."""

    samples: list[float] = field(default_factory=list)

    @contextmanager
    def watch(self, pid: int) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(_SAMPLE_SECONDS):
                self.samples.append(read_resident_megabytes(pid))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join()


@contextmanager
def closing_broker(broker: Cluster) -> Iterator[None]:
    broker.start()
    try:
        yield
    finally:
        broker.stop()


def read_resident_megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def write_tiny(number: int) -> Record:
    key = f"a-{number}".encode()
    return key, json.dumps({"id": f"a-{number}", "text": "Rain."}).encode()


def write_alarming(number: int) -> Record:
    key = f"m-{number}".encode()
    return key, json.dumps({"id": f"m-{number}", "text": write_match("Tank", number % 90)}).encode()


def count_handled(worker: WorkerProcess) -> int:
    return sum(worker.read_ledger().values())


def watch_backlog(records: Iterable[Record], scratch: Path) -> tuple[Resident, int]:
    """Watch a worker that has articles waiting; tell how many it handled meanwhile, too."""
    with EmbeddedKafka(scratch / "kafka", cache_dir=KAFKA_CACHE) as broker:
        beat = create_beat(broker)
        produce(broker.bootstrap, beat.settings.articles_topic, records)
        with start_worker(beat.environ, scratch) as worker:
            worker.wait_until_ready()
            resident = Resident([read_resident_megabytes(worker.process.pid)])
            with resident.watch(worker.process.pid):
                time.sleep(LOOK_SECONDS)
            return resident, count_handled(worker)


def test_memory_is_the_same_with_a_million_articles_waiting(tmp_path: Path) -> None:
    resident, handled = watch_backlog(map(write_tiny, range(WAITING)), tmp_path)
    keep_memory(
        MemoryRow.summarise(f"{WAITING:,} articles waiting", WAITING, handled, resident.samples)
    )
    assert handled > 0
    assert max(resident.samples) < GROWTH_MAX_RATIO * resident.samples[0]


def write_large(number: int) -> Record:
    text = f"The council opened {number} libraries on Tuesday. " * (LARGE_BYTES // 50)
    return f"large-{number}".encode(), json.dumps({"id": f"large-{number}", "text": text}).encode()


def test_memory_holds_no_more_large_articles_than_are_read_ahead(tmp_path: Path) -> None:
    resident, handled = watch_backlog(map(write_large, range(LARGE)), tmp_path)
    name = f"{LARGE} articles of {LARGE_BYTES / 1e6:g} MB waiting"
    keep_memory(MemoryRow.summarise(name, LARGE, handled, resident.samples))
    read_ahead = 4 * Settings().batch_articles * LARGE_BYTES / 1e6
    # Once as bytes, and some of it once more as the text of what is labelled.
    assert max(resident.samples) < resident.samples[0] + 2 * read_ahead


def test_memory_is_the_same_while_the_broker_takes_nothing_and_articles_come(
    tmp_path: Path,
) -> None:
    broker = Cluster(tmp_path / "kafka", cache_dir=KAFKA_CACHE, nodes=1, properties=ACL_PROPERTIES)
    with closing_broker(broker):
        beat = create_beat(broker)
        topics = (
            beat.settings.matches_topic,
            beat.settings.alerts_topic,
            beat.settings.dlq_topic,
        )
        with start_worker(beat.environ, tmp_path) as worker:
            worker.wait_until_ready()
            for topic in topics:
                forbid_writes(broker.bootstrap, topic)
            resident = Resident([read_resident_megabytes(worker.process.pid)])
            begun, sent = time.monotonic(), 0
            with resident.watch(worker.process.pid):
                while time.monotonic() - begun < REFUSE_SECONDS:
                    records = [write_alarming(sent + number) for number in range(1000)]
                    produce(broker.bootstrap, beat.settings.articles_topic, records)
                    sent += len(records)
                    time.sleep(PAUSE_SECONDS)
                refused = count_handled(worker)
                for topic in topics:
                    allow_writes(broker.bootstrap, topic)
                worker.wait_for_ledger(refused + 200)
            handled = count_handled(worker)
    name = f"broker refuses all writes for {REFUSE_SECONDS:g} s while articles come"
    keep_memory(MemoryRow.summarise(name, sent, handled, resident.samples))
    assert max(resident.samples) < GROWTH_MAX_RATIO * resident.samples[0]
