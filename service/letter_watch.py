"""Shows how many dead letters are open: a thread that follows their topic.

On the worker that has the desk, so that they are counted once. A thread with an event loop and a
broker client of its own, as reading and hashing letters of a megabyte would keep articles waiting;
where the broker fails it, it begins anew later, and keeps nobody else from working.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.broker import BrokerError, client_options
from service.health import Health
from service.messages import RawArticle
from service.open_letters import OpenLetters
from service.replaying import read_committed_offsets
from service.settings import Settings
from service.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

T = TypeVar("T")

# As often as Prometheus looks, more or less: nobody mends a producer faster.
_LOOK_SECONDS = 15.0
_ANSWER_SECONDS = 30.0
# A few at a time: each may have a megabyte.
_BATCH_LETTERS = 100


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
                else:
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
                    while await _bound(consumer.position(at)) < end:
                        for message in await _bound(_fetch(consumer, at)):
                            letters.note(_read_raw(message))
                begins = await _bound(consumer.beginning_offsets(consumer.assignment()))
                letters.settle(committed, {at.partition: begin for at, begin in begins.items()})
                self._metrics.show_letters(letters.open_by_reason, letters.oldest_ms)
                if letters.wants_to_begin_anew:
                    letters = OpenLetters()
                    await consumer.seek_to_beginning()
                else:
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
            await consumer.seek_to_beginning()
            yield consumer
        finally:
            with suppress(TimeoutError):
                await _bound(consumer.stop())


async def _bound(answer: Awaitable[T]) -> T:
    # aiokafka's clients wait for ever for a broker that is away.
    async with asyncio.timeout(_ANSWER_SECONDS):
        return await answer


async def _fetch(consumer: AIOKafkaConsumer, at: TopicPartition) -> list[Any]:
    fetched = await consumer.getmany(at, timeout_ms=1000, max_records=_BATCH_LETTERS)
    messages: list[Any] = fetched.get(at, [])
    return messages


def _read_raw(message: Any) -> RawArticle:
    return RawArticle(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )
