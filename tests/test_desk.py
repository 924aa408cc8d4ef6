"""The desk on real Kafka: one history of each alert, whatever happens to workers and messages."""

import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from service.alerts import derive_alert_id
from service.digests import Digest
from service.embedded_kafka import EmbeddedKafka
from service.matches import Match
from service.worker_process import WorkerProcess, start_worker
from tests.conftest import KAFKA_CACHE, Beat, create_beat
from tests.desk_readings import (
    PATIENCE_SECONDS,
    count_unread,
    header,
    read_history,
    read_standings,
    wait_until_read,
)
from tests.desk_traffic import OFF_BEAT, invent_report, mix_articles, write_record
from tests.kafka_client import Record, produce, read_all

pytestmark = pytest.mark.broker

WORKER = ("-m", "service", "worker")


@contextmanager
def working(beat: Beat, scratch: Path, *command: str) -> Iterator[WorkerProcess]:
    with start_worker(beat.environ, scratch, command or WORKER) as worker:
        worker.wait_until_ready()
        yield worker


def handle(beat: Beat, scratch: Path, records: Sequence[Record], *command: str) -> dict[str, int]:
    with working(beat, scratch, *command) as worker:
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        ledger = worker.wait_for_ledger(len(records))
        worker.drain()
    return ledger


def read_calmly(beat: Beat, scratch: Path, records: Sequence[Record]) -> None:
    """Let a worker that nothing disturbs read all there is, however long it takes."""
    produce(beat.bootstrap, beat.settings.articles_topic, records)
    with working(beat, scratch) as worker:
        wait_until_read(beat)
        worker.drain()


def rewind(beat: Beat) -> None:
    """Let the group read everything again: its worker must have stopped."""
    settings = beat.settings
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    places = [TopicPartition(settings.articles_topic, each, 0) for each in range(4)]
    places.append(TopicPartition(settings.matches_topic, 0, 0))
    wanted = ConsumerGroupTopicPartitions(settings.group, places)
    for done in admin.alter_consumer_group_offsets([wanted]).values():
        done.result(30)


def test_raised_corrected_and_killed_is_one_alert_in_three_revisions(
    beat: Beat, tmp_path: Path
) -> None:
    records = [
        write_record("a", text=invent_report(1)),
        write_record("a", version=2, text=invent_report(2)),
        write_record("a", version=3, status="canceled"),
    ]
    handle(beat, tmp_path, records)
    alerts = read_history(beat)["a"]
    assert [alert.status for alert in alerts] == ["raised", "updated", "withdrawn"]
    assert {alert.alert_id for alert in alerts} == {derive_alert_id("a")}
    assert alerts[2].why == "killed"


def test_a_kill_before_its_article_is_told_and_the_article_is_not(
    beat: Beat, tmp_path: Path
) -> None:
    records = [
        write_record("a", version=2, status="canceled"),
        write_record("a", version=1, text=invent_report(1)),
    ]
    ledger = handle(beat, tmp_path, records)
    assert (ledger["withdrawn"], ledger["stale"]) == (1, 1)
    assert [alert.status for alert in read_history(beat)["a"]] == ["withdrawn"]


def test_when_the_lead_is_withdrawn_its_repeat_leads(beat: Beat, tmp_path: Path) -> None:
    with working(beat, tmp_path) as worker:
        for number, record in enumerate(
            [
                write_record("lead", text=invent_report(1)),
                write_record("repeat", text=invent_report(1)),
                write_record("lead", version=2, status="canceled"),
            ],
            1,
        ):
            produce(beat.bootstrap, beat.settings.articles_topic, [record])
            worker.wait_for_ledger(number)
        worker.drain()
    history = read_history(beat)
    assert [alert.status for alert in history["lead"]] == ["raised", "withdrawn"]
    first, promoted = history["repeat"]
    assert (first.story.role, promoted.story.role) == ("repeat", "lead")
    assert promoted.change is not None
    assert promoted.change.promoted


@pytest.mark.slow
def test_what_is_read_again_gives_no_new_alert(beat: Beat, tmp_path: Path) -> None:
    # Hardest to tell apart: a kill without a version and what came after it, all of one moment.
    records = [
        *mix_articles(300),
        write_record("b", text=invent_report(900)),
        write_record("b", status="canceled"),
        write_record("b", version=2, text=invent_report(901)),
    ]
    handle(beat, tmp_path, records)
    before = read_all(beat.bootstrap, beat.settings.alerts_topic)
    assert len(before) > 80
    rewind(beat)
    # Safe to delete, as the settings say.
    (tmp_path / "data").rename(tmp_path / "lost")
    with working(beat, tmp_path) as worker:
        ledger = worker.wait_for_ledger(len(records))
        worker.drain()
    assert ledger["stale"] > 80
    after = read_all(beat.bootstrap, beat.settings.alerts_topic)
    assert [each.value() for each in after] == [each.value() for each in before]
    assert read_history(beat)


@pytest.mark.slow
def test_what_newsrooms_send_again_gives_no_new_alert(beat: Beat, tmp_path: Path) -> None:
    records = [
        write_record(f"a-{number}", version=version, text=invent_report(number + 1000 * version))
        for number in range(100)
        for version in (1, 2)
    ]
    records += [write_record(f"a-{number}", status="canceled") for number in range(0, 100, 2)]
    records += [
        write_record(f"off-{each}", text=invent_report(each, OFF_BEAT)) for each in range(50)
    ]
    with working(beat, tmp_path) as worker:
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        worker.wait_for_ledger(len(records))
        before = read_all(beat.bootstrap, beat.settings.alerts_topic)
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        worker.wait_for_ledger(2 * len(records))
        worker.drain()
    assert len(read_history(beat)) == 100
    assert len(read_all(beat.bootstrap, beat.settings.alerts_topic)) == len(before)


@pytest.mark.slow
def test_kill_9_amid_5000_articles_ends_as_if_nothing_had_happened(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    records = mix_articles(5000)
    # One partition, so that both runs read all articles in one order.
    articles = create_articles_topic(kafka, "one-partition")
    produce(kafka.bootstrap, articles, records)
    calm = create_beat(kafka, BEATWATCH_ARTICLES_TOPIC=articles)
    read_calmly(calm, tmp_path, [])
    # Static membership: a worker that was killed is back at once.
    shaken = create_beat(
        kafka, BEATWATCH_ARTICLES_TOPIC=articles, BEATWATCH_INSTANCE_ID="the-worker"
    )
    for _ in range(4):
        with working(shaken, tmp_path) as worker:
            worker.wait_for_ledger(700)
            worker.process.kill()
    assert count_unread(shaken, articles) > 0
    with working(shaken, tmp_path) as worker:
        wait_until_read(shaken)
        worker.drain()
    history = read_history(shaken)
    assert len(history) > 1000
    # Which of two reports that are labelled together comes first to the desk, and so leads, is
    # left to chance; what becomes of an article is not.
    assert read_standings(shaken) == read_standings(calm)

    # The same matches, once more and undisturbed: now even when they were labelled is the same.
    again = create_beat(kafka, BEATWATCH_MATCHES_TOPIC=shaken.settings.matches_topic)
    read_calmly(again, tmp_path, [])
    assert read_history(again) == history


def create_articles_topic(kafka: EmbeddedKafka, name: str) -> str:
    config = {"message.timestamp.type": "LogAppendTime"}
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for made in admin.create_topics([NewTopic(name, 1, 1, config=config)]).values():
        made.result(30)
    return name


@pytest.mark.slow
def test_the_desk_moves_with_its_worker_and_its_history_does_not_fork(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    beat = create_beat(kafka)
    traffic = iter(mix_articles(3000))

    def publish(count: int) -> None:
        produce(beat.bootstrap, beat.settings.articles_topic, islice(traffic, count))

    with team(beat, tmp_path, "first", "second") as (first, second):
        publish(1000)
        has_desk, other = find_desk([first, second])
        has_desk.process.terminate()
        wait_for_line(other, "desk taken over")
        assert has_desk.process.wait(60) == 0
        publish(500)
        with team(beat, tmp_path, "third") as (third,):
            publish(500)
            has_desk, other = find_desk([other, third])
            has_desk.process.kill()
            publish(500)
            wait_for_line(other, "desk taken over")
            with team(beat, tmp_path, "fourth"):
                publish(500)
                wait_until_read(beat)
    check_against_calm_desk(kafka, beat, tmp_path)


@pytest.mark.slow
def test_a_worker_that_wakes_up_after_another_took_its_desk_writes_nothing(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    source = create_beat(kafka)
    read_calmly(source, tmp_path, mix_articles(3000))
    # The desk has plenty to do from the start, so that it is stopped with something in hand.
    beat = create_beat(kafka, BEATWATCH_MATCHES_TOPIC=source.settings.matches_topic)
    with team(beat, tmp_path, "first") as (zombie,):
        wait_for_line(zombie, "alert published", 50)
        zombie.process.send_signal(signal.SIGSTOP)
        try:
            assert count_unread(beat, beat.settings.matches_topic) > 500
            with team(beat, tmp_path, "second") as (successor,):
                # The session of the first must time out before.
                wait_for_line(successor, "alert published", 200)
                zombie.process.send_signal(signal.SIGCONT)
                wait_for_line(zombie, "another worker took the desk over")
                # Now it has a batch in hand that it cannot commit, and joins its group again.
                zombie.drain()
                wait_until_read(beat)
                successor.drain()
        finally:
            zombie.process.send_signal(signal.SIGCONT)
    assert read_history(beat) == read_history(source)


@pytest.mark.slow
def test_a_broker_that_restarts_amid_traffic_costs_nothing(tmp_path: Path) -> None:
    records = mix_articles(2000)
    broker = EmbeddedKafka(tmp_path / "kafka", cache_dir=KAFKA_CACHE)
    broker.start()
    try:
        beat = create_beat(broker)
        with working(beat, tmp_path) as worker:
            produce(beat.bootstrap, beat.settings.articles_topic, records)
            worker.wait_for_ledger(300)
            broker.stop()
            time.sleep(5)  # The outage itself.
            broker.start()
            wait_until_read(beat)
            worker.drain()
        check_against_calm_desk(broker, beat, tmp_path)
    finally:
        broker.stop()


def test_what_is_no_match_and_what_fails_goes_to_the_dead_letters(
    beat: Beat, tmp_path: Path
) -> None:
    with working(beat, tmp_path, "-m", "tests.poisoned_desk") as worker:
        produce(beat.bootstrap, beat.settings.matches_topic, [(b"key", b"no match")])
        worker.wait_for_ledger(1)
        for number, title in enumerate(("before", "POISON", "after"), 2):
            record = write_record(title.lower(), title=title, text=invent_report(1))
            produce(beat.bootstrap, beat.settings.articles_topic, [record])
            worker.wait_for_ledger(number)
        worker.drain()
        assert "POISON" not in worker.log_file.read_text()
    invalid, failed = read_all(beat.bootstrap, beat.settings.dlq_topic)
    assert (invalid.key(), invalid.value()) == (b"key", b"no match")
    assert header(invalid, "dlq.reason") == "invalid_match"
    assert header(failed, "dlq.reason") == "handler_failed"
    assert Match.model_validate_json(failed.value() or b"").article.id == "poison"
    assert read_history(beat).keys() == {"before", "after"}


def test_rubbish_on_the_stories_topic_stops_the_worker_with_its_place(
    beat: Beat, tmp_path: Path
) -> None:
    produce(beat.bootstrap, beat.settings.stories_topic, [(b"a", b"rubbish")])
    with start_worker(beat.environ, tmp_path) as worker:
        assert worker.process.wait(60) == 1
        (line,) = (
            json.loads(each)
            for each in worker.log_file.read_text().splitlines()
            if "StoriesTopicError" in each
        )
    assert line["event"].startswith("worker stops, nothing acknowledged")
    place = f"{beat.settings.stories_topic}, partition 0, offset 0"
    assert line["why"].startswith(f"{place} is no entry of the desk's")


@pytest.mark.slow
def test_over_the_budget_there_are_digests_the_first_of_them_at_once(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    beat = create_beat(kafka, BEATWATCH_ALERTS_PER_HOUR="ttp=0")
    records = [write_record(f"a-{each}", text=STORMS[each]) for each in range(len(STORMS))]
    with working(beat, tmp_path) as worker:
        produce(beat.bootstrap, beat.settings.articles_topic, records[:1])
        assert worker.wait_for_ledger(1)["digested"] == 1
        assert [digest.count for digest in read_digests(beat)] == [1]
        produce(beat.bootstrap, beat.settings.articles_topic, records[1:])
        ledger = worker.wait_for_ledger(len(records))
        worker.drain()
    assert ledger["digested"] == len(records)
    assert read_history(beat) == {}
    # Whoever has the desk next tells what is not told yet, matches or none.
    with working(beat, tmp_path):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while count_digested(beat) < len(records):
            assert time.monotonic() < deadline
    digests = read_digests(beat)
    assert len({(each.digest_id, each.revision) for each in digests}) == len(digests)


# Told apart by whoever reads them.
STORMS = [
    "The Tehreek-e-Taliban Pakistan (TTP) blew up a bridge near Wana. Nobody was hurt.",
    "Gunmen of the banned TTP abducted nine road workers in Tank, a union official said.",
    "Pakistan's army killed the TTP commander Gul Bahadar's cousin in a drone strike in Mir Ali.",
    "A court in Peshawar sentenced two TTP financiers to fourteen years in prison on Monday.",
]


def read_digests(beat: Beat) -> list[Digest]:
    return [
        Digest.model_validate_json(each.value() or b"")
        for each in read_all(beat.bootstrap, beat.settings.alerts_topic)
        if header(each, "ce_type") == "beatwatch.alert.digest.v1"
    ]


def count_digested(beat: Beat) -> int:
    newest = {each.digest_id: each.count for each in read_digests(beat)}
    return sum(newest.values())


def check_against_calm_desk(kafka: EmbeddedKafka, beat: Beat, scratch: Path) -> None:
    """Check that the history of a beat is that of an undisturbed desk, byte for byte."""
    calm = create_beat(kafka, BEATWATCH_MATCHES_TOPIC=beat.settings.matches_topic)
    read_calmly(calm, scratch, [])
    history = read_history(beat)
    assert len(history) > 200
    assert history == read_history(calm)


@contextmanager
def team(beat: Beat, scratch: Path, *names: str) -> Iterator[list[WorkerProcess]]:
    """Workers of one group, each with files of its own."""
    with ExitStack() as workers:
        started = []
        for name in names:
            folder = scratch / name
            folder.mkdir()
            started.append(workers.enter_context(start_worker(beat.environ, folder)))
        for worker in started:
            worker.wait_until_ready()
        yield started


def find_desk(workers: list[WorkerProcess]) -> tuple[WorkerProcess, WorkerProcess]:
    """Find which of two workers has the desk, and which has not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        have = [worker for worker in workers if assigned_lines(worker)[-1:] == [True]]
        have_not = [worker for worker in workers if assigned_lines(worker)[-1:] == [False]]
        if len(have) == len(have_not) == 1:
            return have[0], have_not[0]
    pytest.fail("\n\n".join(worker.tail() for worker in workers))


def assigned_lines(worker: WorkerProcess) -> list[bool]:
    lines = worker.log_file.read_text().splitlines()
    return [json.loads(each)["desk"] for each in lines if '"partitions assigned"' in each]


def count_lines(worker: WorkerProcess, saying: str) -> int:
    return worker.log_file.read_text().count(saying)


def wait_for_line(worker: WorkerProcess, saying: str, times: int = 1) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while count_lines(worker, saying) < times:
        assert worker.process.poll() is None, worker.tail()
        assert time.monotonic() < deadline, f"{saying} not {times} times:\n{worker.tail()}"
