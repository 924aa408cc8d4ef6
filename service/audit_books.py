"""What the topics show: commits, dead letters, what the desk remembers, alerts. Pure.

Kept small for each article, so that a day of them fits: what is long is kept as its digest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from service.alerts import Alert, AlertLabel, derive_alert_id
from service.dead_letters import DeadLetter
from service.desk_state import Entry, Standing, Versions

Labels = tuple[tuple[str, str], ...]


class Spot(NamedTuple):
    """Where an article is on the articles topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class EntryShown(NamedTuple):
    """What the desk remembers of an article, as far as an audit needs it."""

    versions: Versions
    killed: bool
    revision: int
    standing: Standing
    handled_ms: int
    handled: Spot
    joined_ms: int


class AlertShown(NamedTuple):
    """The newest revision of an alert, the oldest there is, and how many there are."""

    revision: int
    lowest: int
    revisions: int
    is_withdrawn: bool
    version: int
    labels: Labels
    model_sha256: str
    labelled_ms: int


@dataclass
class Books:
    """What the topics show, gathered message by message.

    Attributes:
        articles_topic: its name.
        committed: offset of the next article to be read, by partition; of others nothing is done.
        waiting: articles whose match the desk has not come to.
        horizons_ms: by topic, from when on it still has everything (ms since 1970); a topic from
            which nothing was deleted is not in it.
        letters: reasons of the dead letters.
        returned: articles whose match was rejected, and replayed to a desk that accepted it.
        faults: what the alerts topic must never have, in words.
        alerts_read: messages of the alerts topic that are alerts.
    """

    articles_topic: str
    committed: Mapping[int, int]
    waiting: set[Spot] = field(default_factory=set)
    horizons_ms: dict[str, float] = field(default_factory=dict)
    letters: dict[Spot, str] = field(default_factory=dict)
    returned: set[Spot] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    alerts_read: int = 0
    _entries: dict[bytes, EntryShown] = field(default_factory=dict)
    _alerts: dict[bytes, AlertShown] = field(default_factory=dict)
    _contents: dict[bytes, bytes] = field(default_factory=dict)
    _labels: dict[Labels, Labels] = field(default_factory=dict)
    _models: dict[str, str] = field(default_factory=dict)

    def is_waiting(self, spot: Spot) -> bool:
        """Tell whether the workers have not come to an article, or the desk not to its match."""
        return spot.offset >= self.committed.get(spot.partition, 0) or spot in self.waiting

    def is_beyond_retention(self, topic: str, since_ms: int) -> bool:
        """Tell whether what a topic got since some moment may have been deleted from it."""
        return since_ms < self.horizons_ms.get(topic, 0)

    def find_entry(self, alert_id: UUID) -> EntryShown | None:
        """What the desk remembers of the article with this alert."""
        return self._entries.get(alert_id.bytes)

    def find_alert(self, alert_id: UUID) -> AlertShown | None:
        """The newest revision of an alert."""
        return self._alerts.get(alert_id.bytes)

    def has_revision(self, alert_id: UUID, revision: int) -> bool:
        """Tell whether a revision of an alert is on its topic."""
        return _name(alert_id, revision) in self._contents

    def note_letter(self, letter: DeadLetter) -> None:
        """Take note of a dead letter of an article."""
        if letter.original.topic == self.articles_topic:
            self.letters[Spot(letter.original.partition, letter.original.offset)] = letter.reason

    def note_return(self, spot: Spot) -> None:
        """Take note that an article's match, though it was rejected, came to the desk after all.

        Whatever letters there are of it: it owes what every match does.
        """
        self.letters.pop(spot, None)
        self.returned.add(spot)

    def note_entry(self, entry: Entry) -> None:
        """Take note of what the desk remembers, in the order in which it was written."""
        self._entries[derive_alert_id(entry.article_id).bytes] = EntryShown(
            entry.versions,
            entry.killed,
            entry.revision,
            entry.standing,
            entry.handled_ms,
            Spot(entry.handled_partition, entry.handled_offset),
            entry.joined_ms,
        )

    def note_alert(self, alert: Alert, value: bytes, ce_id: str) -> None:
        """Take note of an alert, and of what is wrong with it.

        Args:
            alert: as it was read.
            value: the same, byte for byte.
            ce_id: what its header says.
        """
        self.alerts_read += 1
        if alert.alert_id != derive_alert_id(alert.article.id):
            self.faults.append(
                f"alert {ce_id} of {alert.article.id} does not have its article's id"
            )
        if ce_id != f"{alert.alert_id}:{alert.revision}":
            self.faults.append(f"alert {alert.alert_id}:{alert.revision} has the ce_id {ce_id}")
        name = _name(alert.alert_id, alert.revision)
        content = blake2b(value, digest_size=8).digest()
        known = self._contents.setdefault(name, content)
        if known != content:
            self.faults.append(f"alert {ce_id} came with two contents")
        before = self._alerts.get(alert.alert_id.bytes)
        self._alerts[alert.alert_id.bytes] = self._show(alert, before, is_new=known is content)

    def list_gaps(self) -> Iterator[str]:
        """Say which alerts lack a revision between those that there are."""
        for key, shown in self._alerts.items():
            if shown.revision - shown.lowest + 1 != shown.revisions:
                yield (
                    f"alert {UUID(bytes=key)} has {shown.revisions} of its revisions "
                    f"{shown.lowest} to {shown.revision}"
                )

    def list_headless(self, topic: str) -> Iterator[str]:
        """Say which alerts lack their first revision, where nothing was deleted from the topic."""
        if topic not in self.horizons_ms:
            for key, shown in self._alerts.items():
                if shown.lowest > 1:
                    yield f"alert {UUID(bytes=key)} begins with revision {shown.lowest}"

    def _show(self, alert: Alert, before: AlertShown | None, *, is_new: bool) -> AlertShown:
        if before is not None:
            before = before._replace(
                lowest=min(before.lowest, alert.revision), revisions=before.revisions + is_new
            )
            if before.revision >= alert.revision:
                return before
        labels = name_labels(alert.labels)
        sha256 = alert.model.sha256
        return AlertShown(
            revision=alert.revision,
            lowest=before.lowest if before else alert.revision,
            revisions=before.revisions if before else 1,
            is_withdrawn=alert.status == "withdrawn",
            version=alert.article.version,
            labels=self._labels.setdefault(labels, labels),
            model_sha256=self._models.setdefault(sha256, sha256),
            labelled_ms=round(alert.labelled_at.timestamp() * 1000),
        )


def name_labels(labels: list[AlertLabel]) -> Labels:
    """Name labels with their bands, in one order."""
    return tuple(sorted((each.label, each.band) for each in labels))


def _name(alert_id: UUID, revision: int) -> bytes:
    return alert_id.bytes + revision.to_bytes(8)
