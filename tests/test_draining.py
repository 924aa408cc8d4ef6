"""A worker that was told to stop, with work in hand, while its group rebalances. Real processes."""

import signal
from pathlib import Path

import pytest

from service.worker_process import start_worker
from tests.conftest import Beat
from tests.kafka_client import PATIENCE_SECONDS, produce, read_committed
from tests.scraping import scrape_until
from tests.test_desk import wait_for_line
from tests.test_worker import native

pytestmark = [pytest.mark.broker, pytest.mark.slow]

SLOW = ("-m", "tests.stalling_worker", "awaits")


def test_what_is_in_hand_when_another_worker_joins_is_done_and_not_repeated(
    beat: Beat, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    settings = beat.settings
    with start_worker(beat.environ, first, SLOW) as leaving:
        leaving.wait_until_ready()
        in_hand = native("in-hand", title="STALL", text="Rain is expected.")
        produce(beat.bootstrap, settings.articles_topic, [in_hand])
        scrape_until(leaving, lambda each: each.sum("in_flight_articles") == 1)
        leaving.process.terminate()
        with start_worker(beat.environ, second) as joining:
            wait_for_line(leaving, "because it is rebalancing")
            leaving.process.send_signal(signal.SIGUSR1)
            assert leaving.process.wait(PATIENCE_SECONDS) == 0
            committed = read_committed(beat.bootstrap, settings.group, settings.articles_topic)
            assert max(committed.values()) == 1
            joining.wait_until_ready()
            produce(beat.bootstrap, settings.articles_topic, [native("next")])
            assert joining.wait_for_ledger(1)["unmatched"] == 0, "it was not handled again"
            joining.drain()
