"""What a match says, as an entry to remember and as an alert to publish. Pure."""

from dataclasses import replace
from hashlib import blake2b
from typing import Literal

from service.alerts import Alert, Change, Story, derive_alert_id
from service.desk_state import DATED_FROM, Entry, Versions, tell_time
from service.matches import Match


def begin_entry(match: Match, earlier: Entry | None) -> Entry:
    """Begin to remember an article, or anew where its alert was withdrawn.

    It keeps its story, its revisions, and what it used of alert budgets.
    """
    handled_ms = _tell_handled(match, earlier)
    versions = _add_version(match, earlier)
    return Entry(
        article_id=match.article.id,
        version=versions.newest,
        killed=match.status == "canceled",
        handled_ms=handled_ms,
        handled_partition=match.origin.partition,
        handled_offset=match.origin.offset,
        joined_ms=handled_ms,
        told_ms=tell_time(match),
        revision=earlier.revision if earlier else 0,
        standing="held_back",
        labels=name_labels(match),
        face=digest_face(match),
        story_id=earlier.story_id if earlier else derive_alert_id(match.article.id),
        role="lead",
        similarity=1.0,
        raised=earlier.raised if earlier else (),
        raised_ms=earlier.raised_ms if earlier else handled_ms,
        digested=earlier.digested if earlier else 0,
        sketch=match.sketch,
        kept=None,
        counted=versions.counted,
    )


def note_version(match: Match, entry: Entry) -> Entry:
    """Note that a match was handled, whatever it changes."""
    versions = _add_version(match, entry)
    return replace(
        entry,
        version=versions.newest,
        killed=match.status == "canceled",
        handled_ms=_tell_handled(match, entry),
        handled_partition=match.origin.partition,
        handled_offset=match.origin.offset,
        counted=versions.counted,
    )


def _add_version(match: Match, earlier: Entry | None) -> Versions:
    seen = [match.article.version, *(earlier.versions if earlier else ())]
    counted = (each for each in seen if each < DATED_FROM)
    return Versions(max(seen), max(counted, default=0))


def _tell_handled(match: Match, earlier: Entry | None) -> int:
    # Brokers' clocks may go back; what is forgotten by must not.
    got_ms = match.origin.timestamp_ms
    return got_ms if earlier is None else max(got_ms, earlier.handled_ms)


def write_alert(
    match: Match,
    entry: Entry,
    story: Story,
    *,
    status: Literal["raised", "updated", "withdrawn"] = "raised",
    why: Literal["killed", "no_longer_matches"] | None = None,
    change: Change | None = None,
) -> Alert:
    """Write the alert of an article as it stands; one never published is revision 1."""
    article = match.article
    if match.status == "canceled" and not match.version_given:
        # It is of the newest.
        article = article.model_copy(update={"version": entry.version})
    return Alert(
        alert_id=derive_alert_id(entry.article_id),
        revision=max(entry.revision, 1),
        status=status,
        why=why,
        article=article,
        labels=[] if status == "withdrawn" else match.labels,
        story=story,
        change=change,
        model=match.model,
        labelled_at=match.labelled_at,
    )


def place(entry: Entry, lead: Entry) -> Story:
    """Say where in its story an article stands."""
    return Story(
        story_id=entry.story_id,
        role=entry.role,
        lead_alert_id=derive_alert_id(lead.article_id),
        similarity=entry.similarity,
    )


def name_labels(match: Match) -> tuple[str, ...]:
    """The labels that hold, sorted; where none does, those that may."""
    held = [label.label for label in match.labels if label.band == "alert"]
    return tuple(sorted(held or (label.label for label in match.labels)))


def digest_face(match: Match) -> str:
    """Digest what a consumer is shown of an article: an update tells it anew."""
    shown = [match.article.title, match.article.url, *name_labels(match)]
    shown += [evidence.quote for label in match.labels for evidence in label.evidence]
    return blake2b("\0".join(shown).encode(errors="surrogatepass"), digest_size=8).hexdigest()
