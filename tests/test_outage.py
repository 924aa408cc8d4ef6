"""The broker goes and comes back; the worker stays, says so, and never hangs."""

import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from service.embedded_kafka import EmbeddedKafka
from service.worker_process import WorkerProcess, find_free_port, start_worker
from tests.conftest import KAFKA_CACHE, create_beat
from tests.kafka_client import produce
from tests.test_worker import native

PATIENCE_SECONDS = 60.0


def wait_for_page(worker: WorkerProcess, page: str, status: int) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{worker.url}{page}", timeout=5) as answer:  # noqa: S310
                found, body = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            found, body = error.code, error.read().decode()
        except OSError:
            continue
        if found == status:
            return str(body)
    pytest.fail(f"{page} was never {status}:\n{worker.tail()}")


@pytest.mark.broker
def test_worker_outlives_its_broker_says_so_and_ends_when_told(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path / "kafka", cache_dir=KAFKA_CACHE)
    broker.start()
    try:
        beat = create_beat(broker, BEATWATCH_DRAIN_SECONDS="3")
        with start_worker(beat.environ, tmp_path) as worker:
            worker.wait_until_ready()
            broker.kill()
            assert '"answered_seconds_ago"' in wait_for_page(worker, "/readyz", 503)
            assert wait_for_page(worker, "/livez", 200)

            broker.start()
            produce(beat.bootstrap, beat.settings.articles_topic, [native("after")])
            wait_for_page(worker, "/readyz", 200)
            assert worker.wait_for_ledger(1)["alerted"] == 1

            broker.kill()
            worker.process.terminate()
            assert worker.process.wait(PATIENCE_SECONDS) == 1
            log = worker.log_file.read_text()
    finally:
        broker.stop()
    assert log.count("broker lost") == 1
    assert log.count("broker back") == 1
    assert "worker ends before it has drained" in log
    assert len(log.splitlines()) < 500, "aiokafka alone writes about 80 lines a second"


def test_worker_that_waits_for_its_broker_is_live_and_not_ready(tmp_path: Path) -> None:
    environ = {"BEATWATCH_BROKER": f"kafka://127.0.0.1:{find_free_port()}"}
    with start_worker(environ, tmp_path) as worker:
        wait_for_page(worker, "/readyz", 503)
        wait_for_page(worker, "/livez", 200)
