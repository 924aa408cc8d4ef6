"""Publish what an outcome owes, and wait until the broker has it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

import stamina
import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from service.dead_letters import RejectionHeader
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.messages import OutgoingMessage, RawArticle, RejectionReason
from service.outgoing import format_match, format_rejection
from service.producers import RenewedProducer

log = structlog.get_logger(__name__)

# A first retry before anyone notices; then no oftener than an on-call log can bear.
_RETRY_FIRST_SECONDS = 0.1
_RETRY_LONGEST_SECONDS = 5.0


class PublishError(Exception):
    """The broker did not take what an outcome owes, for longer than we retry."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A raw article and what was decided on it."""

    raw: RawArticle
    decided: Decided


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
        topics = (matches_topic, dlq_topic)
        self._matches_topic = matches_topic
        self._dlq_topic = dlq_topic
        self._retry_seconds = retry_seconds
        self._together = RenewedProducer(client_options, topics)
        self._alone = RenewedProducer(client_options, topics, max_batch_size=1)
        self._takes_no_batches: set[str] = set()

    async def stop(self) -> None:
        """Send what is still under way and let go of the broker."""
        await self._together.stop()
        await self._alone.stop()

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
        if message.topic not in self._takes_no_batches:
            # A topic's limit is on batches: without its neighbours a message may fit.
            with suppress(MessageSizeTooLargeError):
                await self._keep_sending(self._together, message)
                return
        await self._keep_sending(self._alone, message)
        if message.topic not in self._takes_no_batches:
            self._takes_no_batches.add(message.topic)
            log.warning(
                "topic refuses batches of what it takes: from now on each message goes alone, "
                "which is slow; raise its max.message.bytes and start the worker anew",
                topic=message.topic,
            )

    async def _keep_sending(self, producer: RenewedProducer, message: OutgoingMessage) -> None:
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
                        await producer.send(message)
        except TimeoutError as error:
            raise PublishError(
                f"the broker did not take a message for {message.topic} in "
                f"{self._retry_seconds:g} s; the lines above say why"
            ) from error


def _is_worth_retrying(error: Exception) -> bool:
    return isinstance(error, KafkaError) and not isinstance(error, MessageSizeTooLargeError)
