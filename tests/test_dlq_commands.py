"""What others do with alerts and dead letters, on a real Kafka."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from service.alerts import Alert
from service.cli import run
from service.outgoing import format_alert
from service.settings import CHECKOUT
from service.worker_process import start_worker
from tests.conftest import Beat
from tests.desk_readings import header, read_history
from tests.factories import alert, label, story
from tests.kafka_client import PATIENCE_SECONDS, produce, read_all
from tests.test_audit_command import join_lines
from tests.test_worker import limit_messages

pytestmark = pytest.mark.broker

POISONED = ("-m", "tests.poisoned_worker")
POISONED_DESK = ("-m", "tests.poisoned_desk")
BROKEN = (b"broken", b'{"id": "broken", "text": "\xff')
POISON = (b"poison", b'{"id": "poison", "title": "POISON", "text": "The TTP attacked again."}')


class Ended(NamedTuple):
    code: int
    out: bytes
    err: bytes


class Desk:
    """Runs commands on one test's own topics, as their entry point does, in this process."""

    def __init__(self, beat: Beat, capsys: pytest.CaptureFixture[bytes]) -> None:
        self.beat = beat
        self._capsys = capsys

    def run(self, *arguments: str) -> Ended:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["beatwatch", *arguments])
            for name, value in self.beat.environ.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                run()
        captured = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, captured.out, captured.err)

    def run_well(self, *arguments: str) -> str:
        ended = self.run(*arguments)
        assert ended.code == 0, ended.err.decode()
        return ended.out.decode()

    def list_letters(self, *arguments: str) -> dict[str, Any]:
        lines = self.run_well("dlq", "list", "--json", *arguments).splitlines()
        return {letter["id"]: letter for letter in map(json.loads, lines)}


@pytest.fixture
def desk(beat: Beat, capsysbinary: pytest.CaptureFixture[bytes]) -> Desk:
    return Desk(beat, capsysbinary)


def handle(
    beat: Beat,
    scratch: Path,
    articles: int,
    *,
    command: tuple[str, ...] = ("-m", "service", "worker"),
) -> None:
    """Let a worker bring so many articles to their outcomes."""
    with start_worker(beat.environ, scratch, command) as worker:
        worker.wait_until_ready()
        worker.wait_for_ledger(articles)
        worker.drain()


def test_article_that_is_rejected_each_time_is_one_open_letter_until_its_attempts_are_used_up(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    headers = [("cms", b"first"), ("cms", b"second"), ("raw", b"\x00\xff"), ("null", None)]
    topic = beat.settings.articles_topic
    produce(beat.bootstrap, topic, [BROKEN], headers)
    handle(beat, tmp_path, 1)
    assert {each["attempts"] for each in desk.list_letters().values()} == {1}

    rehearsed = desk.run_well("dlq", "replay", "0:0", "--dry-run")
    assert "0:0 would go to" in rehearsed
    assert len(read_all(beat.bootstrap, topic)) == 1
    assert len(read_all(beat.bootstrap, beat.settings.dlq_topic)) == 1

    assert "0:0 is now at" in desk.run_well("dlq", "replay", "--reason", "invalid_json")
    first, again = read_all(beat.bootstrap, topic)
    assert (again.key(), again.value(), again.partition()) == (*BROKEN, first.partition())
    pairs: Any = again.headers()
    assert pairs == [*headers, ("dlq.attempts", b"1"), ("dlq.replay.of", b"0:0")]
    assert desk.list_letters()["0:0"]["state"] == "waiting"
    assert "0:0 left out: it was replayed" in desk.run_well("dlq", "replay", "0:0")

    handle(beat, tmp_path, 1)
    (newer,) = desk.list_letters().values()
    assert (newer["state"], newer["attempts"]) == ("open", 2)
    older = desk.list_letters("--all")["0:0"]
    assert (older["state"], older["newer"]) == ("rejected_again", newer["id"])

    left_out = desk.run_well("dlq", "replay", "--all", "--max-attempts", "2")
    assert left_out == (
        f"{newer['id']} left out: it was rejected 2 times (--max-attempts 2)\n0 replayed\n"
    )


def test_letter_of_a_handler_that_failed_is_accepted_by_a_healthy_worker(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    produce(beat.bootstrap, beat.settings.articles_topic, [POISON])
    handle(beat, tmp_path, 1, command=POISONED)
    assert desk.list_letters("--reason", "handler_failed").keys() == {"0:0"}
    desk.run_well("dlq", "replay", "0:0", "--rate", "100")
    handle(beat, tmp_path, 1)
    assert desk.list_letters() == {}
    assert desk.list_letters("--all")["0:0"]["state"] == "accepted"
    assert len(read_all(beat.bootstrap, beat.settings.alerts_topic)) == 1


def test_match_that_failed_at_the_desk_is_told_by_a_healthy_one(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    settings = beat.settings
    fail_at_the_desk(beat, tmp_path)
    (letter,) = desk.list_letters("--reason", "handler_failed").values()
    assert letter["original"]["topic"] == settings.matches_topic
    assert name_found(desk) == {"rejected": 1}

    rehearsed = desk.run_well("dlq", "replay", "--reason", "handler_failed", "--dry-run")
    assert f"0:0 would go to {settings.matches_topic}: key poison" in rehearsed
    assert len(read_all(beat.bootstrap, settings.matches_topic)) == 1

    replayed = desk.run_well("dlq", "replay", "--reason", "handler_failed")
    assert replayed == f"0:0 is now at {settings.matches_topic} 0:1\n1 replayed\n"
    assert desk.list_letters()["0:0"]["state"] == "waiting"
    assert name_found(desk) == {"waiting": 1}

    handle(beat, tmp_path, 1)
    assert desk.list_letters() == {}
    assert desk.list_letters("--all")["0:0"]["state"] == "accepted"
    assert read_history(beat).keys() == {"poison"}
    assert len(read_all(beat.bootstrap, settings.articles_topic)) == 1
    assert name_found(desk) == {"alerted": 1}


def fail_at_the_desk(beat: Beat, tmp_path: Path) -> None:
    """Have an article whose match becomes the first dead letter."""
    produce(beat.bootstrap, beat.settings.articles_topic, [POISON])
    handle(beat, tmp_path, 1, command=POISONED_DESK)


def name_found(desk: Desk) -> dict[str, int]:
    """Name what an audit without a fault finds."""
    found = json.loads(desk.run_well("audit", "--json"))["found"]
    return {name: count for name, count in found.items() if count}


def test_match_that_fails_again_is_one_open_letter_that_counts_on_until_it_is_told(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    fail_at_the_desk(beat, tmp_path)
    desk.run_well("dlq", "replay", "--all")
    handle(beat, tmp_path, 1, command=POISONED_DESK)
    (newer,) = desk.list_letters().values()
    assert (newer["state"], newer["attempts"]) == ("open", 2)
    assert desk.list_letters("--all")["0:0"]["newer"] == newer["id"]
    assert name_found(desk) == {"rejected": 1}

    desk.run_well("dlq", "replay", newer["id"])
    handle(beat, tmp_path, 1)
    assert desk.list_letters() == {}
    assert name_found(desk) == {"alerted": 1}


def test_match_that_was_rejected_as_an_article_is_not_taken_for_accepted(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    settings = beat.settings
    fail_at_the_desk(beat, tmp_path)
    # As earlier releases replayed it.
    (letter,) = read_all(beat.bootstrap, settings.dlq_topic)
    as_article = [(letter.key(), letter.value())]
    produce(beat.bootstrap, settings.articles_topic, as_article, [("dlq.replay.of", b"0:0")])
    sent = read_all(beat.bootstrap, settings.articles_topic)[-1]
    note = {
        "dlq.replay.of": "0:0",
        "dlq.replay.topic": settings.articles_topic,
        "dlq.replay.partition": str(sent.partition()),
        "dlq.replay.offset": str(sent.offset()),
    }
    pairs = [(name, text.encode()) for name, text in note.items()]
    produce(beat.bootstrap, settings.dlq_topic, [(letter.key(), None)], pairs)
    handle(beat, tmp_path, 1)
    assert desk.list_letters("--all")["0:0"]["state"] == "rejected_again"
    assert name_found(desk) == {"rejected": 2}


def test_match_goes_back_to_its_partition_while_that_is_there(beat: Beat, desk: Desk) -> None:
    settings = beat.settings
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    desks = [NewPartitions(each, 3) for each in (settings.matches_topic, settings.stories_topic)]
    for done in admin.create_partitions(desks).values():
        done.result(PATIENCE_SECONDS)
    for number in (0, 2, 7):
        keep_letter_of_match(beat, b"match", partition=str(number))
    assert desk.run_well("dlq", "replay", "--all").endswith("3 replayed\n")
    replayed = read_all(beat.bootstrap, settings.matches_topic)
    at = {header(each, "dlq.replay.of"): each.partition() for each in replayed}
    assert (at["0:0"], at["0:1"], len(at)) == (0, 2, 3)


def keep_letter_of_match(beat: Beat, value: bytes | None, **of_original: str) -> None:
    """Lay a letter down whose original came from the matches topic."""
    original = {"partition": "0", "offset": "0", **of_original}
    pairs = [(f"dlq.original.{name}", text.encode()) for name, text in original.items()]
    pairs += [
        ("dlq.original.topic", beat.settings.matches_topic.encode()),
        ("dlq.reason", b"handler_failed"),
    ]
    if value is None:
        pairs.append(("dlq.value.omitted", b"larger than the topic takes"))
    produce(beat.bootstrap, beat.settings.dlq_topic, [(b"key", value)], pairs)


def test_match_that_was_left_out_is_fetched_from_the_matches_topic(beat: Beat, desk: Desk) -> None:
    topic = beat.settings.matches_topic
    produce(beat.bootstrap, topic, [(b"key", b"match")])
    (original,) = read_all(beat.bootstrap, topic)
    keep_letter_of_match(beat, None, timestamp=str(original.timestamp()[1]))
    assert desk.run("dlq", "show", "0:0", "--raw").out == b"match"
    assert desk.run_well("dlq", "replay", "0:0") == f"0:0 is now at {topic} 0:1\n1 replayed\n"
    assert [each.value() for each in read_all(beat.bootstrap, topic)] == [b"match"] * 2


def test_match_larger_than_its_topic_takes_is_left_out_and_says_which(
    beat: Beat, desk: Desk
) -> None:
    topic = beat.settings.matches_topic
    keep_letter_of_match(beat, os.urandom(20_000))
    limit_messages(beat.bootstrap, topic, max_bytes=5_000)
    left_out = f"0:0 left out: it is larger than {topic} takes\n0 replayed\n"
    assert desk.run_well("dlq", "replay", "0:0") == left_out


def test_article_without_key_and_value_is_rejected_and_can_be_replayed(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    produce(beat.bootstrap, beat.settings.articles_topic, [(None, None)])
    handle(beat, tmp_path, 1)
    (letter,) = desk.list_letters().values()
    assert letter["reason"] == "empty_message"
    desk.run_well("dlq", "replay", "--all")
    replayed = read_all(beat.bootstrap, beat.settings.articles_topic)
    assert [(each.key(), each.value()) for each in replayed] == [(None, None)] * 2


def test_letter_is_shown_in_full_and_its_bytes_come_out_as_they_were(
    beat: Beat, desk: Desk, tmp_path: Path
) -> None:
    produce(beat.bootstrap, beat.settings.articles_topic, [BROKEN], [("raw", b"\x1b[2J\xff")])
    handle(beat, tmp_path, 1)
    assert desk.run("dlq", "show", "0:0", "--raw").out == BROKEN[1]
    shown = desk.run_well("dlq", "show", "0:0")
    assert "dlq.reason: invalid_json" in shown
    assert "raw: b'\\x1b[2J\\xff'" in shown
    assert "00000010" in shown
    assert "\x1b" not in shown


def test_value_that_was_left_out_is_fetched_from_the_articles_topic_while_it_is_there(
    beat: Beat,
    desk: Desk,
) -> None:
    settings = beat.settings
    produce(beat.bootstrap, settings.articles_topic, [BROKEN])
    (original,) = read_all(beat.bootstrap, settings.articles_topic)
    _kind, timestamp_ms = original.timestamp()
    headers = {
        "dlq.original.topic": settings.articles_topic,
        "dlq.original.partition": str(original.partition()),
        "dlq.original.offset": "0",
        "dlq.original.timestamp": str(timestamp_ms),
        "dlq.reason": "too_large",
        "dlq.value.omitted": "larger than the topic takes",
    }
    gone = {**headers, "dlq.original.offset": "17"}
    another = {**headers, "dlq.original.timestamp": str(timestamp_ms - 1)}
    for each in (headers, gone, another):
        pairs = [(name, text.encode()) for name, text in each.items()]
        produce(beat.bootstrap, settings.dlq_topic, [(BROKEN[0], None)], pairs)
    assert desk.run("dlq", "show", "0:0", "--raw").out == BROKEN[1]
    replayed = desk.run_well("dlq", "replay", "--all").splitlines()
    assert [line[:13] for line in replayed] == [
        "0:0 is now at",
        "0:1 left out:",
        "0:2 left out:",
        "1 replayed",
    ]
    assert [each.value() for each in read_all(beat.bootstrap, settings.articles_topic)] == [
        BROKEN[1],
        BROKEN[1],
    ]


def test_partition_that_is_not_there_ends_with_2_unless_a_letter_is_of_it(
    beat: Beat, desk: Desk
) -> None:
    settings = beat.settings
    assert desk.run_well("dlq", "list", "--partition", "3") == "no open dead letters\n"
    ended = desk.run("dlq", "list", "--partition", "9")
    assert (ended.code, ended.out) == (2, b"")
    told = join_lines(ended.err.decode())
    topics = f"neither {settings.articles_topic} nor {settings.matches_topic}"
    assert f"{topics} has a partition 9; there are 0 to 3" in told
    # Of a topic that had more of them.
    headers = {
        "dlq.original.topic": "old",
        "dlq.original.partition": "9",
        "dlq.original.offset": "0",
        "dlq.original.timestamp": "0",
        "dlq.reason": "no_text",
    }
    pairs = [(name, text.encode()) for name, text in headers.items()]
    produce(beat.bootstrap, settings.dlq_topic, [(None, b"{}")], pairs)
    assert desk.list_letters("--partition", "9").keys() == {"0:0"}


def test_what_is_no_rejection_is_counted_and_an_unknown_letter_ends_with_1_and_one_line(
    beat: Beat,
    desk: Desk,
) -> None:
    hostile = [("dlq.reason", None), ("dlq.reason", b"\xff"), ("dlq.original.offset", b"many")]
    produce(beat.bootstrap, beat.settings.dlq_topic, [(None, b"hello"), (b"k", None)], hostile)
    listed = desk.run("dlq", "list", "--all")
    assert (listed.code, listed.out) == (0, b"no dead letters\n")
    assert listed.err == b"not rejections: 2, at 0:0, 0:1\n"
    assert "not a rejection" in desk.run_well("dlq", "show", "0:0")
    for command in (["show", "0:99"], ["show", "7:0"], ["replay", "0:0"]):
        unknown = desk.run("dlq", *command)
        assert (unknown.code, unknown.out) == (1, b"")
        assert unknown.err.startswith(b"beatwatch: no")
        assert unknown.err.count(b"\n") == 1


def publish_alerts(beat: Beat, alerts: Iterable[Alert]) -> list[bytes]:
    messages = [format_alert(each, beat.settings.alerts_topic) for each in alerts]
    records = [(message.key, message.value) for message in messages]
    produce(beat.bootstrap, beat.settings.alerts_topic, records)
    return [message.value or b"" for message in messages]


def test_alerts_are_chosen_by_time_label_and_type(beat: Beat, desk: Desk) -> None:
    published = publish_alerts(
        beat,
        [
            alert(),
            alert(labels=[label(label="border")]),
            alert(story=story(role="repeat")),
            alert(status="withdrawn", why="killed", labels=[]),
        ],
    )
    produce(beat.bootstrap, beat.settings.alerts_topic, [(b"x", b"not an alert")])
    ended = desk.run("alerts", "--no-follow", "--json")
    assert ended.code == 0
    assert ended.out.splitlines() == published
    assert ended.err.startswith(b"not an alert: partition ")

    def choose(*arguments: str) -> list[bytes]:
        return desk.run("alerts", "--no-follow", "--json", *arguments).out.splitlines()

    raised, border, repeated, withdrawn = published
    assert choose("--type", "raised") == [raised, border]
    assert choose("--type", "repeated", "--type", "withdrawn") == [repeated, withdrawn]
    assert choose("--label", "border") == [border, withdrawn]
    assert choose("--label", "border", "--label", "ttp", "--type", "raised") == [raised, border]
    assert choose("--since", "1h") == published
    assert choose("--since", "2999-01-01") == []
    middle = read_all(beat.bootstrap, beat.settings.alerts_topic)[0].timestamp()[1] / 1000
    later = datetime.fromtimestamp(middle + 0.001, UTC).isoformat()
    produce(beat.bootstrap, beat.settings.alerts_topic, [(b"a1", raised)])
    assert choose("--since", later)[-1:] == [raised]
    assert len(choose("--since", later)) < len(choose())
    assert "WITHDRAWN: the newsroom killed" in desk.run_well("alerts", "--no-follow")


def test_alert_on_one_line_is_the_same_value_whatever_ends_lines_in_it(
    beat: Beat, desk: Desk
) -> None:
    about = alert().article.model_copy(update={"title": "a\u2028b\u2029c\x85d"})
    pretty = alert(article=about).model_dump_json(indent=1).encode()
    produce(beat.bootstrap, beat.settings.alerts_topic, [(b"a1", pretty)])
    line = desk.run("alerts", "--no-follow", "--json").out
    assert line.count(b"\n") == 1
    assert json.loads(line) == json.loads(pretty)


@pytest.mark.parametrize("form", [["--json"], []], ids=["json", "people"])
def test_alerts_are_followed_from_a_time_on_and_end_quietly_with_their_reader(
    beat: Beat, form: list[str]
) -> None:
    publish_alerts(beat, [alert(revision=number) for number in range(1, 200)])
    with subprocess.Popen(  # noqa: S603, our own command
        [sys.executable, "-m", "service", "alerts", "--since", "start", *form],
        cwd=CHECKOUT,
        env={**os.environ, **beat.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as followed:
        assert followed.stdout is not None
        assert followed.stderr is not None
        assert followed.stdout.readline()
        followed.stdout.close()
        assert followed.wait(30) == 0
        assert followed.stderr.read() == b""
