"""Which digests are due: those that may say what was not published yet. Pure."""

from collections.abc import Iterable, Mapping

from service.budgets import write_digest
from service.desk_state import HOUR_MS, DeskState, Entry
from service.digests import Digest

# Nobody acts on what a digest of yesterday says now.
_DIGEST_HOURS = 24
# Half of what a topic takes by default: leads may have the longest of headlines.
_DIGEST_MAX_BYTES = 500_000


class DueDigests:
    """Follows what one desk remembers and publishes.

    A desk that was just taken over does not know what was published: it publishes again, byte for
    byte, what was; a digest's revision tells what it says.

    Args:
        titles: names of the watched labels to their titles.
        budgets: names of labels to the alerts that they may raise in an hour.
    """

    def __init__(self, titles: Mapping[str, str], budgets: Mapping[str, int]) -> None:
        self._titles = titles
        self._budgets = budgets
        # By label and hour (since 1970).
        self._growing: set[tuple[str, int]] = set()
        self._published: dict[tuple[str, int], int] = {}

    def note_entry(self, entry: Entry) -> None:
        """Note what is remembered now."""
        if entry.digested:
            hour = entry.raised_ms // HOUR_MS
            self._growing.update((label, hour) for label in entry.raised)

    def note_published(self, digests: Iterable[Digest]) -> None:
        """Note what the broker has."""
        for digest in digests:
            self._published[_name(digest)] = digest.revision
            self._growing.discard(_name(digest))

    def write_first(self, state: DeskState, now_ms: int) -> list[Digest]:
        """Write the digests of labels and hours of which none was published."""
        return self._write(self._growing - self._published.keys(), state, now_ms)

    def write_grown(self, state: DeskState, now_ms: int) -> list[Digest]:
        """Write the digests that have changed since they were published."""
        return self._write(self._growing, state, now_ms)

    def _write(
        self, names: Iterable[tuple[str, int]], state: DeskState, now_ms: int
    ) -> list[Digest]:
        since = now_ms // HOUR_MS - _DIGEST_HOURS
        found = (
            write_digest(state, label, self._titles[label], hour, self._budgets[label])
            for label, hour in sorted(names)
            # A label that had a budget may have none now.
            if hour >= since and label in self._budgets
        )
        return [
            _shorten(digest)
            for digest in found
            if digest is not None and digest.revision != self._published.get(_name(digest))
        ]


def _name(digest: Digest) -> tuple[str, int]:
    return digest.label, int(digest.since.timestamp()) * 1000 // HOUR_MS


def _shorten(digest: Digest) -> Digest:
    while len(digest.model_dump_json()) > _DIGEST_MAX_BYTES and digest.leads:
        digest = digest.model_copy(update={"leads": digest.leads[: len(digest.leads) // 2]})
    return digest
