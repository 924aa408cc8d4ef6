"""Hand messages to the broker, one after a failed one too.

The producer is aiokafka's own, idempotent and with `acks=all`: Faust's cannot be made idempotent
without transactions (decisions/0002).
"""

import asyncio
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from service.messages import OutgoingMessage

log = structlog.get_logger(__name__)

# The original of a rejection may be as large as the broker took it; the topics decide.
PRODUCER_MAX_REQUEST_BYTES = 64 * 1024 * 1024
# How all that goes to the broker byte for byte is sent; see `send_message`.
PRODUCER_OPTIONS = {
    "acks": "all",
    "max_request_size": PRODUCER_MAX_REQUEST_BYTES,
    # What came compressed and fitted must fit the dead letters too.
    "compression_type": "gzip",
    "value_serializer": itemgetter(0),
}


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


class RenewedProducer:
    """An idempotent producer, replaced by a new one when a message fails.

    Args:
        client_options: how to reach the broker.
        topics: all that messages are sent to.
        options: of aiokafka's producer, beside `PRODUCER_OPTIONS`.
    """

    def __init__(
        self, client_options: dict[str, Any], topics: Sequence[str], **options: Any
    ) -> None:
        self._options = client_options | PRODUCER_OPTIONS | options
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None
        self._renewal = asyncio.Lock()

    async def stop(self) -> None:
        """Send what is still under way and let go of the broker."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, message: OutgoingMessage) -> None:
        """Send one message and wait until the broker has it.

        Raises:
            KafkaError: the broker refused it, or is not there.
        """
        producer = self._producer or await self._renew(None)
        try:
            await (await send_message(producer, message))
        except KafkaError as error:
            if producer is self._producer:
                # What else was under way with it fails as well, and goes out with the next.
                log.warning("publishing failed", topic=message.topic, error=repr(error))
            # A failed send leaves a gap in the sequence numbers of aiokafka's idempotent producer,
            # and the broker refuses all that follows (OutOfOrderSequenceNumber) until a new
            # producer counts from the start.
            await self._renew(producer)
            raise

    async def _renew(self, failed: AIOKafkaProducer | None) -> AIOKafkaProducer:
        async with self._renewal:
            if self._producer is failed:
                if failed is not None:
                    self._producer = None
                    await failed.stop()
                renewed = AIOKafkaProducer(**self._options, enable_idempotence=True)
                try:
                    await renewed.start()
                    # Whoever waits for a topic's metadata while another's failed send has the
                    # producer stopped would wait for ever: aiokafka forgets them. Nobody has to.
                    for topic in self._topics:
                        await renewed.partitions_for(topic)
                except KafkaError:
                    await renewed.stop()
                    raise
                self._producer = renewed
            return self._producer
