"""Shows how many dead letters are open: a thread that follows their topic.

On the worker that has the desk, so that they are counted once. A thread with an event loop and a
broker client of its own, as reading and hashing letters of a megabyte would keep articles waiting;
where the broker fails it, it begins anew later, and keeps nobody else from working. What nobody
foresaw ends the thread, and with it the worker (`worker.end_with_thread`): counts that stay as they
were would tell people that all is well.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.broker import BrokerError, client_options
from service.clients import read_raw
from service.health import Health
from service.open_letters import OpenLetters
from service.replaying import read_committed_offsets
from service.settings import Settings
from service.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

T = TypeVar("T")

# As often as Prometheus looks, more or less: nobody mends a producer faster.
_LOOK_SECONDS = 15.0
_ANSWER_SECONDS = 30.0
_DAY_SECONDS = 24 * 3600
# A few at a time: each may have a megabyte.
_BATCH_LETTERS = 100
# As far back as Kafka keeps messages unless told otherwise. A topic that keeps them for ever is not
# read from its beginning whenever the desk moves: what nobody mended in a week, no count makes
# them mend, and `beatwatch dlq list` still shows.
COUNTED_DAYS = 7


class LetterWatch:
    """Follows the dead-letter topic for as long as this worker has the desk."""

    def __init__(self, settings: Settings, health: Health, metrics: WorkerMetrics) -> None:
        self._settings = settings
        self._health = health
        self._metrics = metrics

    def start(self) -> None:
        """Begin to watch; ends with the process."""
        threading.Thread(target=self._run, name="letters", daemon=True).start()

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        while True:
            if self._has_desk:
                try:
                    await self._follow()
                except (KafkaError, BrokerError, OSError, TimeoutError) as error:
                    # That it is away is said elsewhere; what was counted last stays.
                    log.debug("broker does not tell which dead letters are open", why=repr(error))
            if not self._has_desk:
                # Also where the desk moved while the broker was away: it is shown elsewhere now.
                self._metrics.show_letters({}, 0)
            await asyncio.sleep(_LOOK_SECONDS)

    @property
    def _has_desk(self) -> bool:
        return self._health.count_desks().taken_over > 0

    async def _follow(self) -> None:
        letters = OpenLetters()
        async with self._open() as consumer:
            while self._has_desk:
                committed = await _bound(read_committed_offsets(self._settings))
                ends = await _bound(consumer.end_offsets(consumer.assignment()))
                for at, end in ends.items():
                    while self._has_desk and await _bound(consumer.position(at)) < end:
                        for message in await _bound(_fetch(consumer, at)):
                            letters.note(read_raw(message))
                begins = await _bound(_find_begins(consumer))
                letters.settle(committed, {at.partition: begin for at, begin in begins.items()})
                if self._has_desk:
                    self._metrics.show_letters(letters.open_by_reason, letters.oldest_ms)
                left_out = letters.take_left_out()
                for at in consumer.assignment():
                    if at.partition in left_out:
                        consumer.seek(at, left_out[at.partition])
                if not left_out:
                    await asyncio.sleep(_LOOK_SECONDS)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            self._settings.dlq_topic,
            **client_options(self._settings),
            auto_offset_reset="earliest",
        )
        try:
            await _bound(consumer.start())
            for at, begin in (await _bound(_find_begins(consumer))).items():
                consumer.seek(at, begin)
            yield consumer
        finally:
            with suppress(TimeoutError):
                await _bound(consumer.stop())


async def _bound(answer: Awaitable[T]) -> T:
    # aiokafka's clients wait for ever for a broker that is away.
    async with asyncio.timeout(_ANSWER_SECONDS):
        return await answer


async def _find_begins(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    since_ms = round((time.time() - COUNTED_DAYS * _DAY_SECONDS) * 1000)
    # Before what comes meanwhile.
    ends = await consumer.end_offsets(consumer.assignment())
    found = await consumer.offsets_for_times(dict.fromkeys(ends, since_ms))
    return {at: each.offset if each else ends[at] for at, each in found.items()}


async def _fetch(consumer: AIOKafkaConsumer, at: TopicPartition) -> list[Any]:
    fetched = await consumer.getmany(at, timeout_ms=1000, max_records=_BATCH_LETTERS)
    messages: list[Any] = fetched.get(at, [])
    return messages
