"""Which dead letters are open, and which are chosen. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.dead_letters import DeadLetter, LetterId, ReplayNote


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are asked for; what is none or empty selects all."""

    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    partition: int | None = None

    def selects(self, letter: DeadLetter) -> bool:
        """Tell whether a letter is among them: from `since` on, before `until`."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
            and (self.partition is None or letter.original.partition == self.partition)
        )


class State(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    WAITING = "waiting"
    REJECTED_AGAIN = "rejected_again"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a letter, how often it was replayed, and the newer letter that replaces it."""

    state: State
    replays: int = 0
    newer: LetterId | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing is left to do about it, nor to wait for."""
        return self.state in (State.REJECTED_AGAIN, State.ACCEPTED)


def decide_standings(
    letters: Iterable[DeadLetter],
    notes: Iterable[ReplayNote],
    committed: Mapping[tuple[str, int], int],
) -> dict[LetterId, Standing]:
    """Decide what has become of each letter.

    A worker commits a message's offset after the broker has what the message owes. So a replay
    below the committed offset has come to its end, and if no newer letter says that this was a
    rejection, it was accepted.

    Args:
        letters: all on the topic.
        notes: all on the topic; one without its letter says nothing.
        committed: by topic and partition the offset that the workers read next. Must have been
            read before letters and notes, else what is rejected in between seems accepted.
    """
    by_id = {letter.id: letter for letter in letters}
    newer = {
        letter.replay_of: letter.id
        for letter in by_id.values()
        if letter.replay_of in by_id and _replaces(letter, by_id[letter.replay_of])
    }
    places = defaultdict(set)
    for note in notes:
        places[note.letter].add(note.place)
    standings = {}
    for letter_id in by_id:
        replays = places.get(letter_id, set())
        if letter_id in newer:
            state = State.REJECTED_AGAIN
        elif not replays:
            state = State.OPEN
        elif all(committed.get(place[:2], 0) > place.offset for place in replays):
            state = State.ACCEPTED
        else:
            state = State.WAITING
        standings[letter_id] = Standing(state, len(replays), newer.get(letter_id))
    return standings


def _replaces(letter: DeadLetter, older: DeadLetter) -> bool:
    # Anyone may send an article with `dlq.replay.of`: only the same content, come later, settles.
    is_later = (
        letter.id.offset > older.id.offset
        if letter.id.partition == older.id.partition
        else letter.received_ms > older.received_ms
    )
    is_same = letter.digest == older.digest or letter.value_is_omitted or older.value_is_omitted
    return is_later and is_same and letter.key == older.key


def object_to_replay(letter: DeadLetter, standing: Standing, max_attempts: int) -> str | None:
    """Say why a letter is not to be replayed; none if it is."""
    match standing.state:
        case State.WAITING:
            return "it was replayed, and the workers have not handled it yet"
        case State.ACCEPTED:
            return "it was replayed and accepted"
        case State.REJECTED_AGAIN:
            return f"it was replayed and rejected again, as {standing.newer}"
        case State.OPEN if letter.attempts >= max_attempts:
            return f"it was rejected {letter.attempts} times (--max-attempts {max_attempts})"
        case State.OPEN:
            return None
