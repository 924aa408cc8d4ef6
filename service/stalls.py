"""Alive and idle while articles wait: when is that a stall? Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from service.messages import RawArticle

# What other partitions have waiting is handled first, where it was fetched first, and then what
# comes with ours: a batch, of which this is the largest. Of a backlog four batches are read ahead,
# and as many may be fetched with them: who was passed over by more is not waiting for its turn.
_BATCH_ARTICLES = 1_000
_PASSED_OVER_ARTICLES = 10_000

Partition = tuple[str, int]


@dataclass
class Activity:
    """What the worker does. Written by the event loop, read by the watchdog's thread.

    Attributes:
        assigned: the partitions that are ours.
        handled: articles decided, and matches ruled on and written, by partition.
    """

    assigned: frozenset[Partition] = frozenset()
    handled: Counter[Partition] = field(default_factory=Counter)

    def note_handled(self, messages: Iterable[RawArticle]) -> None:
        """Note that messages were handled."""
        self.handled.update((each.topic, each.partition) for each in messages)


class Waiting(NamedTuple):
    """What of a partition is not committed: offsets from `committed` to before `end`."""

    committed: int
    end: int

    @property
    def lag(self) -> int:
        """How many articles wait, or are in hand."""
        return max(0, self.end - self.committed)


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of the worker at one moment.

    Attributes:
        seconds: since the look before; time in which the process did not run is left out.
        heartbeat: changes whenever the event loop has run.
        joined: whether the worker is in its group.
        waiting: by assigned partition; none if the broker did not tell.
        handled: as in Activity.
    """

    seconds: float
    heartbeat: float
    joined: bool
    waiting: Mapping[Partition, Waiting] | None
    handled: Mapping[Partition, int]


class Stall(NamedTuple):
    """Why only a new worker helps; `partition` is none where it is not about one."""

    why: str
    partition: Partition | None = None
    lag: int = 0


@dataclass
class _Clock:
    """What is known of one partition since it was last seen to go on.

    `ahead`: what others had waiting then; `passed_over`: what of theirs was handled since.
    """

    committed: int
    handled: int
    ahead: int
    idle_seconds: float = 0.0
    passed_over: int = 0


@dataclass
class StallDetector:
    """Finds stalls from one look after the other.

    Args:
        limit_seconds: how long nothing may go on; time in which the broker does not answer does
            not count, as waiting is right then.
    """

    limit_seconds: float
    _blocked_seconds: float = 0.0
    _outside_seconds: float = 0.0
    _heartbeat: float | None = None
    _clocks: dict[Partition, _Clock] = field(default_factory=dict)
    _handled: Counter[str] = field(default_factory=Counter)
    _broker_answered: bool = False

    def find_stall(self, look: Look) -> Stall | None:
        """Take note of a look; tell what stalls."""
        is_blocked = look.heartbeat == self._heartbeat
        self._blocked_seconds = self._blocked_seconds + look.seconds if is_blocked else 0.0
        self._heartbeat = look.heartbeat
        # Of the time between two looks it is not known when the broker went, or came back.
        counted_seconds = look.seconds if self._broker_answered else 0.0
        self._broker_answered = look.waiting is not None
        if self._blocked_seconds >= self.limit_seconds:
            return Stall("the event loop does not run")
        if look.waiting is None:
            return None
        self._outside_seconds = 0.0 if look.joined else self._outside_seconds + counted_seconds
        if self._outside_seconds >= self.limit_seconds:
            return Stall("it is not in its consumer group")
        return self._find_idle(look, look.waiting, counted_seconds) if look.joined else None

    def _find_idle(
        self, look: Look, waiting: Mapping[Partition, Waiting], seconds: float
    ) -> Stall | None:
        handled: Counter[str] = Counter()
        lags: Counter[str] = Counter()
        for (topic, number), each in waiting.items():
            handled[topic] += look.handled.get((topic, number), 0)
            lags[topic] += each.lag
        self._clocks = {at: clock for at, clock in self._clocks.items() if at in waiting}
        for at, each in waiting.items():
            topic = at[0]
            ahead = lags[topic] - each.lag
            clock = self._wind(at, each, look.handled.get(at, 0), ahead)
            others = max(0, handled[topic] - self._handled[topic])
            clock.passed_over += others
            turn = min(clock.ahead + _BATCH_ARTICLES, _PASSED_OVER_ARTICLES)
            if each.lag and (not others or clock.passed_over > turn):
                clock.idle_seconds += seconds
        self._handled = handled
        for at, clock in self._clocks.items():
            if clock.idle_seconds >= self.limit_seconds:
                return Stall("articles wait and none is handled", at, waiting[at].lag)
        return None

    def _wind(self, at: Partition, waiting: Waiting, handled: int, ahead: int) -> _Clock:
        clock = self._clocks.get(at)
        went_on = clock is None or (clock.committed, clock.handled) != (waiting.committed, handled)
        if clock is None or went_on or not waiting.lag:
            clock = self._clocks[at] = _Clock(waiting.committed, handled, ahead)
        return clock
