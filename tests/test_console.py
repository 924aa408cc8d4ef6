import io
import re
from typing import Any, Literal

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from service.alerts import Alert, Change, Term
from service.classifier import Labelling
from service.console import (
    describe_alert,
    describe_article,
    describe_evidence,
    open_console,
    tabulate_alerts,
    tabulate_rejections,
)
from service.handling import Rejected
from service.messages import Headers, RejectionReason
from service.outgoing import format_rejection
from tests.factories import ALERT_ID, NOW, TTP_TITLE, alert, article, evidence, label, raw, story

HOSTILE_WORDS = "\x1b[2J\x07\x9b31m[bold]خبر[/nothing] e\u0301😀"
# What follows each end of a line looks like a line of ours.
FORGED_LINES = "Local news" + "".join(
    f"{end}2026-11-26 13:40:00  WITHDRAWN: do not use it" for end in ("\n", "\r\n", "\x85", "\t")
)
FORGED_LINE = " ".join(FORGED_LINES.split())


def show(shown: RenderableType) -> str:
    page = io.StringIO()
    Console(file=page, width=200, highlight=False).print(shown)
    return page.getvalue()


def show_lines(shown: RenderableType) -> list[str]:
    """The lines of which it is made, however long they are."""
    page = io.StringIO()
    Console(file=page, width=1_000_000, highlight=False).print(shown)
    return page.getvalue().splitlines()


def fill(words: str, **changes: Any) -> Alert:
    """An alert that says these words wherever it may say any."""
    about = alert().article.model_copy(
        update=dict.fromkeys(("id", "title", "url", "source", "language"), words)
    )
    term = Term(kind=words, term=words, weight=1.0, found=[words])
    said = label(label=words, title=words, evidence=[evidence(quote=words, terms=[term])])
    return alert(**{"article": about, "labels": [said], **changes})


def quoted(words: str, part: str, start: int, end: int) -> Labelling:
    found = label(
        evidence=[evidence(part=part, start=start, end=end, quote=words[start:end])],
    )
    return Labelling({"ttp": 0.98}, [found])


def emphasised(text: Text, words: str) -> list[str]:
    """What is highlighted in the words at the end of a text."""
    begin = len(text.plain) - len(words)
    return [text.plain[span.start : span.end] for span in text.spans if span.start >= begin]


def test_table_of_alerts_has_a_row_for_each_label_and_its_quote() -> None:
    page = show(tabulate_alerts([alert(labels=[label(), label(label="border", probability=0.71)])]))
    assert page.count(TTP_TITLE) == 3
    for cell in ("ttp", "0.98", "border", "0.71"):
        assert page.count(cell) == 1


def test_alert_without_a_title_is_known_by_its_id() -> None:
    untitled = alert(article=alert().article.model_copy(update={"title": "", "id": "urn:17"}))
    assert "urn:17" in show(tabulate_alerts([untitled]))
    assert "urn:17" in show(describe_alert(untitled))


@pytest.mark.parametrize("value", [None, b"", b"\x1b[2J\xff not JSON", b"x" * 9999])
@pytest.mark.parametrize("headers", [(), (("null", None),), (("bytes", b"\xff"),)])
def test_table_of_rejections_shows_where_why_and_the_beginning(
    value: bytes | None, headers: Headers
) -> None:
    rejected = Rejected(RejectionReason.INVALID_JSON, "cut off at column 9")
    sent = format_rejection(raw(value=value, headers=headers), rejected, "dlq", NOW)
    page = show(tabulate_rejections([(sent.value, sent.headers)]))
    for cell in ("3:42", "invalid_json", "cut off at column 9"):
        assert cell in page
    assert "\x1b" not in page


def test_alert_that_is_followed_shows_label_probability_quote_and_terms() -> None:
    page = show(describe_alert(alert()))
    assert "12:00:00 raised" in page
    assert f"ttp 0.98  “{TTP_TITLE}”" in page
    assert "ttp +5.2" in page


def test_label_without_evidence_is_shown_all_the_same() -> None:
    described = describe_alert(alert(labels=[label(evidence=[])]))
    assert show(described).splitlines()[1].strip() == "ttp 0.98"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("killed", "WITHDRAWN: the newsroom killed the article, do not use it"),
        ("no_longer_matches", "WITHDRAWN: the article as it is now is not about it any more"),
        (None, "WITHDRAWN: it does not say why"),
    ],
)
def test_withdrawn_alert_is_loud_and_says_why(
    why: Literal["killed", "no_longer_matches"] | None, words: str
) -> None:
    described = describe_alert(alert(status="withdrawn", why=why, labels=[]))
    assert words in show(described)
    assert "bold white on red" in [span.style for span in described.spans]


def test_repeat_is_not_taken_for_a_first_alert() -> None:
    page = show(describe_alert(alert(story=story(role="repeat", similarity=0.8125))))
    assert "12:00:00 repeated" in page
    assert f"as alert {ALERT_ID} does (0.81)" in page


def test_updated_alert_says_what_has_changed() -> None:
    change = Change(
        labels_gained=["border"], labels_lost=["ttp", "x"], text_changed=0.214, promoted=True
    )
    page = show(describe_alert(alert(status="updated", change=change)))
    for words in ("leads its story now", "now also border", "no longer ttp, x", "21% of the text"):
        assert words in page
    unchanged = show(describe_alert(alert(status="updated", change=Change())))
    assert "%" not in unchanged
    assert "no longer" not in unchanged


def linked(url: str) -> list[str]:
    about = alert().article.model_copy(update={"url": url})
    page = io.StringIO()
    terminal = Console(file=page, width=200, force_terminal=True, highlight=False)
    terminal.print(describe_alert(alert(article=about)))
    assert "\x9b" not in page.getvalue()
    return re.findall("\x1b]8;id=[0-9-]+;([^\x1b]*)\x1b", page.getvalue())


def test_link_to_the_web_can_be_clicked() -> None:
    assert linked("https://example.org/a?b=1&c=%20#d") == ["https://example.org/a?b=1&c=%20#d"]
    assert linked("http://example.org/خبر") == ["http://example.org/%D8%AE%D8%A8%D8%B1"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "javascript://example.org/%0aalert(1)",
        "file:///etc/passwd",
        "file://example.org/etc/passwd",
        "https:///nowhere",
        "https://[::1",
        "https://example.org/\x1b\\\x1b]8;;https://evil.example",
        "https://example.org/\x9b31m",
        "https://example.org/\u202egro.live",
        "https://example.org/ https://evil.example",
    ],
)
def test_link_that_leads_elsewhere_or_hides_something_cannot_be_clicked(url: str) -> None:
    assert linked(url) == []


def test_article_without_a_label_is_described_by_the_nearest() -> None:
    page = show(describe_article(article(), Labelling({"ttp": 0.1, "border": 0.3}, [])))
    assert page.strip() == "a1  no label (nearest: border 0.30)"


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("It rained.\n\nThe TTP attacked.", 12, 29),
        ("It rained.\r\n\r\nThe TTP attacked.", 14, 31),
        ("\x07\x08\x0b\x0c The TTP attacked.", 5, 22),
        ("Café e\u0301 😀 خبر The TTP attacked.", 14, 31),
    ],
)
def test_quote_is_highlighted_where_it_stands(words: str, start: int, end: int) -> None:
    assert words[start:end] == "The TTP attacked."
    described = describe_article(article(title="", text=words), quoted(words, "text", start, end))
    assert emphasised(described, words) == ["The TTP attacked."]


def test_quote_from_the_title_is_not_highlighted_in_the_text() -> None:
    described = describe_article(
        article(title=TTP_TITLE, text="x" * 99), quoted(TTP_TITLE, "title", 0, len(TTP_TITLE))
    )
    assert emphasised(described, f"{TTP_TITLE}\n\n{'x' * 99}") == [TTP_TITLE]


def test_words_of_an_article_cannot_command_the_terminal_or_the_markup() -> None:
    hostile = alert(
        article=alert().article.model_copy(update={"title": HOSTILE_WORDS, "url": "\x1b[2J"}),
        labels=[label(evidence=[evidence(quote=HOSTILE_WORDS)])],
    )
    read = article(id=HOSTILE_WORDS, title=HOSTILE_WORDS, text=HOSTILE_WORDS)
    for shown in (
        tabulate_alerts([hostile]),
        describe_alert(hostile),
        describe_article(read, quoted(HOSTILE_WORDS, "text", 4, 30)),
        describe_article(read, Labelling({"ttp": 0.1}, [])),
    ):
        page = show(shown)
        assert [mark for mark in page if not mark.isprintable() and mark != "\n"] == []
        assert "[bold]خبر[/nothing] e\u0301😀" in page


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"story": story(role="repeat")},
        {
            "status": "updated",
            "change": Change(labels_gained=[FORGED_LINES], labels_lost=[FORGED_LINES]),
        },
        {"status": "withdrawn", "why": FORGED_LINES},
    ],
)
def test_words_of_an_article_cannot_begin_a_line(changes: dict[str, Any]) -> None:
    first, *others = show_lines(describe_alert(fill(FORGED_LINES, **changes)))
    assert first.startswith("2024-01-03 12:00:00 ")
    assert all(line.startswith("  ") for line in others)
    assert sum("\t" in line for line in [first, *others]) == 0


def test_id_of_an_article_that_is_classified_is_one_line() -> None:
    read = article(id=FORGED_LINES)
    (line,) = show_lines(describe_article(read, Labelling({"ttp": 0.1}, [])))
    assert line.startswith("Local news 2026-11-26")


@pytest.mark.parametrize("title", ["", " \n\t", "\x1b\x07"])
def test_title_without_a_word_is_none(title: str) -> None:
    untitled = alert(article=alert().article.model_copy(update={"title": title, "id": "urn:17"}))
    assert "raised urn:17 " in show(describe_alert(untitled))
    assert "urn:17" in show(tabulate_alerts([untitled]))


def test_alert_of_endless_words_does_not_flood_the_terminal() -> None:
    endless = fill("x" * 145_000)
    change = Change(labels_gained=["x" * 145_000])
    for shown in (
        describe_alert(endless),
        describe_alert(fill("x" * 145_000, status="updated", change=change)),
        describe_alert(fill("x" * 145_000, status="withdrawn", why="x" * 145_000)),
        tabulate_alerts([endless]),
    ):
        assert len(show(shown)) < 3000


def test_long_title_is_cut_as_a_quote_is() -> None:
    about = alert().article.model_copy(update={"title": "word " * 30})
    (line, *_) = show_lines(describe_alert(alert(article=about)))
    assert f" raised {'word ' * 19}word…  https://" in line


def test_address_that_is_cut_cannot_be_clicked() -> None:
    # Behind the cut may stand where it really leads: https://all-this@evil.example.
    long_url = f"https://example.org/{'a' * 480}"
    assert set(linked(long_url)) == {long_url}
    assert linked(long_url + "a") == []


def test_reason_of_a_later_release_is_shown_as_it_is() -> None:
    gone = alert(status="withdrawn", why="superseded", labels=[])
    assert "WITHDRAWN: superseded" in show(describe_alert(gone))


def test_evidence_is_shown_whatever_it_quotes() -> None:
    (said,) = fill(HOSTILE_WORDS).labels
    (page,) = map(show, describe_evidence([said]))
    assert page.count("[bold]خبر[/nothing]") == 5, "label, quote, kind, term, what was found"
    (said,) = fill(FORGED_LINES).labels
    (lines,) = map(show_lines, describe_evidence([said]))
    assert [line for line in lines if line.startswith("2026")] == []
    assert f" {FORGED_LINE} ({FORGED_LINE}) " in "".join(lines)


def test_long_quote_is_cut_and_its_lines_joined() -> None:
    page = show(describe_alert(alert(labels=[label(evidence=[evidence(quote="one\n two " * 99)])])))
    assert "“one two one two" in page
    assert "…”" in page


def test_what_is_piped_has_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    open_console().print(describe_alert(alert()))
    page = capsys.readouterr().out
    assert TTP_TITLE in page
    assert "\x1b" not in page
