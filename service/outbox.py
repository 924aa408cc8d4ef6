"""Publish what an outcome owes, and wait until the broker has it.

The producer is aiokafka's own, idempotent and with `acks=all`: Faust's cannot be made idempotent
without transactions (decisions/0002).
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, assert_never

import stamina
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from service.dead_letters import RejectionHeader
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.messages import OutgoingMessage, RawArticle, RejectionReason
from service.outgoing import format_match, format_rejection

log = structlog.get_logger(__name__)

# A first retry before anyone notices; then no oftener than an on-call log can bear.
_RETRY_FIRST_SECONDS = 0.1
_RETRY_LONGEST_SECONDS = 5.0
# The original of a rejection may be as large as the broker took it; the topics decide.
PRODUCER_MAX_REQUEST_BYTES = 64 * 1024 * 1024
# How all that goes to the broker byte for byte is sent; see `send_message`.
PRODUCER_OPTIONS = {
    "acks": "all",
    "max_request_size": PRODUCER_MAX_REQUEST_BYTES,
    # A topic's limit is on batches: together, messages that fit would not.
    "max_batch_size": 1,
    # What came compressed and fitted must fit the dead letters too.
    "compression_type": "gzip",
    "value_serializer": itemgetter(0),
}


class PublishError(Exception):
    """The broker did not take what an outcome owes, for longer than we retry."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A raw article and what was decided on it."""

    raw: RawArticle
    decided: Decided


async def send_message(
    producer: AIOKafkaProducer, message: OutgoingMessage, partition: int | None = None
) -> asyncio.Future[Any]:
    """Hand one message to a producer.

    Args:
        producer: made with `PRODUCER_OPTIONS`.
        message: may have neither key nor value.
        partition: none to choose it by key.

    Returns:
        What to wait for until the broker has it; tells where: `topic`, `partition`, `offset`.
    """
    delivery: asyncio.Future[Any] = await producer.send(
        message.topic,
        # aiokafka asserts a key or a value, while anyone may send messages with neither.
        value=(message.value,),
        key=message.key,
        partition=partition,
        # Nor does it take a name that is an enum's.
        headers=[(str(name), value) for name, value in message.headers],
    )
    return delivery


class Outbox:
    """Publishes decisions; what it returns from is what the broker has."""

    def __init__(
        self,
        client_options: dict[str, Any],
        *,
        matches_topic: str,
        dlq_topic: str,
        retry_seconds: float,
    ) -> None:
        self._client_options = client_options
        self._matches_topic = matches_topic
        self._dlq_topic = dlq_topic
        self._retry_seconds = retry_seconds
        self._producer: AIOKafkaProducer | None = None
        self._renewal = asyncio.Lock()

    async def stop(self) -> None:
        """Send what is still under way and let go of the broker."""
        if self._producer is not None:
            await self._producer.stop()

    async def publish(self, decisions: Sequence[Decision], now: datetime) -> list[Decision]:
        """Publish what the decisions owe and wait until the broker has all of it.

        Messages with the same key keep their order; others go out together.

        Args:
            decisions: in the order of the articles.
            now: becomes `dlq.failed.at`.

        Returns:
            The decisions as they ended, in the same order: a match larger than its topic takes
            ends as a rejection `alert_too_large`, and a rejection larger than its topic takes goes
            without its value.

        Raises:
            PublishError: the broker refused for longer than `retry_seconds`.
        """
        lanes: dict[object, list[tuple[int, OutgoingMessage]]] = defaultdict(list)
        for position, decision in enumerate(decisions):
            message = self._format_owed(decision, now)
            if message is not None:
                lanes[message.key or position].append((position, message))
        ended = list(decisions)

        async def publish_lane(owed: list[tuple[int, OutgoingMessage]]) -> None:
            for position, message in owed:
                ended[position] = await self._publish_decision(decisions[position], message, now)

        await asyncio.gather(*map(publish_lane, lanes.values()))
        return ended

    async def _publish_decision(
        self, decision: Decision, message: OutgoingMessage, now: datetime
    ) -> Decision:
        try:
            await self._send(message)
        except MessageSizeTooLargeError:
            if isinstance(decision.decided, Rejected):
                # Nothing else can end it: the article would be read, and refused, for ever.
                omitted = (RejectionHeader.VALUE_OMITTED, b"larger than the topic takes")
                headers = (*message.headers, omitted)
                await self._send(replace(message, value=None, headers=headers))
                return decision
            rejected = Rejected(
                RejectionReason.ALERT_TOO_LARGE,
                f"its match is larger than {message.topic} takes (max.message.bytes)",
            )
            instead = format_rejection(decision.raw, rejected, self._dlq_topic, now)
            return await self._publish_decision(Decision(decision.raw, rejected), instead, now)
        return decision

    def _format_owed(self, decision: Decision, now: datetime) -> OutgoingMessage | None:
        decided = decision.decided
        match decided:
            case Matched():
                return format_match(decided.match, self._matches_topic)
            case Rejected():
                return format_rejection(decision.raw, decided, self._dlq_topic, now)
            case Unmatched() | Withheld():
                return None
            case _:
                assert_never(decided)

    async def _send(self, message: OutgoingMessage) -> None:
        try:
            # The bound holds for the attempts too: aiokafka's idempotent producer has none.
            async with asyncio.timeout(self._retry_seconds):
                async for attempt in stamina.retry_context(
                    on=_is_worth_retrying,
                    attempts=None,
                    timeout=None,
                    wait_initial=_RETRY_FIRST_SECONDS,
                    wait_max=_RETRY_LONGEST_SECONDS,
                ):
                    with attempt:
                        await self._send_once(message)
        except TimeoutError as error:
            raise PublishError(
                f"the broker did not take a message for {message.topic} in "
                f"{self._retry_seconds:g} s; the lines above say why"
            ) from error

    async def _send_once(self, message: OutgoingMessage) -> None:
        producer = self._producer or await self._renew_producer(None)
        try:
            await (await send_message(producer, message))
        except KafkaError as error:
            log.warning("publishing failed", topic=message.topic, error=repr(error))
            # A failed send leaves a gap in the sequence numbers of aiokafka's idempotent producer,
            # and the broker refuses all that follows (OutOfOrderSequenceNumber) until a new
            # producer counts from the start.
            await self._renew_producer(producer)
            raise

    async def _renew_producer(self, failed: AIOKafkaProducer | None) -> AIOKafkaProducer:
        async with self._renewal:
            if self._producer is failed:
                if failed is not None:
                    self._producer = None
                    await failed.stop()
                renewed = AIOKafkaProducer(
                    **self._client_options, **PRODUCER_OPTIONS, enable_idempotence=True
                )
                try:
                    await renewed.start()
                    # Whoever waits for a topic's metadata while another's failed send has the
                    # producer stopped would wait for ever: aiokafka forgets them. Nobody has to.
                    for topic in (self._matches_topic, self._dlq_topic):
                        await renewed.partitions_for(topic)
                except KafkaError:
                    await renewed.stop()
                    raise
                self._producer = renewed
            return self._producer


def _is_worth_retrying(error: Exception) -> bool:
    return isinstance(error, KafkaError) and not isinstance(error, MessageSizeTooLargeError)
