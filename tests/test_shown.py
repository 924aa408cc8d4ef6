"""What real workers on real Kafka show, and whether it is true."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.settings import CHECKOUT
from service.worker_process import start_worker
from tests.conftest import Beat
from tests.desk_traffic import mix_articles
from tests.kafka_client import produce, read_all, read_committed, read_ends
from tests.scraping import scrape, scrape_until
from tests.test_outage import wait_for_page
from tests.test_worker import native

pytestmark = pytest.mark.broker

STALLING = ("-m", "tests.stalling_worker", "slow")


def test_ledger_adds_up_in_every_scrape_while_there_is_work_and_after_it(
    beat: Beat, tmp_path: Path
) -> None:
    records = [*mix_articles(1500), *((b"bad", b"{") for _ in range(20))]
    records.append(native("dated", published_at="2024-01-03T12:00:00Z"))
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        before = scrape(worker)
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        scrapes = scrape_until(worker, lambda each: each.sum("articles_total") == len(records))
        # Lags are as old as the last look at them, which may have been before there was work.
        topics = (beat.settings.articles_topic, beat.settings.matches_topic)
        committed = scrape_until(
            worker,
            lambda each: (
                all(each.get("last_commit_timestamp_seconds", topic=topic) for topic in topics)
                and sum(each.lags.values()) == 0
            ),
        )[-1]
        worker.drain()
    assert [each.imbalance for each in (before, *scrapes, committed)] == [0] * (2 + len(scrapes))
    assert len({each.sum("articles_total") for each in scrapes}) > 2, "it was seen at work"
    last = scrapes[-1]
    assert last.get("articles_read_total") == len(records)
    assert last.sum("in_flight_articles") == 0
    assert last.get("matches_read_total") == last.get("matches_total") > 0
    assert last.get("rejections_total", reason="invalid_json") == 20
    for agent in ("classify", "desk"):
        assert last.get("publish_seconds_count", agent=agent) > 0
    assert last.get("article_age_seconds_count") == 1
    labelled = last.get("label_probability_count", label="ttp")
    assert len(records) > labelled >= last.get("articles_total", outcome="unmatched")
    assert last.get("drift_articles") == min(1000, labelled)
    assert 0 < last.get("unknown_words_ratio") < 1
    assert before.get("last_article_timestamp_seconds") == 0
    now = time.time()
    assert now - 600 < committed.get("last_article_timestamp_seconds") <= now
    for topic in topics:
        assert before.get("last_commit_timestamp_seconds", topic=topic) == 0
        assert now - 600 < committed.get("last_commit_timestamp_seconds", topic=topic) <= now
        assert committed.get("commit_late_seconds", topic=topic) == 0
    assert before.get("ready") == before.get("broker_connected") == before.get("desk_held") == 1
    assert before.get("rebalances_total") >= 1


def read_true_lags(beat: Beat) -> dict[tuple[str, int], int]:
    """What of each partition is not committed, by a client that the service does not use."""
    found = {}
    for topic in (beat.settings.articles_topic, beat.settings.matches_topic):
        committed = read_committed(beat.bootstrap, beat.settings.group, topic)
        for number, end in read_ends(beat.bootstrap, topic).items():
            found[topic, number] = end - max(0, committed[number])
    return found


def test_lag_of_every_partition_is_shown_and_true_under_load_as_soon_as_a_worker_is_ready(
    beat: Beat, tmp_path: Path
) -> None:
    partitions = read_true_lags(beat).keys()
    # A batch of them takes the better part of a minute, and nothing is committed before its end.
    records = [native(f"a-{number}", title="STALL") for number in range(120)]
    produce(beat.bootstrap, beat.settings.articles_topic, records)
    with start_worker(beat.environ, tmp_path, STALLING) as worker:
        worker.wait_until_ready()
        shown = scrape(worker)
    assert shown.lags.keys() == partitions, "at once, as it is ready"
    articles = {at: lag for at, lag in shown.lags.items() if at[0] == beat.settings.articles_topic}
    assert articles.items() <= read_true_lags(beat).items()
    assert sum(articles.values()) == 120
    assert min(articles.values()) > 0


def test_partitions_that_another_worker_has_are_shown_by_that_one_alone(
    beat: Beat, tmp_path: Path
) -> None:
    partitions = read_true_lags(beat).keys()
    with ExitStack() as stack:
        first = stack.enter_context(start_worker(beat.environ, tmp_path))
        first.wait_until_ready()
        assert scrape(first).lags.keys() == partitions
        second = stack.enter_context(start_worker(beat.environ, tmp_path))
        second.wait_until_ready()
        shared = scrape_until(first, lambda each: each.lags.keys() < partitions)[-1].lags.keys()
        others = scrape(second).lags.keys()
        assert not shared & others
        assert shared | others == partitions
        assert scrape(first).get("desk_held") + scrape(second).get("desk_held") == 1
        assert scrape(first).get("rebalances_total") >= 2
        second.drain()
        scrape_until(first, lambda each: each.lags.keys() == partitions and each.get("ready") == 1)
        first.drain()


def test_dead_letters_are_shown_while_they_are_open(beat: Beat, tmp_path: Path) -> None:
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, [(b"a", b"{"), (b"b", b"")])
        worker.wait_for_ledger(2)
        found = scrape_until(worker, lambda each: each.sum("dead_letters_open") == 2)[-1]
        assert found.get("dead_letters_open", reason="invalid_json") == 1
        assert found.get("dead_letters_open", reason="empty_message") == 1
        letters = read_all(beat.bootstrap, beat.settings.dlq_topic)
        moments = sorted(letter.timestamp()[1] / 1000 for letter in letters)
        assert found.get("dead_letters_oldest_timestamp_seconds") == moments[0]
        for reason in ("invalid_json", "empty_message"):
            command = [sys.executable, "-m", "service", "dlq", "replay", "--reason", reason]
            subprocess.run(command, check=True, cwd=CHECKOUT, env=os.environ | beat.environ)  # noqa: S603, ours
        worker.wait_for_ledger(4)
        # Rejected again: as many are open, but other ones.
        name = "dead_letters_oldest_timestamp_seconds"
        later = scrape_until(worker, lambda each: each.get(name) > moments[1])[-1]
        assert later.sum("dead_letters_open") == 2
        worker.drain()


@pytest.mark.slow
def test_pages_answer_while_a_worker_hangs_and_say_that_it_does(beat: Beat, tmp_path: Path) -> None:
    with start_worker(beat.environ, tmp_path, ("-m", "tests.stalling_worker", "blocks")) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, [native("a", title="STALL")])
        hanging = scrape_until(worker, lambda each: each.sum("in_flight_articles") == 1)[-1]
        assert hanging.get("ready") == 1, "it has hung for a moment only"
        assert hanging.imbalance == 0
        checks = json.loads(wait_for_page(worker, "/readyz", 503))["checks"]
        assert [name for name, each in checks.items() if not each["ok"]] == ["event_loop"]
        assert json.loads(wait_for_page(worker, "/livez", 503)) == {"live": False}
        assert scrape(worker).get("check_ok", check="event_loop") == 0
