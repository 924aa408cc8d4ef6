"""What the desk remembers: an entry an article, and the stories that they make."""

import heapq
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, with_config

from service.alerts import Alert
from service.likelihood import Likelihood
from service.matches import Match
from service.sketches import Sketch
from service.story_index import StoryIndex

Standing = Literal["published", "held_back", "withdrawn"]
HOUR_MS = 3_600_000
# A version from here on is the second in which it was made (in 2001 or later); others are counted.
DATED_FROM = 10**9
# Bounds memory whatever comes: six days, twice the default window, of 33,000 matches a day.
OPEN_MAX = 200_000


class Versions(NamedTuple):
    """The newest versions seen of an article: by date if any had one, and of those that count."""

    newest: int
    counted: int

    def find_like(self, version: int) -> int:
        """Find the newest that can be compared with this one; 0 if none can."""
        is_dated = version >= DATED_FROM
        if is_dated == (self.newest >= DATED_FROM):
            return self.newest
        return 0 if is_dated else self.counted

    def lack(self, match: Match) -> bool:
        """Whether a match is newer than all of them, and would be among them if it was handled."""
        is_remembered = bool(match.labels) or match.status == "canceled"
        newest = self.find_like(match.article.version)
        return is_remembered and match.version_given and 0 < newest < match.article.version


@with_config(ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
@dataclass(frozen=True, slots=True)
class Entry:
    """What the desk remembers of one article: the contract of the internal stories topic.

    Times are milliseconds since 1970.

    Attributes:
        version: the newest seen, by date if any had one; `killed` if the last was a kill.
        handled_ms: when the broker got the message last handled, or one handled before it.
        handled_partition: of the articles topic, where that message is.
        handled_offset: its offset there.
        joined_ms: when the broker got the message with which it joined its story.
        told_ms: when the article says it was published, or the broker got it.
        revision: of the newest alert published; 0 if none ever was.
        standing: whether consumers hold its alert, or it was withdrawn, or is held back from them
            as a repeat or over the alert budget.
        labels: those that held when it was last told.
        face: digest of what a consumer is shown of the article.
        raised: labels whose alert budget it used, or went over.
        raised_ms: when the broker got the message with which it did so.
        digested: how many changes of it digests tell; 0 if it kept to the alert budget.
        sketch: of the text as it was last told; empty once its story is closed or it is withdrawn.
        kept: the alert of one that is held back or repeats another: it may yet be told. None once
            its story is closed.
        counted: the newest version seen that is no date; 0 if none was.
    """

    article_id: str
    version: int
    killed: bool
    handled_ms: int
    handled_partition: int
    handled_offset: int
    joined_ms: int
    told_ms: int
    revision: int
    standing: Standing
    labels: tuple[str, ...]
    face: str
    story_id: UUID
    role: Literal["lead", "repeat"]
    similarity: float
    raised: tuple[str, ...]
    raised_ms: int
    digested: int
    sketch: Sketch
    kept: bytes | None
    # Entries that were written before there was this one have versions of one kind.
    counted: int = 0

    @property
    def versions(self) -> Versions:
        """The newest versions seen."""
        return Versions(self.version, self.counted)


ENTRIES: TypeAdapter[Entry] = TypeAdapter(Entry)


class StoryFound(NamedTuple):
    """The story that an article belongs to, and how alike it is to the lead's."""

    lead: Entry
    similarity: float


class DeskState:
    """All entries, and what is derived from them.

    Equal last entries make an equal state, in whatever order they came: what is closed or forgotten
    hangs on them alone, and on the newest `handled_ms` among them.

    Args:
        likelihood: how likely two reports tell the same news.
        window_ms: how long after its lead (and before) an article of the same story is published.
            Twice as long after its lead has joined a story is closed: reports come late.
        memory_ms: how long after its last message an article is remembered.
    """

    def __init__(self, likelihood: Likelihood, window_ms: int, memory_ms: int) -> None:
        self._window_ms = window_ms
        self._memory_ms = memory_ms
        self._entries: dict[str, Entry] = {}
        self._members: dict[UUID, set[str]] = defaultdict(set)
        self._raised: dict[tuple[int, str], set[str]] = defaultdict(set)
        self._leads = StoryIndex(likelihood)
        self._open: set[str] = set()
        # The earliest first; some are outdated, as an entry since took their place.
        self._joined: list[tuple[int, str]] = []
        self._handled: list[tuple[int, str]] = []
        self._now_ms = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, article_id: str) -> Entry | None:
        """What is remembered of an article."""
        return self._entries.get(article_id)

    def find_story(self, match: Match) -> StoryFound | None:
        """Find the story that a match reports, among those led within the window."""
        told_ms = tell_time(match)
        for probability, article_id in self._leads.find_alike(match.sketch, told_ms):
            lead = self._entries[article_id]
            if abs(told_ms - lead.told_ms) <= self._window_ms:
                return StoryFound(lead, probability)
        return None

    def measure_similarity(self, match: Match, lead: Entry) -> float:
        """How probable it is that a match reports what a lead does; 0 once that is long ago."""
        return self._leads.measure(match.sketch, tell_time(match), lead.article_id)

    def find_lead(self, story_id: UUID) -> Entry | None:
        """The usable article that leads a story, if it has any."""
        usable = self._list_usable(story_id)
        return next((each for each in usable if each.role == "lead"), None)

    def find_successor(self, story_id: UUID) -> Entry | None:
        """The next usable repeat of a story, in the order in which they joined."""
        repeats = (
            each
            for each in self._list_usable(story_id)
            if each.role == "repeat" and each.kept is not None
        )
        return min(repeats, key=lambda each: (each.joined_ms, each.article_id), default=None)

    def count_raised(self, hour: int, label: str) -> int:
        """How many articles used the alert budget of a label in an hour (since 1970)."""
        return len(self._raised.get((hour, label), ()))

    def list_raised(self, hour: int, label: str) -> list[Entry]:
        """What used the alert budget of a label in an hour (since 1970), oldest first."""
        raised = [self._entries[each] for each in self._raised.get((hour, label), ())]
        return sorted(raised, key=lambda each: (each.raised_ms, each.article_id))

    def remember(self, entry: Entry) -> None:
        """Put an entry in the place of the article's last one, and forget what is too old."""
        self._forget(entry.article_id)
        self._entries[entry.article_id] = entry
        self._members[entry.story_id].add(entry.article_id)
        for label in entry.raised:
            self._raised[entry.raised_ms // HOUR_MS, label].add(entry.article_id)
        if entry.standing != "withdrawn":
            if entry.role == "lead":
                self._leads.add(entry.article_id, entry.sketch, entry.told_ms)
            self._open.add(entry.article_id)
            heapq.heappush(self._joined, (entry.joined_ms, entry.article_id))
        heapq.heappush(self._handled, (entry.handled_ms, entry.article_id))
        self._now_ms = max(self._now_ms, entry.handled_ms)
        self._close_stories(self._now_ms - 2 * self._window_ms)
        self._forget_before(self._now_ms - self._memory_ms)

    def _list_usable(self, story_id: UUID) -> Iterator[Entry]:
        for article_id in self._members.get(story_id, ()):
            if self._entries[article_id].standing != "withdrawn":
                yield self._entries[article_id]

    def _close_stories(self, before_ms: int) -> None:
        while self._joined and (self._joined[0][0] < before_ms or len(self._open) > OPEN_MAX):
            joined_ms, article_id = heapq.heappop(self._joined)
            entry = self._entries.get(article_id)
            if entry is not None and entry.joined_ms == joined_ms:
                self._open.discard(article_id)
                self._leads.discard(article_id)
                self._entries[article_id] = replace(entry, sketch=b"", kept=None)

    def _forget_before(self, before_ms: int) -> None:
        while self._handled and self._handled[0][0] < before_ms:
            _, article_id = heapq.heappop(self._handled)
            entry = self._entries.get(article_id)
            if entry is not None and entry.handled_ms < before_ms:
                self._forget(article_id)

    def _forget(self, article_id: str) -> None:
        entry = self._entries.pop(article_id, None)
        if entry is not None:
            self._open.discard(article_id)
            self._leads.discard(article_id)
            _discard(self._members, entry.story_id, article_id)
            for label in entry.raised:
                _discard(self._raised, (entry.raised_ms // HOUR_MS, label), article_id)


def _discard(groups: dict[Any, set[str]], name: Any, article_id: str) -> None:
    if group := groups.get(name):
        group.discard(article_id)
        if not group:
            del groups[name]


def tell_time(match: Match) -> int:
    """When an article was published (ms since 1970): by its own account, but not in the future."""
    published_at = match.article.published_at
    got_ms = match.origin.timestamp_ms
    return got_ms if published_at is None else min(got_ms, round(published_at.timestamp() * 1000))


def keep_alert(alert: Alert) -> bytes:
    """Put an alert away until it is told."""
    return zlib.compress(alert.model_dump_json().encode())


def restore_alert(kept: bytes) -> Alert:
    """Take out an alert that was kept."""
    return Alert.model_validate_json(zlib.decompress(kept))
