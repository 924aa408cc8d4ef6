"""A worker that stalls is dead in time; one that has reason to wait lives. Real processes."""

import json
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Producer

from service.embedded_kafka import EmbeddedKafka
from service.worker_process import WorkerProcess, start_worker
from tests.conftest import KAFKA_CACHE, Beat, create_beat
from tests.kafka_client import PATIENCE_SECONDS, produce, read_committed
from tests.stalling_worker import SLOW_SECONDS
from tests.test_outage import wait_for_page
from tests.test_worker import native, wait_until_handled

pytestmark = pytest.mark.broker

STALL_SECONDS = 4
LIMIT = {"BEATWATCH_STALL_SECONDS": str(STALL_SECONDS), "BEATWATCH_LOG_FORMAT": "json"}
# Several times what would end it.
LONG_SECONDS = 4 * STALL_SECONDS
# One that is to live while it works, on a machine that has other work as well: some seventeen
# articles before it would end, and two such times.
BUSY_STALL_SECONDS = 12
BUSY_SECONDS = 2 * BUSY_STALL_SECONDS


def stalling(kind: str) -> tuple[str, ...]:
    return ("-m", "tests.stalling_worker", kind)


def lives_for(worker: WorkerProcess, seconds: float) -> bool:
    """Tell whether it still runs after a time: there is no effect to wait for."""
    try:
        worker.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


@pytest.mark.parametrize("kind", ["blocks", "awaits", "holds"])
def test_worker_that_hangs_ends_with_1_and_acknowledges_nothing(
    kafka: EmbeddedKafka, tmp_path: Path, kind: str
) -> None:
    beat = create_beat(kafka, **LIMIT)
    topic = beat.settings.articles_topic
    with start_worker(beat.environ, tmp_path, stalling(kind)) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, topic, [native("fine")])
        worker.wait_for_ledger(1)
        wait_until_handled(beat)
        before = read_committed(beat.bootstrap, beat.settings.group, topic)
        produce(beat.bootstrap, topic, [native("stall", title="STALL")])
        assert worker.process.wait(STALL_SECONDS + PATIENCE_SECONDS) == 1
        lines = worker.log_file.read_text()
    assert read_committed(beat.bootstrap, beat.settings.group, topic) == before
    if kind == "holds":
        assert "stalling_worker.py" in lines
        return
    (line,) = [json.loads(each) for each in lines.splitlines() if "worker stalls" in each]
    assert line["level"] == "critical"
    if kind == "blocks":
        assert "stalling_worker.py" in "".join(line["where"])
    else:
        assert line["why"] == "articles wait and none is handled"
        assert (line["topic"], line["lag_articles"]) == (topic, 1)


def test_idle_worker_lives_and_shows_that_nothing_waits(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    beat = create_beat(kafka, **LIMIT)
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, [native("a")])
        worker.wait_for_ledger(1)
        wait_until_handled(beat)
        assert lives_for(worker, LONG_SECONDS), worker.tail()
        page = wait_for_page(worker, "/metrics", 200)
        shown = [line for line in page.splitlines() if line.startswith("beatwatch_consumer_lag")]
        worker.drain()
    assert len(shown) == 5, "four partitions of articles, one of matches"
    assert all(line.endswith(" 0.0") for line in shown)


def test_offsets_of_transactions_are_no_articles_that_wait(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    beat = create_beat(kafka, **LIMIT)
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        publish_in_transaction(beat)
        worker.wait_for_ledger(1)
        assert lives_for(worker, LONG_SECONDS), worker.tail()
        worker.drain()


def publish_in_transaction(beat: Beat) -> None:
    producer = Producer(
        {"bootstrap.servers": beat.bootstrap, "transactional.id": beat.settings.group}
    )
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    key, value = native("a")
    producer.produce(beat.settings.articles_topic, value, key)
    producer.commit_transaction(PATIENCE_SECONDS)


def test_busy_worker_lives_however_long_its_batches_take(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    beat = create_beat(kafka, BEATWATCH_STALL_SECONDS=str(BUSY_STALL_SECONDS))
    articles = int(BUSY_SECONDS / SLOW_SECONDS)
    with start_worker(beat.environ, tmp_path, stalling("slow")) as worker:
        worker.wait_until_ready()
        records = [native(f"a-{number}", title="STALL") for number in range(articles)]
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        assert lives_for(worker, BUSY_SECONDS), worker.tail()
        worker.wait_for_ledger(articles)
        worker.drain()


def test_worker_whose_broker_is_away_waits(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path / "kafka", cache_dir=KAFKA_CACHE)
    broker.start()
    try:
        beat = create_beat(broker, **LIMIT)
        with start_worker(beat.environ, tmp_path, stalling("slow")) as worker:
            worker.wait_until_ready()
            records = [native(f"a-{number}", title="STALL") for number in range(10)]
            produce(beat.bootstrap, beat.settings.articles_topic, records)
            worker.wait_for_ledger(1)
            broker.kill()
            assert lives_for(worker, LONG_SECONDS), worker.tail()
    finally:
        broker.stop()
