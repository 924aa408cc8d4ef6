"""Stories and digests for people to read."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from rich.text import Text

from service.alerts import Alert
from service.console import colour_label, link_to, name_article, shorten
from service.digests import Digest

_LEADS_SHOWN = 3


class StoryAlert(NamedTuple):
    """An alert of a story, and the bytes in which it came."""

    alert: Alert
    value: bytes


_ByAlertId = dict[UUID, StoryAlert]


def group_stories(alerts: Iterable[StoryAlert]) -> list[list[StoryAlert]]:
    """Group the newest revision of each alert by story.

    A kill seldom has a title: a withdrawn alert without one is given that of its last revision
    that had one, so that people know what was withdrawn.

    Returns:
        Stories by when the earliest of their alerts was decided; in each the lead first, then its
        repeats and what was withdrawn, each in this order.
    """
    newest: _ByAlertId = {}
    for each in alerts:
        known = newest.get(each.alert.alert_id)
        if known is None:
            newest[each.alert.alert_id] = each
        else:
            older, newer = sorted((known, each), key=lambda found: found.alert.revision)
            newest[each.alert.alert_id] = _keep_title(newer, older.alert.article.title)
    stories = defaultdict(list)
    for each in newest.values():
        stories[each.alert.story.story_id].append(each)
    for story in stories.values():
        story.sort(key=lambda each: (_rank(each.alert), each.alert.labelled_at))
    return sorted(stories.values(), key=lambda story: min(each.alert.labelled_at for each in story))


def describe_story(alerts: Iterable[Alert]) -> Text:
    """Write a story, a line an alert: its lead, and indented what repeats it or was withdrawn.

    What has no lead to stand under begins a story all the same, lest it seem part of another.
    """
    lines: list[Text] = []
    for alert in alerts:
        if not lines and alert.status != "withdrawn" and alert.story.role == "repeat":
            lines.append(Text("lead not here: told earlier, or in a digest", "dim"))
        line = Text("  " if lines else "")
        lines.append(line.append_text(_describe_line(alert)))
    return Text("\n").join(lines)


def describe_digest(digest: Digest) -> Text:
    """Write a digest in one line: how many alerts, of which label, and the newest of them."""
    line = Text.assemble((f"{digest.digested_at:%Y-%m-%d %H:%M:%S} ", "dim"), ("digest ", "bold"))
    line.append(f"{digest.count} alerts over the budget of {digest.alerts_per_hour} an hour  ")
    line.append(shorten(digest.label), colour_label(digest.label))
    line.append("  ").append("; ".join(_name_leads(digest)))
    return line


def _keep_title(each: StoryAlert, title: str) -> StoryAlert:
    if each.alert.status != "withdrawn" or each.alert.article.title:
        return each
    article = each.alert.article.model_copy(update={"title": title})
    return each._replace(alert=each.alert.model_copy(update={"article": article}))


def _rank(alert: Alert) -> int:
    if alert.status == "withdrawn":
        return 2
    return 0 if alert.story.role == "lead" else 1


def _describe_line(alert: Alert) -> Text:
    line = Text.assemble((f"{alert.labelled_at:%Y-%m-%d %H:%M:%S} ", "dim"))
    if alert.status == "withdrawn":
        line.append(f" WITHDRAWN: {shorten(alert.why or '')} ", "bold white on red").append(" ")
    elif alert.story.role == "lead":
        line.append("lead ", "bold")
    else:
        line.append(f"repeat {alert.story.similarity:.2f} ", "bold")
    line.append(name_article(alert.article))
    for label in alert.labels:
        band = "" if label.band == "alert" else " (review)"
        shown = f"{shorten(label.label)} {label.probability:.2f}{band}"
        line.append("  ").append(shown, colour_label(label.label))
    return line.append("  ").append_text(link_to(alert.article.url))


def _name_leads(digest: Digest) -> Iterator[str]:
    if not digest.leads:
        yield "none left: all withdrawn or raised since"
        return
    for lead in digest.leads[:_LEADS_SHOWN]:
        yield name_article(lead.article)
    if digest.count > min(len(digest.leads), _LEADS_SHOWN):
        yield "…"
