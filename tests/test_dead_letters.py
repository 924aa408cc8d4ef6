from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.dead_letters import (
    DeadLetter,
    LetterId,
    Place,
    ReplayNote,
    format_replay,
    format_replay_note,
    read_dead_letter,
    read_letter_id,
)
from service.handling import Rejected
from service.messages import Headers, OutgoingMessage, RawArticle, RejectionReason
from service.outgoing import format_rejection
from service.replaying import choose_topic
from service.settings import read_settings
from service.standings import Selection, State, decide_standings, object_to_replay
from tests.factories import NOW, raw

REJECTED = Rejected(RejectionReason.INVALID_JSON, "cut off at line 1 column 9")
DLQ = "news.articles.dlq"


def keep(message: OutgoingMessage, offset: int = 0, timestamp_ms: int = 5) -> RawArticle:
    """The message as the dead-letter topic gives it."""
    return RawArticle(DLQ, 0, offset, timestamp_ms, message.key, message.value, message.headers)


def letter(offset: int = 0, **changes: Any) -> DeadLetter:
    read = read_dead_letter(keep(format_rejection(raw(**changes), REJECTED, DLQ, NOW), offset))
    assert isinstance(read, DeadLetter)
    return read


def note(offset: int, at: int = 7) -> ReplayNote:
    return ReplayNote(LetterId(0, offset), Place("news.articles", 3, at))


def state_of(offset: int, *kept: DeadLetter | ReplayNote, committed: int = 0) -> State:
    letters = [each for each in kept if isinstance(each, DeadLetter)]
    notes = [each for each in kept if isinstance(each, ReplayNote)]
    handled = {("news.articles", 3): committed}
    return decide_standings(letters, notes, handled)[LetterId(0, offset)].state


def replayed(offset: int) -> Headers:
    return (("dlq.attempts", b"1"), ("dlq.replay.of", f"0:{offset}".encode()))


def test_what_the_outbox_writes_is_read_again() -> None:
    read = letter(17)
    assert (str(read.id), read.reason, read.detail) == ("0:17", "invalid_json", REJECTED.detail)
    assert read.original == Place("news.articles", 3, 42)
    assert (read.failed_at, read.attempts, read.key) == (NOW, 1, b"a1")
    assert (read.replay_of, read.value_is_omitted) == (None, False)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("dlq.reason", None),),
        (("dlq.reason", b"\xff"), ("dlq.original.partition", b"1"), ("dlq.original.offset", None)),
        (("dlq.original.partition", b"1"), ("dlq.original.offset", b"2")),
        (("dlq.replay.of", b"0:1"),),
        (("dlq.replay.of", b"0"), ("dlq.replay.partition", b"1"), ("dlq.replay.offset", b"2")),
        (("dlq.replay.of", b"0:1"), ("dlq.replay.partition", b"1"), ("dlq.replay.offset", b"-2")),
    ],
)
def test_message_that_is_none_of_ours_is_none(headers: Headers) -> None:
    assert read_dead_letter(RawArticle(DLQ, 0, 0, 0, None, b"\xff", headers)) is None


@pytest.mark.parametrize("moment", [b"", b"\xff", b"yesterday", b"0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("timestamp_ms", [-1, 0, 2**63 - 1])
def test_rejection_with_a_broken_time_has_one_all_the_same(
    moment: bytes, timestamp_ms: int
) -> None:
    message = format_rejection(raw(), REJECTED, DLQ, NOW)
    headers = (*message.headers, ("dlq.failed.at", moment), ("dlq.detail", b"\xff"))
    kept = RawArticle(DLQ, 0, 0, timestamp_ms, None, None, headers)
    read = read_dead_letter(kept)
    assert isinstance(read, DeadLetter)
    assert abs(read.failed_at - datetime(1970, 1, 1, tzinfo=UTC)) <= timedelta(seconds=1)


def test_replay_note_is_told_from_a_rejection_even_of_an_article_that_forged_one() -> None:
    written = format_replay_note(LetterId(0, 9), Place("news.articles", 3, 7), DLQ, NOW)
    assert written.value is None
    assert read_dead_letter(keep(written)) == note(9)
    assert letter(headers=written.headers).reason == "invalid_json"


@pytest.mark.parametrize(
    "text", ["", ":", "1", "1:", ":1", "-1:0", "1:2:3", "a:b", "1:" + "9" * 99]
)
def test_id_of_another_form_is_none(text: str) -> None:
    assert read_letter_id(text) is None


def test_replay_is_the_original_with_its_attempts_and_where_it_comes_from() -> None:
    headers: Headers = (("trace", b"\xff"), ("null", None), ("trace", b"2"), ("dlq.own", b"1"))
    original = raw(headers=headers, value=b"\x00{", key=None)
    message = format_rejection(original, REJECTED, DLQ, NOW)
    read = read_dead_letter(keep(message, 9))
    assert isinstance(read, DeadLetter)
    assert format_replay(read, keep(message, 9), "news.articles") == OutgoingMessage(
        "news.articles",
        None,
        b"\x00{",
        (*headers[:3], ("dlq.attempts", b"1"), ("dlq.replay.of", b"0:9")),
    )


@pytest.mark.parametrize(
    ("came_from", "goes_to"),
    [
        ("news.articles", "news.articles"),
        ("news.matches", "news.matches"),
        ("articles-of-another-name", "news.articles"),
    ],
)
def test_match_goes_back_to_the_desk_and_all_else_to_the_articles(
    came_from: str, goes_to: str
) -> None:
    assert choose_topic(read_settings({}), letter(topic=came_from)) == goes_to


def test_letter_is_open_until_it_is_replayed() -> None:
    assert state_of(0, letter(0), letter(1)) is State.OPEN
    assert state_of(0, letter(0), note(1)) is State.OPEN


def test_replay_that_no_worker_has_come_to_is_not_settled() -> None:
    assert state_of(0, letter(0), note(0, at=7), committed=0) is State.WAITING
    assert state_of(0, letter(0), note(0, at=7), committed=7) is State.WAITING
    assert state_of(0, letter(0), note(0, at=7), note(0, at=9), committed=8) is State.WAITING


def test_replay_that_was_handled_without_a_newer_letter_was_accepted() -> None:
    assert state_of(0, letter(0), note(0, at=7), committed=8) is State.ACCEPTED


def test_replay_of_a_topic_that_nobody_reads_is_not_settled() -> None:
    elsewhere = ReplayNote(LetterId(0, 0), Place("other", 3, 7))
    assert state_of(0, letter(0), elsewhere, committed=99) is State.WAITING


@pytest.mark.parametrize("notes", [(), (note(0),)], ids=["died before the note", "noted"])
def test_letter_that_was_rejected_again_gives_way_to_the_newer(
    notes: tuple[ReplayNote, ...],
) -> None:
    newer = letter(1, headers=replayed(0))
    assert newer.attempts == 2
    assert state_of(0, letter(0), newer, *notes, committed=99) is State.REJECTED_AGAIN
    assert state_of(1, letter(0), newer, *notes, committed=99) is State.OPEN


@pytest.mark.parametrize("changes", [{"value": b"other"}, {"key": b"other"}, {"key": None}])
def test_article_that_only_says_it_is_a_replay_hides_no_letter(changes: dict[str, Any]) -> None:
    assert state_of(0, letter(0), letter(1, headers=replayed(0), **changes)) is State.OPEN


def test_letter_cannot_hide_itself_nor_a_later_one() -> None:
    assert state_of(0, letter(0, headers=replayed(0))) is State.OPEN
    assert state_of(1, letter(0, headers=replayed(1)), letter(1)) is State.OPEN


def test_letter_whose_attempts_are_used_up_is_not_replayed() -> None:
    standings = decide_standings([letter(0)], [], {})
    open_standing = standings[LetterId(0, 0)]
    tried = letter(0, headers=(("dlq.attempts", b"2"),))
    assert object_to_replay(tried, open_standing, 4) is None
    assert "rejected 3 times" in (object_to_replay(tried, open_standing, 3) or "")


def test_only_open_letters_are_replayed() -> None:
    kept = [letter(0), letter(1), letter(2), letter(3, headers=replayed(2))]
    standings = decide_standings(kept, [note(0, 7), note(1, 3)], {("news.articles", 3): 5})
    objections = [object_to_replay(each, standings[each.id], 9) or "" for each in kept]
    assert "not handled it yet" in objections[0]
    assert "accepted" in objections[1]
    assert "rejected again, as 0:3" in objections[2]
    assert objections[3] == ""


@pytest.mark.parametrize(
    ("selection", "selects"),
    [
        (Selection(), True),
        (Selection(reasons=frozenset({"invalid_json", "too_large"})), True),
        (Selection(reasons=frozenset({"too_large"})), False),
        (Selection(since=NOW), True),
        (Selection(since=NOW + timedelta(seconds=1)), False),
        (Selection(until=NOW), False),
        (Selection(until=NOW + timedelta(seconds=1)), True),
        (Selection(partition=3), True),
        (Selection(partition=0), False),
    ],
)
def test_letters_are_selected_by_reason_time_and_partition(
    selection: Selection, *, selects: bool
) -> None:
    assert selection.selects(letter()) is selects
