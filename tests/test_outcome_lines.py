"""Lines of outcomes: where, what and by which model; never what an article says."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.logs import configure_logging
from service.messages import RejectionReason
from service.outbox import Decision
from service.outcome_lines import log_decision, log_ruling
from service.outcomes import Outcome
from service.stories import Ruling
from tests.factories import TTP_TITLE, alert, match, raw

PLACE = {"topic": "news.articles", "partition": 3, "offset": 42}


@pytest.fixture(params=["json", "console"])
def log_format(request: pytest.FixtureRequest) -> Iterator[str]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield str(request.param)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("decided", "level", "said"),
    [
        (
            Rejected(RejectionReason.NO_TEXT, "neither"),
            "warning",
            {"outcome": "rejected", "reason": "no_text", "detail": "neither", "key": "a1"},
        ),
        (Unmatched("a1"), "debug", {"outcome": "unmatched", "article": "a1"}),
        (Withheld("a1"), "debug", {"outcome": "withheld", "article": "a1"}),
        (Matched(match()), "debug", {"article": "a1"}),
    ],
)
def test_line_of_a_decision_says_where_what_and_by_which_model(
    decided: Decided,
    level: str,
    said: dict[str, str],
    log_format: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(log_format, "debug")
    log_decision(Decision(raw(value=TTP_TITLE.encode()), decided), model="0.1.0+abcdef12")
    (line,) = capsys.readouterr().err.splitlines()
    assert TTP_TITLE not in line
    wanted = {**PLACE, **said, "model": "0.1.0+abcdef12"}
    if log_format == "json":
        written = json.loads(line)
        assert written["level"] == level
        assert {name: written.get(name) for name in wanted} == wanted
        assert ("outcome" in written) == ("outcome" in said), "a match has none before the desk"
    else:
        assert all(str(value) in line for value in wanted.values())
        assert not line.startswith("{")


@pytest.mark.parametrize(
    ("ruling", "level"),
    [(Ruling(Outcome.ALERTED, (alert(),)), "info"), (Ruling(Outcome.STALE), "debug")],
)
def test_line_of_a_ruling_is_of_the_article_and_not_of_the_match(
    ruling: Ruling, level: str, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging(log_format, "debug")
    log_ruling(match(), ruling)
    (line,) = capsys.readouterr().err.splitlines()
    assert TTP_TITLE not in line
    if log_format == "json":
        written = json.loads(line)
        wanted = {
            **PLACE,
            "level": level,
            "article": "a1",
            "outcome": ruling.outcome.value,
            "model": match().model.version,
        }
        assert {name: written.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("hostile", [b"a\n\x1b[31m", b"\x1b[31m"])
def test_key_of_a_rejection_is_cut_and_cannot_write_lines_of_its_own(
    hostile: bytes, log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "debug")
    hostile += b"\xff" + b"k" * 10_000
    rejected = Rejected(RejectionReason.INVALID_JSON, "cut off")
    log_decision(Decision(raw(key=hostile), rejected), model="1")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b[31m" not in written
    assert len(written) < 1_000


@pytest.mark.parametrize(
    ("value", "model"),
    [
        (match().model_dump_json().encode(), match().model.version),
        # One of a later release, which this one cannot read as a whole.
        (b'{"model": {"version": "9.0.0+1", "sha256": "e3"}, "origin": "elsewhere"}', "9.0.0+1"),
        (b'{"model": {"version": "\\u001b[31m' + b"v" * 10_000 + b'", "sha256": "e3"}}', None),
        (b"{", ""),
        (None, ""),
    ],
)
def test_line_of_a_rejected_match_says_which_model_decided_as_the_match_does(
    value: bytes | None, model: str | None, log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "info")
    rejected = Rejected(RejectionReason.INVALID_MATCH, "1 fields are not a match's")
    log_decision(Decision(raw(value=value), rejected), model="")
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 1_000
    assert "\x1b[31m" not in line
    if log_format == "json" and model is not None:
        assert json.loads(line)["model"] == model


@pytest.mark.parametrize("decided", [Unmatched("a1"), Withheld("a1"), Matched(match())])
def test_nothing_is_written_of_what_is_below_the_level(
    decided: Decided, log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format, "info")
    log_decision(Decision(raw(), decided), model="1")
    assert capsys.readouterr().err == ""
