"""Which dead letters are open, kept up with as they come. Pure.

What `standings` decides for all letters at once, for a reader who never stops: of a letter only
what settles it is kept, and of one that is settled nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from service.dead_letters import DeadLetter, LetterId, ReplayNote, read_dead_letter
from service.messages import RawArticle
from service.standings import State, decide_standings

# About 10 MB of them. Who has so many has a producer to mend, not letters to count.
LETTERS_MAX = 10_000
NOTES_MAX = 10 * LETTERS_MAX


@dataclass
class OpenLetters:
    """The letters of the dead-letter topic that nobody has settled."""

    _letters: dict[LetterId, DeadLetter] = field(default_factory=dict)
    _notes: dict[ReplayNote, None] = field(default_factory=dict)
    # By partition, the first offset of what there was no room for.
    _left_out: dict[int, int] = field(default_factory=dict)
    _open: Counter[str] = field(default_factory=Counter)
    _oldest_ms: int = 0

    def note(self, raw: RawArticle) -> None:
        """Take note of one message of the dead-letter topic, in the order of its partition."""
        read = read_dead_letter(raw)
        if isinstance(read, ReplayNote):
            # Of one that is not kept it says nothing.
            if read.letter not in self._letters:
                return
            if len(self._notes) < NOTES_MAX:
                self._notes[read] = None
            else:
                self._left_out.setdefault(raw.partition, raw.offset)
        elif read is not None:
            if len(self._letters) < LETTERS_MAX:
                key = None if read.key is None else hashlib.sha256(read.key).digest()
                self._letters[read.id] = replace(read, detail="", key=key)
            else:
                self._left_out.setdefault(raw.partition, raw.offset)

    def settle(self, committed: Mapping[tuple[str, int], int], begins: Mapping[int, int]) -> None:
        """Forget what is settled and what is no longer on the topic, and count what is open.

        Args:
            committed: by topic and partition the offset that the workers read next; read before
                the letters and notes, as `decide_standings` says.
            begins: by partition of the dead-letter topic the first offset that counts.
        """
        standings = decide_standings(self._letters.values(), self._notes, committed)
        self._letters = {
            at: letter
            for at, letter in self._letters.items()
            if not standings[at].is_settled and at.offset >= begins.get(at.partition, 0)
        }
        self._notes = {note: None for note in self._notes if note.letter in self._letters}
        still_open = [
            letter for at, letter in self._letters.items() if standings[at].state is State.OPEN
        ]
        self._open = Counter(letter.reason for letter in still_open)
        self._oldest_ms = min((letter.received_ms for letter in still_open), default=0)

    @property
    def open_by_reason(self) -> Mapping[str, int]:
        """How many are open, by reason."""
        return self._open

    @property
    def oldest_ms(self) -> int:
        """When the topic got the oldest that is open; 0 if there are none."""
        return self._oldest_ms

    def take_left_out(self) -> Mapping[int, int]:
        """Tell from which offset on, by partition, to read again what was left out.

        Until it is read, the counts are not true. Empty as long as there is no room: for half of
        what is kept, so that each time is of use.
        """
        if len(self._letters) > LETTERS_MAX // 2 or len(self._notes) > NOTES_MAX // 2:
            return {}
        left_out, self._left_out = self._left_out, {}
        return left_out
