"""What one desk has in memory: alerts and stories, and the digests that are due."""

from collections.abc import Mapping

from service.desk_state import HOUR_MS, DeskState, Entry
from service.due_digests import DueDigests
from service.likelihood import Likelihood
from service.settings import Settings

_DAY_MS = 24 * HOUR_MS


class DeskMemory:
    """Follows the entries that a desk reads or writes.

    Args:
        settings: window of stories, memory, alert budgets.
        titles: names of the watched labels to their titles.

    Attributes:
        state: what matches are ruled on with.
        digests: which say what was not published yet.
    """

    def __init__(self, settings: Settings, titles: Mapping[str, str]) -> None:
        self._settings = settings
        self._titles = titles
        self.forget()

    def remember(self, entry: Entry) -> None:
        """Take in what the desk remembers of an article now."""
        self.state.remember(entry)
        self.digests.note_entry(entry)

    def forget(self) -> None:
        """Begin with nothing: what was not written must not be remembered."""
        self.state = DeskState(
            Likelihood.load(),
            window_ms=self._settings.story_window_hours * HOUR_MS,
            memory_ms=self._settings.alert_memory_days * _DAY_MS,
        )
        self.digests = DueDigests(self._titles, self._settings.alerts_per_hour)
