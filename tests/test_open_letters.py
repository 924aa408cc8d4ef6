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


def test_only_so_many_are_kept_and_room_is_made_use_of(
    letters: OpenLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_letters, "LETTERS_MAX", 4)
    assert count(letters, *map(write_letter, range(9))) == {"invalid_json": 4}
    assert letters.is_full
    assert not letters.wants_to_begin_anew
    replayed = [write_note(of=each, offset=10 + each, replayed_to=50 + each) for each in range(3)]
    assert count(letters, *replayed) == {"invalid_json": 1}
    assert letters.wants_to_begin_anew


def test_nothing_of_a_letter_that_could_be_long_is_kept(letters: OpenLetters) -> None:
    count(letters, write_letter(1, key=b"k" * 100_000, value=b"v" * 100_000))
    (kept,) = letters._letters.values()  # noqa: SLF001, what it keeps is what it is about
    assert len(repr(kept)) < 1_000


def test_moment_of_a_letter_is_when_the_topic_got_it(letters: OpenLetters) -> None:
    count(letters, write_letter(1))
    assert datetime.fromtimestamp(letters.oldest_ms / 1000, UTC).year == 1970, "as laid down"
