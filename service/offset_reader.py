"""What waits of a worker's partitions, as the broker tells one who is not the worker's client."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from service.broker import BrokerError, client_options
from service.settings import Settings
from service.stalls import Partition, Waiting

log = structlog.get_logger(__name__)

_ANSWER_SECONDS = 10.0


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
