"""Does each article have what it owes? Decided again, held against what the topics show. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, assert_never
from uuid import UUID

from service.alerts import derive_alert_id
from service.audit_books import AlertShown, Books, EntryShown, Labels, Spot, name_labels
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.matches import Match
from service.messages import RawArticle, RejectionReason

# These say nothing about the article: one had its bug, the other its topic's limit.
_ANY_ARTICLES = frozenset((RejectionReason.HANDLER_FAILED, RejectionReason.ALERT_TOO_LARGE))


class Found(StrEnum):
    """What an audit finds of an article."""

    ALERTED = "alerted"
    HELD_BACK = "held_back"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    UNMATCHED = "unmatched"
    WITHHELD = "withheld"
    REJECTED = "rejected"
    WAITING = "waiting"
    EXPIRED = "expired"
    OTHER_MODEL = "other_model"
    MISSING = "missing"
    CHANGED = "changed"
    UNEXPECTED = "unexpected"


FOUND_MEANINGS = {
    Found.ALERTED: "its alert is there, with the labels that it must have",
    Found.HELD_BACK: "a repeat, or over the alert budget: the desk remembers it, and told nobody",
    Found.WITHDRAWN: "killed, or matches no more: its alert is withdrawn, or never was",
    Found.SUPERSEDED: "a newer version came, or this one twice: the desk remembers that",
    Found.UNMATCHED: "no label holds, and no alert says otherwise",
    Found.WITHHELD: "not to be used yet, and no alert says otherwise",
    Found.REJECTED: "its dead letter is there",
    Found.WAITING: "not committed yet, or its match is not: nothing is owed yet",
    Found.EXPIRED: "what it owes may have been there: retention has deleted what is so old",
    Found.OTHER_MODEL: "another model decided; what this one says proves nothing",
    Found.MISSING: "committed, and what it owes is not there",
    Found.CHANGED: "what is there is not what it must be",
    Found.UNEXPECTED: "an alert for an article that owes none",
}
FAULTS = frozenset((Found.MISSING, Found.CHANGED, Found.UNEXPECTED))


class Finding(NamedTuple):
    """What was found of one article; `article_id` is empty where the message has none."""

    found: Found
    article_id: str = ""
    what: str = ""


@dataclass
class Auditor:
    """Judges articles, partition by partition in the order of their offsets.

    Attributes:
        books: what the topics show.
        decide: decides one message again, as if it were handled at a moment.
        model_sha256: of the model that decides.
        alerts_topic, stories_topic, dlq_topic: their names.
    """

    books: Books
    decide: Callable[[RawArticle, datetime], Decided]
    model_sha256: str
    alerts_topic: str
    stories_topic: str
    dlq_topic: str
    # The newest version seen of what matched: the desk passes over those that are not newer.
    _seen: dict[bytes, int] = field(default_factory=dict)

    def judge(self, raw: RawArticle) -> Finding:
        """Say what is found of one message of the articles topic."""
        spot = Spot(raw.partition, raw.offset)
        if self.books.is_waiting(spot):
            return Finding(Found.WAITING)
        decided = self.decide(raw, _read_moment(raw.timestamp_ms))
        reason = self.books.letters.get(spot)
        if reason is not None:
            return _judge_letter(decided, reason)
        match decided:
            case Rejected():
                what = f"no dead letter; it is {decided.reason}: {decided.detail}"
                return Finding(self._miss(self.dlq_topic, raw.timestamp_ms), "", what)
            case Unmatched():
                return self._judge_untold(raw, decided.article_id, Found.UNMATCHED)
            case Withheld():
                return self._judge_untold(raw, decided.article_id, Found.WITHHELD)
            case Matched():
                return self._judge_match(decided.match)
            case _:
                assert_never(decided)

    def _miss(self, topic: str, since_ms: int) -> Found:
        is_lost_to_age = self.books.is_beyond_retention(topic, since_ms)
        return Found.EXPIRED if is_lost_to_age else Found.MISSING

    def _judge_untold(self, raw: RawArticle, article_id: str, found: Found) -> Finding:
        alert_id = derive_alert_id(article_id)
        alert = self.books.find_alert(alert_id)
        if alert is None or alert.is_withdrawn:
            return Finding(found, article_id)
        if found is Found.WITHHELD:
            # An embargo may have ended between when the broker got it and when it was handled.
            later = self.decide(raw, _read_moment(alert.labelled_ms))
            return (
                self._judge_match(later.match)
                if isinstance(later, Matched)
                else Finding(found, article_id)
            )
        # What has no match is a first version.
        if self._seen.get(alert_id.bytes, 0) >= 1:
            return Finding(Found.SUPERSEDED, article_id)
        if alert.version > 1:
            return Finding(found, article_id)
        if alert.model_sha256 != self.model_sha256:
            return Finding(Found.OTHER_MODEL, article_id)
        return Finding(
            Found.UNEXPECTED, article_id, f"alert {alert_id}:{alert.revision}, but no label holds"
        )

    def _judge_match(self, match: Match) -> Finding:
        alert_id = derive_alert_id(match.article.id)
        entry = self.books.find_entry(alert_id)
        if entry is not None and self._was_overtaken(match, entry):
            return Finding(Found.SUPERSEDED, match.article.id)
        newest = self._seen.get(alert_id.bytes, 0)
        self._seen[alert_id.bytes] = max(newest, match.article.version)
        if entry is None:
            return self._judge_forgotten(match)
        if not _has_come_to_desk(match, entry):
            remembered = entry.versions.newest
            what = f"the desk remembers version {remembered}, not {_describe(match)}"
            found = self._miss(self.stories_topic, match.origin.timestamp_ms)
            return Finding(found, match.article.id, what)
        finding = self._judge_entry(alert_id, entry, match.article.id)
        is_as_remembered = finding.found not in (Found.MISSING, Found.CHANGED, Found.EXPIRED)
        if not is_as_remembered or match.status == "canceled":
            return finding
        if entry.versions.newest > match.article.version or newest >= match.article.version:
            return Finding(Found.SUPERSEDED, match.article.id)
        return finding if entry.killed else self._compare_labels(alert_id, entry, match, finding)

    def _was_overtaken(self, match: Match, entry: EntryShown) -> bool:
        # What is replayed comes late: the desk passes it over if the article was sent again since,
        # unless it is newer all the same.
        spot = Spot(match.origin.partition, match.origin.offset)
        return (
            spot in self.books.returned
            and entry.handled.partition == spot.partition
            and entry.handled.offset > spot.offset
            and (entry.killed or not entry.versions.lack(match))
        )

    def _judge_forgotten(self, match: Match) -> Finding:
        if match.status == "usable" and not match.labels:
            return Finding(Found.UNMATCHED, match.article.id)
        found = self._miss(self.stories_topic, match.origin.timestamp_ms)
        return Finding(found, match.article.id, f"the desk remembers nothing of {_describe(match)}")

    def _judge_entry(self, alert_id: UUID, entry: EntryShown, article_id: str) -> Finding:
        is_withdrawn = entry.standing == "withdrawn"
        if entry.revision == 0:
            return Finding(Found.WITHDRAWN if is_withdrawn else Found.HELD_BACK, article_id)
        if not self.books.has_revision(alert_id, entry.revision):
            found = self._miss(self.alerts_topic, entry.joined_ms)
            return Finding(found, article_id, f"no alert {alert_id}:{entry.revision}")
        alert = self.books.find_alert(alert_id)
        # A later revision may have come since the desk's memory was read.
        is_told_last = alert is not None and alert.revision == entry.revision
        if is_told_last and alert is not None and alert.is_withdrawn != is_withdrawn:
            said, remembered = ("withdrawn", "stands")[:: 1 if alert.is_withdrawn else -1]
            what = f"alert {alert_id}:{entry.revision} {said}; to the desk it {remembered}"
            return Finding(Found.CHANGED, article_id, what)
        return Finding(Found.WITHDRAWN if is_withdrawn else Found.ALERTED, article_id)

    def _compare_labels(
        self, alert_id: UUID, entry: EntryShown, match: Match, finding: Finding
    ) -> Finding:
        alert = self.books.find_alert(alert_id)
        if alert is None or alert.revision != entry.revision or entry.revision == 0:
            return finding
        told: Labels = () if alert.is_withdrawn else alert.labels
        # An alert that was not told again is of an earlier version, with the same labels.
        if alert.version != match.article.version or told == name_labels(match.labels):
            return finding
        return self._name_difference(alert, told, match)

    def _name_difference(self, alert: AlertShown, told: Labels, match: Match) -> Finding:
        if alert.model_sha256 != self.model_sha256:
            return Finding(Found.OTHER_MODEL, match.article.id)
        what = (
            f"told {_list_labels(told)}; labelled again {_list_labels(name_labels(match.labels))}"
        )
        return Finding(Found.CHANGED, match.article.id, what)


def _judge_letter(decided: Decided, reason: str) -> Finding:
    article_id = "" if isinstance(decided, Rejected) else _name_article(decided)
    if reason in _ANY_ARTICLES or (isinstance(decided, Rejected) and decided.reason == reason):
        return Finding(Found.REJECTED, article_id, reason)
    now = f"rejected as {decided.reason}" if isinstance(decided, Rejected) else "an article"
    return Finding(Found.CHANGED, article_id, f"rejected as {reason}; decided again it is {now}")


def _name_article(decided: Matched | Unmatched | Withheld) -> str:
    return decided.match.article.id if isinstance(decided, Matched) else decided.article_id


def _has_come_to_desk(match: Match, entry: EntryShown) -> bool:
    version = match.article.version
    newest = entry.versions.find_like(version)
    is_usable = match.status == "usable"
    if newest and (is_usable or (match.version_given and newest != version)):
        return newest >= version
    if match.version_given and newest and entry.killed:
        return True
    # No version tells, or it kills whatever was there; only what came later may stand.
    if entry.handled.partition == match.origin.partition:
        return entry.handled.offset >= match.origin.offset
    return (entry.killed and not is_usable) or entry.handled_ms > match.origin.timestamp_ms


def _describe(match: Match) -> str:
    kind = "the kill of version" if match.status == "canceled" else "version"
    return f"{kind} {match.article.version}"


def _list_labels(labels: Labels) -> str:
    return ", ".join(f"{label}:{band}" for label, band in labels) or "nothing"


def _read_moment(milliseconds: int) -> datetime:
    # A message may have no timestamp: -1.
    return datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC)
