"""The desk's one right to write: alerts and what it remembers go out together, or not at all.

A transactional id names the desk of a partition, not a worker. Whoever takes the desk over fences
off whoever had it (the broker refuses what that one still sends), and only then reads what is
remembered: two workers can never both add to one history (decisions/0006).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import stamina
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, MessageSizeTooLargeError, ProducerFenced
from aiokafka.producer import sender
from pydantic import ValidationError

from service.broker import READ_WAIT_MS
from service.desk_state import ENTRIES, Entry
from service.messages import OutgoingMessage
from service.outbox import PublishError
from service.outgoing import format_entry
from service.producers import PRODUCER_OPTIONS, send_message

log = structlog.get_logger(__name__)

_RETRY_FIRST_SECONDS = 0.1
_RETRY_LONGEST_SECONDS = 5.0
# The broker ends a transaction some milliseconds after it has said so, and until then refuses to
# begin the next. aiokafka 0.14 asks again after 20 ms, a number in its `producer/sender.py`.
_ASK_AGAIN_SECONDS = 0.005
# Longer than any batch takes; a desk that died amid a transaction holds readers of committed
# alerts back until its successor takes over, or for so long.
TRANSACTION_SECONDS = 30.0


def ask_again_soon() -> None:
    """Have aiokafka's producers ask again soon whether a transaction may begin."""
    sender.BACKOFF_OVERRIDE = _ASK_AGAIN_SECONDS


class FencedError(Exception):
    """Another worker has taken the desk over, or the broker ended a transaction that took too long.

    Nothing of it was written.
    """


class InDoubtError(PublishError):
    """The broker failed amid a transaction; whether it is written, only `take_over` tells."""


class StoriesTopicError(Exception):
    """Something on the stories topic is not the desk's."""


class DeskStore:
    """Writes alerts and entries of one partition of the matches topic in transactions.

    Args:
        client_options: how to reach the broker.
        stories: the partition that remembers.
        transactional_id: the desk's, whichever worker has it.
        retry_seconds: how long to keep trying when the broker does not let us.
        transaction_seconds: after so long the broker ends a transaction that we did not.
    """

    def __init__(
        self,
        client_options: dict[str, Any],
        *,
        stories: TopicPartition,
        transactional_id: str,
        retry_seconds: float,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self._client_options = client_options
        self._stories = stories
        self._transactional_id = transactional_id
        self._retry_seconds = retry_seconds
        self._transaction_seconds = transaction_seconds
        self._producer: AIOKafkaProducer | None = None
        self._position = 0

    async def take_over(self, remember: Callable[[Entry], None]) -> int:
        """Fence off whoever had the desk; then read what was written since we read last.

        Args:
            remember: is given what is remembered, in order.

        Returns:
            How much was read.

        Raises:
            PublishError: the broker did not let us, for longer than we retry.
            StoriesTopicError: something there cannot be read.
        """
        try:
            async with asyncio.timeout(self._retry_seconds) as bound:
                async for attempt in stamina.retry_context(
                    on=KafkaError,
                    attempts=None,
                    timeout=None,
                    wait_initial=_RETRY_FIRST_SECONDS,
                    wait_max=_RETRY_LONGEST_SECONDS,
                ):
                    with attempt:
                        return await self._try_to_take_over(remember, bound)
        except TimeoutError as error:
            raise PublishError(
                f"the desk could not be taken over in {self._retry_seconds:g} s; the lines above "
                "say why"
            ) from error
        raise AssertionError  # It retries for ever, until the bound.

    async def write(self, messages: Sequence[OutgoingMessage], entries: Sequence[Entry]) -> None:
        """Publish messages, and write what is remembered, in one transaction.

        Returns only when the broker has all of it for good.

        Raises:
            FencedError: another worker has the desk now; nothing was written.
            InDoubtError: the broker failed amid it; take over, and try again what is not written.
            PublishError: the broker did not take it in time, or never will.
        """
        if self._producer is None:
            raise FencedError(self._transactional_id)
        try:
            async with asyncio.timeout(self._retry_seconds):
                await self._write_all(self._producer, messages, entries)
        except ProducerFenced as error:
            raise FencedError(self._transactional_id) from error
        except (MessageSizeTooLargeError, TimeoutError) as error:
            raise PublishError(f"the broker did not take what the desk owes: {error!r}") from error
        except (KafkaError, IllegalOperation) as error:
            # IllegalOperation: aiokafka has given the transaction up, as a topic refused a message.
            log.warning("desk's transaction failed", error=repr(error))
            raise InDoubtError(f"the broker failed amid a transaction: {error!r}") from error

    async def let_go(self) -> None:
        """Let go of the broker; what is under way is never committed.

        While the broker is away this waits for it.
        """
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    def forget(self) -> None:
        """Read everything anew at the next `take_over`."""
        self._position = 0

    async def _write_all(
        self,
        producer: AIOKafkaProducer,
        messages: Sequence[OutgoingMessage],
        entries: Sequence[Entry],
    ) -> None:
        await producer.begin_transaction()
        topic, partition = self._stories
        deliveries: list[asyncio.Future[Any]] = []
        for message, to in (
            *((message, None) for message in messages),
            *((format_entry(entry, topic), partition) for entry in entries),
        ):
            deliveries.append(await send_message(producer, message, to))
        delivered = await asyncio.gather(*deliveries)
        await producer.commit_transaction()
        if entries:
            # Nobody else wrote since we took over, or we would be fenced.
            self._position = max(each.offset for each in delivered[-len(entries) :]) + 1

    async def _try_to_take_over(
        self, remember: Callable[[Entry], None], bound: asyncio.Timeout
    ) -> int:
        try:
            await self.let_go()
            self._producer = self._create_producer()
            # Waits for the epoch that fences off all earlier ones; the broker grants it when the
            # transactions of those are over, their markers written.
            await self._producer.start()
            return await self._catch_up(remember, bound)
        except KafkaError as error:
            log.warning("desk cannot be taken over yet", error=repr(error))
            raise

    def _create_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._client_options,
            transactional_id=self._transactional_id,
            transaction_timeout_ms=round(self._transaction_seconds * 1000),
            # Its topics take batches of aiokafka's 16 KB, as `check_topics` makes sure.
            **PRODUCER_OPTIONS,
        )

    async def _catch_up(self, remember: Callable[[Entry], None], bound: asyncio.Timeout) -> int:
        count = 0
        consumer = AIOKafkaConsumer(
            **self._client_options, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            consumer.assign([self._stories])
            end = (await consumer.end_offsets([self._stories]))[self._stories]
            if self._position:
                consumer.seek(self._stories, self._position)
            while await consumer.position(self._stories) < end:
                fetched = await consumer.getmany(self._stories, timeout_ms=READ_WAIT_MS)
                for message in fetched.get(self._stories, []):
                    remember(_read_entry(message))
                    count += 1
                    self._position = message.offset + 1
                if fetched:
                    # However much there is to read: it goes on.
                    bound.reschedule(asyncio.get_running_loop().time() + self._retry_seconds)
                    # Heartbeats must get through, and what was fetched ahead comes without a wait.
                    await asyncio.sleep(0)
            self._position = end
        finally:
            await consumer.stop()
        return count


def _read_entry(message: Any) -> Entry:
    try:
        return ENTRIES.validate_json(message.value or b"")
    except ValidationError:
        raise StoriesTopicError(
            f"{message.topic}, partition {message.partition}, offset {message.offset} is no entry "
            "of the desk's: somebody else writes there, or a later release did"
        ) from None
