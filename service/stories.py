"""What becomes of a match: raise, repeat, update, withdraw, or say nothing. Pure.

State in, ruling out: nothing here changes the state, reads a clock or talks to anyone. The same
matches in the same order give the same alerts, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from service.alerts import Alert, Change, Story
from service.desk_state import HOUR_MS, DeskState, Entry, keep_alert, restore_alert
from service.entries import begin_entry, digest_face, name_labels, note_version, place, write_alert
from service.matches import Match
from service.outcomes import Outcome
from service.sketches import measure_difference

# One paragraph in ten, or a number that was corrected, which weighs as much; commas weigh less.
TEXT_CHANGE_WORTH_TELLING = 0.1


@dataclass(frozen=True, slots=True)
class DeskRules:
    """What the operator decides about alerts.

    Attributes:
        quiet_repeats: labels whose repeats are not published.
        alerts_per_hour: how many alerts a label may raise in an hour; more are digested.
    """

    quiet_repeats: frozenset[str] = frozenset()
    alerts_per_hour: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a match comes to: the alerts that go out, in order, and what is to be remembered."""

    outcome: Outcome
    alerts: tuple[Alert, ...] = ()
    entries: tuple[Entry, ...] = ()


def rule_on_match(match: Match, state: DeskState, rules: DeskRules) -> Ruling:
    """Decide what becomes of a match.

    Args:
        match: the next of the matches topic.
        state: what the matches before it left.
        rules: what the operator decides.
    """
    entry = state.find(match.article.id)
    if entry is not None and _is_stale(match, entry):
        return Ruling(Outcome.STALE)
    if match.status == "canceled":
        return _kill(match, entry, state)
    if entry is None or entry.standing == "withdrawn":
        return _raise(match, entry, state, rules) if match.labels else _pass(match, entry)
    if match.labels:
        return _update(match, entry, state, rules)
    return _withdraw(match, entry, state, "no_longer_matches")


def _is_stale(match: Match, entry: Entry) -> bool:
    if _is_redelivered(match, entry):
        return True
    newest = entry.versions.find_like(match.article.version)
    kills_all = match.status == "canceled" and not match.version_given
    if kills_all or newest == 0:
        # Where no version tells which is newer, the order in which the broker got them does.
        return match.origin.timestamp_ms < entry.handled_ms
    # A kill often carries the version it kills.
    return (match.article.version, match.status == "canceled") <= (newest, entry.killed)


def _is_redelivered(match: Match, entry: Entry) -> bool:
    if entry.versions.lack(match) and not entry.killed:
        # It failed then, and is replayed.
        return False
    # The offset alone would not do: the topic may have been made anew.
    return (
        match.origin.partition == entry.handled_partition
        and match.origin.offset <= entry.handled_offset
        and match.origin.timestamp_ms <= entry.handled_ms
    )


def _raise(match: Match, entry: Entry | None, state: DeskState, rules: DeskRules) -> Ruling:
    new = begin_entry(match, entry)
    lead, similarity = _find_lead(match, entry, new.story_id, state)
    if lead is not None:
        new = replace(new, story_id=lead.story_id, role="repeat", similarity=similarity)
        quiet = _is_quiet(new, rules)
        outcome = Outcome.REPEATED
    else:
        # What comes back has used its budget already.
        quiet = not new.raised and _is_over_budget(new, state, rules)
        if not new.raised:
            new = replace(new, raised=new.labels, raised_ms=new.joined_ms, digested=int(quiet))
        outcome = Outcome.DIGESTED if quiet else Outcome.ALERTED
    if not quiet:
        new = replace(new, standing="published", revision=new.revision + 1)
    alert = write_alert(match, new, place(new, lead or new))
    if quiet or lead is not None:
        new = replace(new, kept=keep_alert(alert))
    return Ruling(outcome, () if quiet else (alert,), (new,))


def _find_lead(
    match: Match, entry: Entry | None, story_id: UUID, state: DeskState
) -> tuple[Entry | None, float]:
    # What was withdrawn and comes back belongs where it did.
    lead = state.find_lead(story_id)
    if lead is not None:
        return lead, state.measure_similarity(match, lead)
    found = state.find_story(match) if entry is None else None
    return (found.lead, found.similarity) if found else (None, 1.0)


def _is_over_budget(new: Entry, state: DeskState, rules: DeskRules) -> bool:
    hour = new.joined_ms // HOUR_MS
    return all(
        label in rules.alerts_per_hour
        and state.count_raised(hour, label) >= rules.alerts_per_hour[label]
        for label in new.labels
    )


def _is_quiet(new: Entry, rules: DeskRules) -> bool:
    # A lead that is held back is in the digests of the labels that it raised.
    quiet_labels = rules.quiet_repeats if new.role == "repeat" else frozenset(new.raised)
    return quiet_labels.issuperset(new.labels)


def _update(match: Match, entry: Entry, state: DeskState, rules: DeskRules) -> Ruling:
    labels, face = name_labels(match), digest_face(match)
    difference = measure_difference(entry.sketch, match.sketch)
    if (
        face == entry.face
        and not difference.numbers_changed
        and difference.text_changed < TEXT_CHANGE_WORTH_TELLING
    ):
        # The old sketch stays: small changes add up until they are worth telling.
        return Ruling(Outcome.UNCHANGED, entries=(note_version(match, entry),))
    lead = state.find_lead(entry.story_id)
    new = replace(note_version(match, entry), labels=labels, face=face, sketch=match.sketch)
    if lead is None:
        # It was withdrawn when the story was closed and had no successor, or is forgotten.
        new = replace(new, role="lead", similarity=1.0)
    change = Change(
        labels_gained=sorted(set(labels) - set(entry.labels)),
        labels_lost=sorted(set(entry.labels) - set(labels)),
        text_changed=difference.text_changed,
        promoted=lead is None,
    )
    return _tell_anew(match, entry, new, place(new, lead or new), change, rules=rules)


def _tell_anew(
    match: Match, entry: Entry, new: Entry, story: Story, change: Change, *, rules: DeskRules
) -> Ruling:
    outcome = Outcome.UNCHANGED
    if entry.standing == "published":
        outcome = Outcome.UPDATED
    elif not _is_quiet(new, rules):
        # It leads now, or gained a label by which it is not held back any more.
        outcome = Outcome.ALERTED if new.role == "lead" else Outcome.REPEATED
    is_told = outcome is not Outcome.UNCHANGED
    if is_told:
        new = replace(new, standing="published", revision=entry.revision + 1)
    status: Literal["raised", "updated"] = "updated"
    told_change: Change | None = change
    if entry.standing != "published":
        status, told_change = "raised", Change(promoted=True) if change.promoted else None
    alert = write_alert(match, new, story, status=status, change=told_change)
    is_kept = entry.kept is not None and (new.role == "repeat" or not is_told)
    new = replace(new, kept=keep_alert(alert) if is_kept else None, digested=_count_digested(entry))
    return Ruling(outcome, (alert,) if is_told else (), (new,))


def _count_digested(entry: Entry) -> int:
    is_in_digest = entry.digested > 0 and entry.standing == "held_back" and entry.role == "lead"
    return entry.digested + is_in_digest


def _kill(match: Match, entry: Entry | None, state: DeskState) -> Ruling:
    if entry is None:
        entry = begin_entry(match, None)
    elif entry.killed:
        return Ruling(Outcome.UNCHANGED, entries=(note_version(match, entry),))
    return _withdraw(match, entry, state, "killed")


def _pass(match: Match, entry: Entry | None) -> Ruling:
    # Of what never matched nothing is remembered.
    entries = () if entry is None else (note_version(match, entry),)
    return Ruling(Outcome.UNMATCHED, entries=entries)


def _withdraw(
    match: Match, entry: Entry, state: DeskState, why: Literal["killed", "no_longer_matches"]
) -> Ruling:
    lead = state.find_lead(entry.story_id)
    heir = state.find_successor(entry.story_id) if lead is entry else None
    promoted = () if heir is None else (_promote(heir),)
    gone = replace(
        note_version(match, entry),
        standing="withdrawn",
        labels=(),
        digested=_count_digested(entry),
        sketch=b"",
        kept=None,
    )
    if lead is entry or lead is None:
        # As alike as its successor was to it, it now is to its successor.
        lead = promoted[0][1] if promoted else gone
        gone = replace(gone, similarity=heir.similarity if heir else 1.0)
    gone = replace(gone, role="lead" if lead.article_id == gone.article_id else "repeat")
    alerts = tuple(alert for alert, _ in promoted)
    # Whom nothing was told need not hear that it no longer matches; a kill is told to all.
    untold = entry.standing == "held_back" and entry.role == "repeat"
    outcome = Outcome.UNMATCHED
    if why == "killed" or not untold:
        gone = replace(gone, revision=entry.revision + 1)
        change = Change(labels_lost=sorted(entry.labels))
        story = place(gone, lead)
        gone_alert = write_alert(match, gone, story, status="withdrawn", why=why, change=change)
        alerts = (gone_alert, *alerts)
        outcome = Outcome.WITHDRAWN
    return Ruling(outcome, alerts, (gone, *(each for _, each in promoted)))


def _promote(heir: Entry) -> tuple[Alert, Entry]:
    lead = replace(
        heir,
        role="lead",
        similarity=1.0,
        standing="published",
        revision=heir.revision + 1,
        kept=None,
    )
    alert = restore_alert(heir.kept or b"").model_copy(
        update={
            "revision": lead.revision,
            "status": "updated" if heir.standing == "published" else "raised",
            "story": place(lead, lead),
            "change": Change(promoted=True),
        }
    )
    return alert, lead
