"""Alerts, articles and rejections for people to read."""

import os
import string
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from service.alerts import Alert, AlertLabel, AlertType, ArticleReference, Change, Term, tell_type
from service.classifier import Labelling
from service.dead_letters import RejectionHeader
from service.messages import Article, Headers

_PIPED_WIDTH = 110
_LINE_MAX_CHARACTERS = 100
# An address is copied whole; one that is longer is none that people follow.
_URL_MAX_CHARACTERS = 500
_TERMS_SHOWN = 3
_WITHDRAWN = {
    "killed": "the newsroom killed the article, do not use it",
    "no_longer_matches": "the article as it is now is not about it any more",
    None: "it does not say why",
}
# A control character of a newsroom's could command the reader's terminal. Each becomes one space,
# as rich would drop some of them and so move what stands behind them.
_CONTROLS = {code: " " for code in (*range(32), *range(127, 160)) if code not in b"\n\t"}
_COLOURS = ("red", "yellow", "cyan", "magenta", "green", "blue")


class _OurConsole(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process with exit code 1; see `end_with_reader`.
        raise BrokenPipeError


def open_console() -> Console:
    """Return a console on standard output: colours on a terminal, plain lines when piped."""
    return _OurConsole(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)


@contextmanager
def end_with_reader() -> Iterator[None]:
    """End what prints when nobody reads it any more, as in `| head`: quietly, it is done."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more on its way out, and would complain.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def tabulate_alerts(alerts: Iterable[Alert]) -> Table:
    """Set alerts in a table, story by story: article, label, probability, and the quote."""
    table = Table(title="Alerts", title_justify="left")
    for heading in ("article", "label", "probability", "because it says"):
        table.add_column(heading, overflow="fold")
    for alert in sorted(alerts, key=_place_in_story):
        held = [label for label in alert.labels if label.band == "alert"]
        for position, label in enumerate(held):
            table.add_row(
                _name_in_table(alert) if position == 0 else "",
                Text(shorten(label.label), style=colour_label(label.label)),
                f"{label.probability:.2f}",
                Text(shorten(label.evidence[0].quote)),
            )
        table.add_section()
    return table


def _place_in_story(alert: Alert) -> tuple[str, bool, str]:
    return str(alert.story.story_id), alert.story.role == "repeat", alert.article.id


def _name_in_table(alert: Alert) -> Text:
    name = Text(name_article(alert.article))
    if alert.story.role == "repeat":
        name.append(f"\nrepeats its lead ({alert.story.similarity:.2f})", "dim")
    return name


def name_article(article: ArticleReference) -> str:
    """Name an article by its title, or by its id if that says nothing."""
    return shorten(article.title) or shorten(article.id)


def tabulate_rejections(rejections: Iterable[tuple[bytes | None, Headers]]) -> Table:
    """Set rejections in a table: where they were, why, and how they begin."""
    table = Table(title="Rejections", title_justify="left")
    for heading in ("offset", "reason", "detail", "original"):
        table.add_column(heading, overflow="fold")
    for value, headers in rejections:
        why = {name: (text or b"").decode(errors="replace") for name, text in headers}
        table.add_row(
            f"{why[RejectionHeader.ORIGINAL_PARTITION]}:{why[RejectionHeader.ORIGINAL_OFFSET]}",
            Text(why[RejectionHeader.REASON], style="red"),
            Text(flatten(why[RejectionHeader.DETAIL])),
            Text(ascii(value[:40]) if value else "none"),
        )
    return table


def describe_alert(alert: Alert) -> Text:
    """Write one alert in a few lines, for someone who follows the topic."""
    what = tell_type(alert)
    lines = Text.assemble((f"{alert.labelled_at:%Y-%m-%d %H:%M:%S} ", "dim"))
    if what is AlertType.WITHDRAWN:
        # Later releases may add reasons.
        why = shorten(_WITHDRAWN.get(alert.why, str(alert.why)))
        lines.append(f" WITHDRAWN: {why} ", "bold white on red").append(" ")
    else:
        lines.append(f"{what} ", "bold")
    lines.append(name_article(alert.article))
    lines.append("  ").append(link_to(alert.article.url))
    if what is AlertType.REPEATED:
        lines.append(
            f"\n  as alert {alert.story.lead_alert_id} does ({alert.story.similarity:.2f})", "dim"
        )
    if alert.change is not None and what is not AlertType.WITHDRAWN:
        lines.append("".join(f"\n  {each}" for each in _list_changes(alert.change)))
    for label in alert.labels:
        lines.append_text(_describe_label(label))
    return lines


def _list_changes(change: Change) -> Iterator[str]:
    if change.promoted:
        yield "leads its story now"
    if change.labels_gained:
        yield f"now also {', '.join(map(shorten, change.labels_gained))}"
    if change.labels_lost:
        yield f"no longer {', '.join(map(shorten, change.labels_lost))}"
    if change.text_changed:
        yield f"{change.text_changed:.0%} of the text changed"


def describe_article(article: Article, labelling: Labelling) -> Text:
    """Write an article with the passages that earned its labels highlighted."""
    heading = Text.assemble((shorten(article.id), "bold"))
    if not labelling.alerts:
        nearest = max(labelling.probabilities.items(), key=lambda item: item[1])
        heading.append(f"  no label (nearest: {nearest[0]} {nearest[1]:.2f})", "dim")
    if not labelling.labels:
        return heading
    for label in labelling.labels:
        heading.append_text(_describe_label(label))
    for part, words in (("title", article.title), ("text", article.text)):
        if words:
            heading.append("\n\n").append_text(_highlight(part, words, labelling.labels))
    return heading


def _highlight(part: str, words: str, labels: Sequence[AlertLabel]) -> Text:
    text = Text(disarm(words))
    for label in labels:
        for evidence in label.evidence:
            if evidence.part == part:
                text.stylize(f"{colour_label(label.label)} bold", evidence.start, evidence.end)
    return text


def describe_evidence(labels: Iterable[AlertLabel]) -> Iterator[Table]:
    """Set the evidence of labels in tables: each passage's terms, and how they add up."""
    for label in labels:
        for evidence in label.evidence:
            # As a string it would be read as markup, and `[/b]` of an article end the command.
            title = Text(
                f"{shorten(label.label)} {evidence.probability:.2f} ({label.band}), "
                f"{evidence.part} {evidence.start}-{evidence.end}: “{shorten(evidence.quote)}”",
                "table.title",
            )
            table = Table(title=title, title_justify="left", show_footer=True)
            total = evidence.bias + evidence.rest + sum(term.weight for term in evidence.terms)
            table.add_column("kind", footer="log-odds")
            table.add_column("term", overflow="fold", footer=f"probability {evidence.probability}")
            table.add_column("weight", justify="right", footer=f"{total:+.2f}")
            for term in evidence.terms:
                found = f" ({', '.join(term.found)})" if term.found else ""
                kind, said = Text(shorten(term.kind)), Text(flatten(term.term + found))
                table.add_row(kind, said, f"{term.weight:+.2f}")
            table.add_row("", "all other terms", f"{evidence.rest:+.2f}")
            table.add_row("", "bias", f"{evidence.bias:+.2f}")
            yield table


def describe_trial(place: str, words: str, verdict: str) -> str:
    """Write on one line what would become of an article, of its id or why it is rejected."""
    return flatten(f"{place}  {verdict}  {words}")


def _describe_label(label: AlertLabel) -> Text:
    band = "" if label.band == "alert" else " (review)"
    described = Text.assemble(
        "\n  ",
        (
            f"{shorten(label.label)} {label.probability:.2f}{band}",
            f"{colour_label(label.label)} bold",
        ),
    )
    # Ours have evidence; the contract lets it be empty, and anyone may write to the topic.
    for best in label.evidence[:1]:
        terms = ", ".join(
            f"{_name_term(term)} {term.weight:+.1f}" for term in best.terms[:_TERMS_SHOWN]
        )
        described.append(f"  “{shorten(best.quote)}”").append(f"\n      {terms}", "dim")
    return described


def link_to(url: str) -> Text:
    """Write an address, to be clicked if it leads to the web and nowhere else."""
    # Terminals follow a link on a click: only to the web, and none that looks like another, as one
    # may that is cut before what it leads to (`https://this@that`).
    shown = Text(_cut(flatten(url), _URL_MAX_CHARACTERS), style="dim")
    if len(url) > _URL_MAX_CHARACTERS:
        return shown
    if url.isprintable() and " " not in url and url.startswith(("http://", "https://")):
        try:
            host = urlsplit(url).hostname
        except ValueError:
            return shown
        if host:
            shown.stylize(Style(link=quote(url, safe=string.punctuation)))
    return shown


def _name_term(term: Term) -> str:
    return shorten(", ".join(term.found) or term.term)


def colour_label(label: str) -> str:
    """Choose the colour of a label, always the same."""
    return _COLOURS[sum(label.encode()) % len(_COLOURS)]


def shorten(words: str) -> str:
    """Write words on one line, cut where they are long: a title, an id, a quote."""
    return _cut(flatten(words), _LINE_MAX_CHARACTERS)


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"


def flatten(words: str) -> str:
    """Write words on one line: of a line that they begin nobody could tell that it is not ours."""
    return " ".join(disarm(words).split())


def disarm(words: str) -> str:
    """Replace control characters by spaces; newlines and tabs stay, for a text that has lines."""
    return words.translate(_CONTROLS)
