from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from service import open_letters
from service.dead_letters import LetterId, Place, format_replay_note
from service.handling import Rejected
from service.messages import RawArticle, RejectionReason
from service.open_letters import OpenLetters
from service.outgoing import format_rejection
from tests.factories import NOW, raw

ARTICLES, DLQ = "news.articles", "news.articles.dlq"
HANDLED = {(ARTICLES, 3): 1000}


def lay_down(message: Any, offset: int, partition: int = 0) -> RawArticle:
    """What the dead-letter topic gives for a message that was published to it."""
    return RawArticle(
        DLQ, partition, offset, 1000 + offset, message.key, message.value, message.headers
    )


def write_letter(
    at: int, reason: RejectionReason = RejectionReason.INVALID_JSON, **changes: Any
) -> RawArticle:
    return lay_down(format_rejection(raw(**changes), Rejected(reason, "cut off"), DLQ, NOW), at)


def write_note(of: int, offset: int, replayed_to: int) -> RawArticle:
    place = Place(ARTICLES, 3, replayed_to)
    return lay_down(format_replay_note(LetterId(0, of), place, DLQ, NOW), offset)


def count(
    letters: OpenLetters,
    *messages: RawArticle,
    committed: Mapping[tuple[str, int], int] = HANDLED,
    begin: int = 0,
) -> Mapping[str, int]:
    for message in messages:
        letters.note(message)
    letters.settle(committed, {0: begin})
    return letters.open_by_reason


@pytest.fixture
def letters() -> OpenLetters:
    return OpenLetters()


def test_nothing_is_open_on_an_empty_topic(letters: OpenLetters) -> None:
    assert count(letters) == {}
    assert letters.oldest_ms == 0


def test_letters_are_counted_by_reason_and_the_oldest_is_told(letters: OpenLetters) -> None:
    found = count(
        letters, write_letter(1), write_letter(2), write_letter(5, RejectionReason.NO_TEXT)
    )
    assert found == {"invalid_json": 2, "no_text": 1}
    assert letters.oldest_ms == 1001


def test_letter_is_open_no_more_once_it_was_replayed(letters: OpenLetters) -> None:
    assert count(letters, write_letter(1), write_letter(2)) == {"invalid_json": 2}
    replayed = write_note(of=1, offset=3, replayed_to=50)
    assert count(letters, replayed, committed={(ARTICLES, 3): 50}) == {"invalid_json": 1}
    assert count(letters, committed={(ARTICLES, 3): 51}) == {"invalid_json": 1}
    assert letters.oldest_ms == 1002


def test_letter_that_was_rejected_again_is_open_as_the_newer_one(letters: OpenLetters) -> None:
    count(letters, write_letter(1), write_note(of=1, offset=2, replayed_to=50))
    again = write_letter(3, offset=50, headers=(("dlq.replay.of", b"0:1"),))
    assert count(letters, again) == {"invalid_json": 1}
    assert letters.oldest_ms == 1003


def test_letter_that_the_topic_no_longer_holds_is_forgotten(letters: OpenLetters) -> None:
    assert count(letters, write_letter(1), write_letter(2), begin=2) == {"invalid_json": 1}
    assert letters.oldest_ms == 1002


def test_what_is_not_ours_is_passed_over(letters: OpenLetters) -> None:
    assert count(letters, raw(topic=DLQ, headers=(("dlq.reason", b"made_up"),)), raw()) == {}


def test_only_so_many_are_kept_and_what_was_left_out_is_read_once_there_is_room(
    letters: OpenLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_letters, "LETTERS_MAX", 4)
    assert count(letters, *map(write_letter, range(9))) == {"invalid_json": 4}
    assert letters.take_left_out() == {}, "there is no room"
    replayed = [write_note(of=each, offset=10 + each, replayed_to=50 + each) for each in range(3)]
    assert count(letters, *replayed) == {"invalid_json": 1}
    assert letters.take_left_out() == {0: 4}
    rest = [write_letter(4), write_letter(5)]
    assert count(letters, *rest, *replayed) == {"invalid_json": 3}
    settled = [write_note(of=each, offset=9 + each, replayed_to=50 + each) for each in (4, 5)]
    assert count(letters, *settled) == {"invalid_json": 1}
    assert letters.take_left_out() == {}, "all was read"


def test_many_that_are_all_settled_are_read_to_the_end_however_few_are_kept(
    letters: OpenLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_letters, "LETTERS_MAX", 4)
    topic = [write_letter(each) for each in range(20)]
    topic += [write_note(of=each, offset=20 + each, replayed_to=50 + each) for each in range(20)]
    begins, left_out = [0], {0: 0}
    while left_out:
        assert count(letters, *topic[left_out[0] :]) == {}
        left_out = dict(letters.take_left_out())
        begins += left_out.values()
    assert begins == [0, 4, 8, 12, 16]


def test_notes_that_were_left_out_are_read_once_there_is_room(
    letters: OpenLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_letters, "NOTES_MAX", 2)
    count(letters, write_letter(0), write_letter(1), write_letter(2))
    notes = [write_note(of=each, offset=3 + each, replayed_to=50 + each) for each in range(3)]
    assert count(letters, *notes) == {"invalid_json": 1}, "the last was left out"
    assert letters.take_left_out() == {0: 5}
    assert count(letters, notes[2]) == {}
    assert letters.take_left_out() == {}


def test_nothing_of_a_letter_that_could_be_long_is_kept(letters: OpenLetters) -> None:
    count(letters, write_letter(1, key=b"k" * 100_000, value=b"v" * 100_000))
    (kept,) = letters._letters.values()  # noqa: SLF001, what it keeps is what it is about
    assert len(repr(kept)) < 1_000


def test_moment_of_a_letter_is_when_the_topic_got_it(letters: OpenLetters) -> None:
    count(letters, write_letter(1))
    assert datetime.fromtimestamp(letters.oldest_ms / 1000, UTC).year == 1970, "as laid down"
