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
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NoReturn

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.broker import BrokerError, client_options
from service.commits import CommitClock
from service.health import COMMITS_LATE_SECONDS, CommitsSeen, Health
from service.metrics import Metrics
from service.settings import Settings
from service.stalls import Look, Partition, Stall, StallDetector, Waiting

log = structlog.get_logger(__name__)

# As often as Prometheus looks, or oftener where the limit is short.
_LOOK_SECONDS = 5.0
_LOOKS_PER_LIMIT = 4
# The broker is asked about new partitions at once; to see whether there are any costs nothing.
_GLANCE_SECONDS = 0.2
_ANSWER_SECONDS = 10.0
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


class OffsetReader:
    """Asks the broker, and not the worker's own client, what of its partitions waits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        # Where nothing but the ends of transactions was found.
        self._empty: dict[Partition, Waiting] = {}

    async def read(self, partitions: Iterable[Partition]) -> dict[Partition, Waiting] | None:
        """Read what waits of each partition; none if the broker does not answer."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._read([TopicPartition(*each) for each in partitions])
        except (KafkaError, BrokerError, OSError, TimeoutError) as error:
            log.debug("broker does not tell what waits", why=repr(error))
            await self._let_go()
            return None

    async def holds_messages(self, partition: Partition, waiting: Waiting) -> bool:
        """Tell whether anything but the ends of transactions waits; no, if nobody answers."""
        at = TopicPartition(*partition)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                found = await self._find_message(at, waiting)
        except (KafkaError, BrokerError, OSError, TimeoutError) as error:
            log.debug("broker does not show what waits", why=repr(error))
            await self._let_go()
            return False
        if not found:
            self._empty[partition] = waiting
        return found

    async def _read(self, partitions: list[TopicPartition]) -> dict[Partition, Waiting]:
        consumer = await self._open()
        if not partitions:
            # Whether the broker answers is asked all the same.
            await consumer.topics()
            return {}
        if consumer.assignment() != set(partitions):
            consumer.assign(partitions)
            consumer.pause(*partitions)
        commits = await asyncio.gather(*map(consumer.committed, partitions))
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        found = {}
        for at, committed in zip(partitions, commits, strict=True):
            # What was deleted before anyone read it waits for nobody.
            waiting = Waiting(max(committed or 0, begins[at]), ends[at])
            is_empty = self._empty.get((at.topic, at.partition)) == waiting
            found[at.topic, at.partition] = Waiting(ends[at], ends[at]) if is_empty else waiting
        return found

    async def _find_message(self, at: TopicPartition, waiting: Waiting) -> bool:
        consumer = await self._open()
        consumer.seek(at, waiting.committed)
        consumer.resume(at)
        try:
            while await consumer.position(at) < waiting.end:
                fetched = await consumer.getmany(at, timeout_ms=1000, max_records=1)
                if fetched.get(at):
                    return True
        finally:
            consumer.pause(at)
        return False

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **client_options(self._settings),
                group_id=self._settings.group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            await self._consumer.start()
        return self._consumer

    async def _let_go(self) -> None:
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            with suppress(TimeoutError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await consumer.stop()
