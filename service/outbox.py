"""Publish what an outcome owes, and wait until the broker has it.

The producer is aiokafka's own, idempotent and with `acks=all`: Faust's cannot be made idempotent
without transactions (decisions/0002).
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

import stamina
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from service import __version__
from service.handling import Alerted, Outcome, Rejected, Unmatched, Withdrawn, Withheld
from service.messages import Alert, Headers, RawArticle, RejectionReason

log = structlog.get_logger(__name__)

ALERT_SOURCE = "/beatwatch"
# A first retry before anyone notices; then no oftener than an on-call log can bear.
_RETRY_FIRST_SECONDS = 0.1
_RETRY_LONGEST_SECONDS = 5.0
# The original of a rejection may be as large as the broker took it; the topics decide.
PRODUCER_MAX_REQUEST_BYTES = 64 * 1024 * 1024
# A rejection replayed each second for thirty years has not been tried so often.
_ATTEMPTS_MAX_DIGITS = 10


class PublishError(Exception):
    """The broker did not take what an outcome owes, for longer than we retry."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message for one topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Decision:
    """A raw article and the outcome it came to."""

    raw: RawArticle
    outcome: Outcome


def format_alert(alert: Alert, topic: str) -> OutgoingMessage:
    """Write an alert: JSON value, CloudEvents 1.0 headers in Kafka's binary mode.

    Source: CloudEvents Kafka Protocol Binding 1.0.2, section 3.2.
    """
    is_repeat = alert.status == "raised" and alert.story.role == "repeat"
    what = "repeated" if is_repeat else alert.status
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{alert.alert_id}:{alert.revision}",
        "ce_source": ALERT_SOURCE,
        "ce_type": f"beatwatch.alert.{what}.v1",
        "ce_time": alert.labelled_at.isoformat(),
        "ce_subject": alert.article.id,
        "content-type": "application/json",
    }
    return OutgoingMessage(
        topic,
        key=alert.article.id.encode(),
        value=alert.model_dump_json().encode(),
        headers=tuple((name, text.encode()) for name, text in headers.items()),
    )


def format_rejection(
    raw: RawArticle, rejected: Rejected, topic: str, failed_at: datetime
) -> OutgoingMessage:
    """Write a rejection: key, value and headers as they came, and headers that say why."""
    why = {
        "dlq.original.topic": raw.topic,
        "dlq.original.partition": str(raw.partition),
        "dlq.original.offset": str(raw.offset),
        "dlq.original.timestamp": str(raw.timestamp_ms),
        "dlq.reason": rejected.reason,
        "dlq.detail": rejected.detail,
        "dlq.failed.at": failed_at.isoformat(),
        "dlq.service.version": __version__,
        "dlq.attempts": str(_count_attempts(raw)),
    }
    kept = tuple((name, value) for name, value in raw.headers if name not in why)
    added = tuple((name, text.encode(errors="backslashreplace")) for name, text in why.items())
    return OutgoingMessage(topic, raw.key, raw.value, kept + added)


def _count_attempts(raw: RawArticle) -> int:
    # A replayed rejection brings the count of its earlier attempts along. Whoever sends an article
    # sets its headers, so this may be null, no number, or longer than int() takes.
    earlier = dict(raw.headers).get("dlq.attempts") or b""
    return int(earlier) + 1 if earlier.isdigit() and len(earlier) < _ATTEMPTS_MAX_DIGITS else 1


class Outbox:
    """Publishes decisions; what it returns from is what the broker has."""

    def __init__(
        self,
        client_options: dict[str, Any],
        *,
        alerts_topic: str,
        dlq_topic: str,
        retry_seconds: float,
    ) -> None:
        self._client_options = client_options
        self._alerts_topic = alerts_topic
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
            The decisions as they ended, in the same order: an alert larger than its topic takes
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
            if isinstance(decision.outcome, Rejected):
                # Nothing else can end it: the article would be read, and refused, for ever.
                omitted = (*message.headers, ("dlq.value.omitted", b"larger than the topic takes"))
                await self._send(replace(message, value=None, headers=omitted))
                return decision
            rejected = Rejected(
                RejectionReason.ALERT_TOO_LARGE,
                f"the alert is larger than {message.topic} takes (max.message.bytes)",
            )
            instead = format_rejection(decision.raw, rejected, self._dlq_topic, now)
            return await self._publish_decision(Decision(decision.raw, rejected), instead, now)
        return decision

    def _format_owed(self, decision: Decision, now: datetime) -> OutgoingMessage | None:
        outcome = decision.outcome
        match outcome:
            case Alerted() | Withdrawn():
                return format_alert(outcome.alert, self._alerts_topic)
            case Rejected():
                return format_rejection(decision.raw, outcome, self._dlq_topic, now)
            case Unmatched() | Withheld():
                return None
            case _:
                assert_never(outcome)

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
            await producer.send_and_wait(
                message.topic,
                value=message.value,
                key=message.key,
                headers=list(message.headers),
            )
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
                    **self._client_options,
                    acks="all",
                    enable_idempotence=True,
                    max_request_size=PRODUCER_MAX_REQUEST_BYTES,
                    # A topic's limit is on batches: together, messages that fit would not.
                    max_batch_size=1,
                    # What came compressed and fitted must fit the dead letters too.
                    compression_type="gzip",
                )
                try:
                    await renewed.start()
                except KafkaError:
                    await renewed.stop()
                    raise
                self._producer = renewed
            return self._producer


def _is_worth_retrying(error: Exception) -> bool:
    return isinstance(error, KafkaError) and not isinstance(error, MessageSizeTooLargeError)
