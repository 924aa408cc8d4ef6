"""Never alive and idle while articles wait: a thread that ends the worker if it is.

A thread with an event loop and a broker client of its own, so that it sees what is when those of
the worker are stuck. Where even threads do not run, because something holds the interpreter, or
where this one fails, the timer of `faulthandler`, which needs no interpreter, ends the process with
exit code 1 and says where it was.
"""

import asyncio
import faulthandler
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import NoReturn

import structlog

from service.commits import CommitClock
from service.health import COMMITS_LATE_SECONDS, CommitsSeen, Health
from service.metrics import Metrics
from service.offset_reader import OffsetReader
from service.settings import Settings
from service.stalls import Look, Partition, Stall, StallDetector, Waiting

log = structlog.get_logger(__name__)

# As often as Prometheus looks, or oftener where the limit is short.
_LOOK_SECONDS = 5.0
_LOOKS_PER_LIMIT = 4
# The broker is asked about new partitions at once; to see whether there are any costs nothing.
_GLANCE_SECONDS = 0.2
_FRAMES_SHOWN = 8


class Watchdog:
    """Ends a worker that is alive and does not work.

    Args:
        settings: how long is too long, and how to reach the broker.
        health: of the worker.
        metrics: where lags are shown.
        leave: ends the process with exit code 1.
    """

    def __init__(
        self,
        settings: Settings,
        health: Health,
        metrics: Metrics,
        leave: Callable[[], NoReturn],
    ) -> None:
        self._limit_seconds = settings.stall_seconds
        self._look_seconds = min(_LOOK_SECONDS, settings.stall_seconds / _LOOKS_PER_LIMIT)
        self._health = health
        self._metrics = metrics
        self._leave = leave
        self._offsets = OffsetReader(settings)
        self._detector = StallDetector(settings.stall_seconds)
        self._commits = CommitClock()
        self._shown: set[Partition] = set()
        self._worker = threading.main_thread()

    def start(self) -> None:
        """Begin to watch; ends with the process."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        asyncio.run(self._watch_and_keep_armed())

    async def _watch_and_keep_armed(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_armed())
            tasks.create_task(self._watch())

    async def _keep_armed(self) -> None:
        while True:
            faulthandler.dump_traceback_later(self._limit_seconds, exit=True)
            await asyncio.sleep(self._look_seconds)

    async def _watch(self) -> None:
        looked = time.monotonic()
        assigned: frozenset[Partition] = frozenset()
        while True:
            await asyncio.sleep(_GLANCE_SECONDS)
            are_known = self._health.activity.assigned == assigned
            if are_known and time.monotonic() - looked < self._look_seconds:
                continue
            assigned = self._health.activity.assigned
            waiting = await self._offsets.read(assigned)
            now = time.monotonic()
            # A process that was stopped for a while has not stalled in that time.
            seconds = min(now - looked, 2 * self._look_seconds)
            looked = now
            self._show(assigned, waiting or {})
            if waiting is not None:
                # The event loop knocks too, but not while it hangs: that must not look like this.
                self._health.note_broker_answer()
                await self._note_commits(waiting, seconds)
            await self._judge(self._look(assigned, waiting, seconds))

    async def _note_commits(self, waiting: dict[Partition, Waiting], seconds: float) -> None:
        self._metrics.worker.note_commits(self._commits.note(waiting, seconds))
        for at in self._commits.list_late(waiting, COMMITS_LATE_SECONDS / 2):
            # Of what holds none, nothing waits any more when we look again.
            await self._offsets.holds_messages(at, waiting[at])
        lags: Counter[str] = Counter()
        for (topic, _), each in waiting.items():
            lags[topic] += each.lag
        self._health.commits = CommitsSeen(frozenset(waiting), lags, self._commits.late_seconds)

    def _look(
        self,
        assigned: frozenset[Partition],
        waiting: dict[Partition, Waiting] | None,
        seconds: float,
    ) -> Look:
        activity = self._health.activity
        return Look(
            seconds=seconds,
            heartbeat=self._health.heartbeat,
            joined=self._health.joined_group and activity.assigned == assigned,
            waiting=waiting,
            handled=dict(activity.handled),
        )

    async def _judge(self, look: Look) -> None:
        stall = self._detector.find_stall(look)
        if stall is None or self._health.stopping:
            return
        waiting = look.waiting[stall.partition] if stall.partition and look.waiting else None
        # The offsets of transactions' ends look like articles, and stay for ever.
        if (
            stall.partition is None
            or waiting is None
            or await self._offsets.holds_messages(stall.partition, waiting)
        ):
            self._end(stall)

    def _end(self, stall: Stall) -> None:
        # Where, but no values: they may quote an article.
        frame = sys._current_frames().get(self._worker.ident or 0)  # noqa: SLF001, documented
        where = traceback.format_stack(frame)[-_FRAMES_SHOWN:] if frame else []
        topic, partition = stall.partition or (None, None)
        log.critical(
            "worker stalls and ends; its articles will be read again",
            why=stall.why,
            topic=topic,
            partition=partition,
            lag_articles=stall.lag,
            stall_seconds=self._limit_seconds,
            where=where,
        )
        self._leave()

    def _show(self, assigned: frozenset[Partition], waiting: dict[Partition, Waiting]) -> None:
        for topic, partition in self._shown - assigned:
            self._metrics.consumer_lag.remove(topic, str(partition))
        for (topic, partition), each in waiting.items():
            self._metrics.consumer_lag.labels(topic, str(partition)).set(each.lag)
        # While the broker is away, what waited when it was last asked.
        self._shown = (self._shown & assigned) | waiting.keys()
