"""Live, ready, and why not."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from service.stalls import Activity, Partition

# The broker drops a worker whose heartbeats stop for 10 s; a loop that is stuck for three times
# that has lost its partitions and will not come back by itself.
HEARTBEAT_LATE_SECONDS = 30.0
# Three knocks unanswered.
BROKER_LATE_SECONDS = 15.0
# Commits come every second while there is work, and a batch of the longest articles takes a minute.
COMMITS_LATE_SECONDS = 60.0


class Check(StrEnum):
    """The named checks of /readyz."""

    EVENT_LOOP = "event_loop"
    MODEL = "model"
    BROKER = "broker"
    CONSUMER_GROUP = "consumer_group"
    COMMITS = "commits"
    DESK = "desk"
    NOT_STOPPING = "not_stopping"


class DeskCounts(NamedTuple):
    """How many partitions of the matches topic are ours, and how many of their desks we have."""

    assigned: int = 0
    taken_over: int = 0


class CommitsSeen(NamedTuple):
    """What the broker tells of the commits of some partitions.

    Attributes:
        partitions: those it was asked about.
        lags: how many articles wait in them, by topic.
        late_seconds: by topic, how long articles have waited and no commit of it has advanced.
    """

    partitions: frozenset[Partition] = frozenset()
    lags: Mapping[str, int] = MappingProxyType({})
    late_seconds: Mapping[str, float] = MappingProxyType({})


@dataclass
class Health:
    """What the worker knows of itself. Written by the event loop, read by other threads.

    What the broker tells, and that it does, is written by the watchdog.
    """

    clock: Callable[[], float] = time.monotonic
    model_version: str = ""
    joined_group: bool = False
    assigned_partitions: int = 0
    stopping: bool = False
    commits: CommitsSeen = field(default_factory=CommitsSeen)
    count_desks: Callable[[], DeskCounts] = DeskCounts
    activity: Activity = field(default_factory=Activity)
    _heartbeat: float = field(init=False)
    _broker_answered: float = field(init=False)
    _broker_has_answered: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._heartbeat = self._broker_answered = self.clock()

    def beat(self) -> None:
        """Note that the event loop runs."""
        self._heartbeat = self.clock()

    def note_broker_answer(self) -> None:
        """Note that the broker answered."""
        self._broker_answered = self.clock()
        self._broker_has_answered = True

    @property
    def heartbeat(self) -> float:
        """When the event loop ran last, by `clock`."""
        return self._heartbeat

    @property
    def broker_silence_seconds(self) -> float:
        """How long ago the broker answered last, or we began to ask."""
        return self.clock() - self._broker_answered

    @property
    def is_broker_near(self) -> bool:
        """Whether the broker answered lately."""
        return self._broker_has_answered and self.broker_silence_seconds < BROKER_LATE_SECONDS

    @property
    def is_live(self) -> bool:
        """Whether the event loop has run lately; if not, only a restart helps."""
        return self.clock() - self._heartbeat < HEARTBEAT_LATE_SECONDS

    @property
    def is_ready(self) -> bool:
        """Whether all checks pass."""
        return all(check["ok"] for check in self.check_readiness().values())

    def check_readiness(self) -> dict[Check, dict[str, Any]]:
        """The named checks of /readyz: each with `ok` and what it saw."""
        desks, commits = self.count_desks(), self.commits
        return {
            Check.EVENT_LOOP: {
                "ok": self.is_live,
                "heartbeat_age_seconds": round(self.clock() - self._heartbeat, 3),
            },
            Check.MODEL: {"ok": bool(self.model_version), "version": self.model_version},
            Check.BROKER: {
                "ok": self.is_broker_near,
                "answered_seconds_ago": round(self.broker_silence_seconds, 3)
                if self._broker_has_answered
                else None,
            },
            Check.CONSUMER_GROUP: {
                "ok": self.joined_group,
                "assigned_partitions": self.assigned_partitions,
            },
            Check.COMMITS: {
                # Of partitions that are new the broker is asked at once, but it must have told.
                "ok": commits.partitions == self.activity.assigned
                and all(each < COMMITS_LATE_SECONDS for each in commits.late_seconds.values()),
                "lag_articles": dict(commits.lags),
                "late_seconds": {
                    topic: round(seconds, 3) for topic, seconds in commits.late_seconds.items()
                },
            },
            Check.DESK: {
                "ok": desks.taken_over == desks.assigned,
                "assigned_partitions": desks.assigned,
                "taken_over": desks.taken_over,
            },
            Check.NOT_STOPPING: {"ok": not self.stopping},
        }
