"""The broker goes and comes back; the worker stays, says so, and never hangs."""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service import worker as entry_point
from service.broker import BrokerError
from service.embedded_kafka import EmbeddedKafka
from service.health import BROKER_LATE_SECONDS, Health
from service.settings import Settings
from service.worker_process import WorkerProcess, find_free_port, start_worker
from tests.conftest import KAFKA_CACHE, create_beat
from tests.kafka_client import produce
from tests.scraping import scrape, scrape_until
from tests.test_worker import native

PATIENCE_SECONDS = 60.0
# A minute, with what passes before it is noticed.
AWAY_SECONDS = 45.0
PARTITIONS = 5


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
            scrape_until(worker, lambda each: len(each.lags) == PARTITIONS)
            broker.kill()
            checks = json.loads(wait_for_page(worker, "/readyz", 503))["checks"]
            assert [name for name, each in checks.items() if not each["ok"]] == ["broker"]
            with pytest.raises(subprocess.TimeoutExpired):
                worker.process.wait(AWAY_SECONDS)
            assert wait_for_page(worker, "/livez", 200)
            away = scrape(worker)
            assert away.get("broker_connected") == away.get("ready") == 0
            assert away.get("check_ok", check="broker") == 0
            assert away.get("check_ok", check="event_loop") == 1
            assert len(away.lags) == PARTITIONS, "what waited when it was last asked"

            broker.start()
            topic = beat.settings.articles_topic
            produce(beat.bootstrap, topic, [native("after"), (b"bad", b"{")])
            wait_for_page(worker, "/readyz", 200)
            assert worker.wait_for_ledger(2)["alerted"] == 1
            back = scrape_until(worker, lambda each: each.sum("dead_letters_open") == 1)[-1]
            assert back.get("broker_connected") == back.get("ready") == 1
            assert back.imbalance == 0

            broker.kill()
            worker.process.terminate()
            assert worker.process.wait(PATIENCE_SECONDS) == 1
            log = worker.log_file.read_text()
    finally:
        broker.stop()
    assert log.count("broker lost") == 1
    assert log.count("broker still away") <= 1
    assert log.count("broker back") == 1
    assert "worker ends before it has drained" in log
    assert len(log.splitlines()) < 500, "aiokafka alone writes about 80 lines a second"


def test_worker_that_waits_for_its_broker_is_live_and_not_ready(tmp_path: Path) -> None:
    environ = {"BEATWATCH_BROKER": f"kafka://127.0.0.1:{find_free_port()}"}
    with start_worker(environ, tmp_path) as worker:
        wait_for_page(worker, "/readyz", 503)
        wait_for_page(worker, "/livez", 200)


def test_broker_that_stays_away_is_named_at_once_and_then_once_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = 0.0
    health = Health(clock=lambda: seconds)
    away_until = 10 * 60.0

    async def knock(_settings: Settings) -> None:
        nonlocal seconds
        seconds += 5
        if seconds > away_until + 60:
            raise asyncio.CancelledError
        if seconds <= away_until:
            raise BrokerError("nobody answers")

    monkeypatch.setattr(entry_point, "knock", knock)
    monkeypatch.setattr(entry_point, "_KNOCK_SECONDS", 0.0)
    with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
        asyncio.run(entry_point.watch_broker(Settings(), health))
    said = [(line["event"].split(";")[0], line.get("silence_seconds")) for line in lines]
    away = [("broker still away", round(BROKER_LATE_SECONDS) + 60 * each) for each in range(1, 10)]
    assert said == [("broker lost", BROKER_LATE_SECONDS), *away, ("broker back", None)]
