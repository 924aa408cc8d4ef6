import io
import json
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from service.dead_letters import (
    DeadLetter,
    LetterId,
    Place,
    format_replay,
    format_replay_note,
    read_dead_letter,
)
from service.handling import Rejected
from service.letter_tables import (
    describe_message,
    describe_outgoing,
    describe_standing,
    tabulate_letters,
    write_letter,
)
from service.messages import Headers, RejectionReason
from service.outgoing import format_rejection
from service.standings import Standing, State
from tests.factories import NOW, raw
from tests.test_dead_letters import DLQ, keep

HOSTILE = "\x1b[2J\x9b31m[bold]خبر\n"
HEADERS: Headers = ((HOSTILE, HOSTILE.encode()), ("null", None), ("bytes", b"\x1b\xff"))
MESSAGE = keep(
    format_rejection(
        raw(headers=HEADERS, value=HOSTILE.encode()),
        Rejected(RejectionReason.UNKNOWN_FORMAT, HOSTILE),
        DLQ,
        NOW,
    ),
    17,
)
OPEN = Standing(State.OPEN)


def read_letter() -> DeadLetter:
    letter = read_dead_letter(MESSAGE)
    assert isinstance(letter, DeadLetter)
    return letter


def show(*shown: RenderableType) -> str:
    page = io.StringIO()
    Console(file=page, width=200, highlight=False).print(*shown, sep="\n", soft_wrap=True)
    return page.getvalue()


def is_disarmed(page: str) -> bool:
    return all(mark.isprintable() or mark in "\n\t" for mark in page)


def test_table_of_letters_shows_which_when_why_and_what_became() -> None:
    page = show(tabulate_letters([(read_letter(), OPEN)]))
    for cell in ("0:17", "2024-01-03 12:00:00", "unknown_format", "[bold]خبر", "3:42", "open"):
        assert cell in page
    assert is_disarmed(page)


def test_reason_stays_whole_in_a_narrow_table() -> None:
    letter = replace(read_letter(), reason="binary_not_supported", detail="why " * 50)
    page = io.StringIO()
    Console(file=page, width=80).print(tabulate_letters([(letter, OPEN)]))
    assert " binary_not_supported " in page.getvalue()


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (OPEN, "open"),
        (Standing(State.WAITING, 1), "replayed, not handled yet"),
        (Standing(State.WAITING, 2), "replayed 2 times, not handled yet"),
        (Standing(State.REJECTED_AGAIN, 1, LetterId(0, 9)), "settled: rejected again as 0:9"),
        (Standing(State.ACCEPTED, 1), "settled: accepted"),
    ],
)
def test_every_state_has_its_words(standing: Standing, words: str) -> None:
    assert describe_standing(standing) == words


def test_letter_for_programs_is_one_line_that_no_terminal_obeys() -> None:
    line = write_letter(read_letter(), Standing(State.REJECTED_AGAIN, 1, LetterId(0, 20)))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {
        "id": "0:17",
        "failed_at": "2024-01-03T12:00:00+00:00",
        "reason": "unknown_format",
        "detail": HOSTILE,
        "original": {"topic": "news.articles", "partition": 3, "offset": 42},
        "attempts": 1,
        "size_bytes": len(HOSTILE.encode()),
        "value_omitted": False,
        "state": "rejected_again",
        "replays": 1,
        "newer": "0:20",
    }


def test_letter_is_shown_with_all_its_headers_and_cannot_command_the_terminal() -> None:
    page = show(*describe_message(MESSAGE))
    assert "null: null\n" in page
    assert r"bytes: b'\x1b\xff'" in page
    assert "dlq.original.offset: 42" in page
    assert page.count("[bold]خبر") == 5, "detail twice, header name and value, value"
    assert is_disarmed(page)


def test_value_that_is_no_text_is_dumped() -> None:
    kept = keep(
        format_rejection(
            raw(value=b'{"id": \xff\x1b "0123456789'),
            Rejected(RejectionReason.INVALID_JSON, ""),
            DLQ,
            NOW,
        )
    )
    page = show(*describe_message(kept))
    assert '00000000  7b 22 69 64 22 3a 20 ff 1b 20 22 30 31 32 33 34  {"id": .. "01234\n' in page
    assert "00000010  35 36 37 38 39" in page


def test_what_else_is_on_the_topic_says_what_it_is() -> None:
    assert "not a rejection" in show(*describe_message(raw()))
    note = format_replay_note(LetterId(0, 9), Place("news.articles", 3, 7), DLQ, NOW)
    page = show(*describe_message(keep(note)))
    assert "a note that 0:9 was replayed and is at news.articles 3:7" in page
    assert "no value" in page


def test_what_would_be_sent_is_one_line() -> None:
    page = show(describe_outgoing(format_replay(read_letter(), MESSAGE, "news.articles")))
    assert page.startswith("to news.articles: key a1, ")
    assert page.endswith("dlq.attempts=1, dlq.replay.of=0:17\n")
    assert page.count("\n") == 1
    assert is_disarmed(page)
