"""A worker that hurts itself as FAULTS_PLAN says: `python -m tests.faults.faulty_worker`.

Each fault it injects is a line in the file FAULTS_LOG.
"""

import asyncio
import ctypes
import json
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    RequestTimedOutError,
)

from service import batches, desk, desk_store, producers
from service.classifier import Classifier
from service.handling import Decided, HandlingRules, handle_articles
from service.messages import OutgoingMessage, RawArticle
from service.settings import read_settings
from service.worker import run_worker

PLAN: dict[str, Any] = json.loads(os.environ.get("FAULTS_PLAN", "{}"))
LOG = Path(os.environ.get("FAULTS_LOG", "faults"))
JUMP_SECONDS = 3600.0
NOTHING_SENT = (KafkaTimeoutError, RequestTimedOutError, NotEnoughReplicasError)
# The broker has it, and we hear that it has not.
SENT_ALL_THE_SAME = (RequestTimedOutError, NotEnoughReplicasAfterAppendError)

_send_message = producers.send_message
_true_time = time.time
_jump_seconds = 0.0
_failed_once: set[tuple[int, int]] = set()


def note_fault(name: str) -> None:
    """Write down one fault, so that it is there even if we are killed the next moment."""
    with LOG.open("a") as log:
        log.write(f"{name}\n")


def count_faults(log: Path) -> list[str]:
    """Read which faults were injected."""
    return log.read_text().split() if log.exists() else []


def fail_sends(share: float, too_large_share: float) -> Callable[..., Any]:
    """Make a `send_message` that fails at random: with or without having sent.

    Args:
        share: of the messages for which the broker seems not to answer, or to refuse.
        too_large_share: of the keys whose messages seem larger than the topic takes.
    """
    # Each process another moment, or one that ends on a fault would end on it for ever.
    chance = random.Random(PLAN["seed"] + len(count_faults(LOG)))  # noqa: S311, not a secret

    async def send_or_fail(
        producer: AIOKafkaProducer, message: OutgoingMessage, partition: int | None = None
    ) -> asyncio.Future[Any]:
        if is_too_large(message, too_large_share):
            note_fault("MessageSizeTooLarge")
            raise MessageSizeTooLargeError
        if chance.random() >= share:
            return await _send_message(producer, message, partition)
        failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if chance.random() < 0.5:
            error: type[KafkaError] = chance.choice(NOTHING_SENT)
        else:
            error = chance.choice(SENT_ALL_THE_SAME)
            await (await _send_message(producer, message, partition))
        note_fault(error.__name__)
        failed.set_exception(error())
        return failed

    return send_or_fail


def is_too_large(message: OutgoingMessage, share: float) -> bool:
    """Choose messages by their key and topic, as what is too large is so each time it is sent."""
    drawn = zlib.crc32(message.topic.encode() + (message.key or b"")) / 2**32
    # A rejection goes without its value, then.
    return drawn < share and message.value is not None


def handle_or_fail(
    messages: Sequence[RawArticle], classifier: Classifier, rules: HandlingRules, now: datetime
) -> list[Decided]:
    """As `handle_articles`, but POISON raises, FLAKY raises once, SLOW takes its time."""
    for raw in messages:
        value = raw.value or b""
        if b"POISON" in value:
            note_fault("poison")
            raise ZeroDivisionError
        if b"FLAKY" in value and (raw.partition, raw.offset) not in _failed_once:
            _failed_once.add((raw.partition, raw.offset))
            note_fault("poison-once")
            raise ZeroDivisionError
        if b"SLOW" in value:
            note_fault("slow")
            # The pages and the watchdog have threads, which go on unless nothing in Python can.
            sleep = ctypes.PyDLL(None).sleep if PLAN["holds_gil"] else time.sleep
            sleep(PLAN["slow_seconds"])
    return handle_articles(messages, classifier, rules, now)


class JumpingClock(datetime):
    """Now, as the machine's clock has it."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "JumpingClock":
        return cls.fromtimestamp(time.time(), tz)


def jump_clock() -> None:
    """Set the clock an hour on or back, or right, again and again."""
    global _jump_seconds  # noqa: PLW0603, a clock is global
    chance = random.Random(PLAN["seed"])  # noqa: S311, not a secret
    while True:
        # How long a clock stays as it is: the fault itself.
        time.sleep(chance.uniform(0.1, 0.5))
        _jump_seconds = chance.choice([-JUMP_SECONDS, 0.0, JUMP_SECONDS])
        note_fault("clock-jump")


def _jumped_time() -> float:
    return _true_time() + _jump_seconds


if __name__ == "__main__":
    batches.handle_articles = handle_or_fail  # type: ignore[attr-defined]
    if "share" in PLAN:
        producers.send_message = fail_sends(PLAN["share"], PLAN["too_large_share"])
        desk_store.send_message = fail_sends(  # type: ignore[attr-defined]
            PLAN["desk_share"], 0.0
        )
    if PLAN.get("clock"):
        time.time = _jumped_time
        batches.datetime = desk.datetime = JumpingClock  # type: ignore[attr-defined]
        threading.Thread(target=jump_clock, daemon=True).start()
    run_worker(read_settings())
