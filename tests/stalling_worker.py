"""A worker that hangs, or is slow, on articles that say STALL, or one of whose threads dies.

Bugs of ours, as a process. One that awaits goes on at SIGUSR1.

Run as `python -m tests.stalling_worker KIND`.
"""

import asyncio
import ctypes
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime

from service import batches
from service.classifier import Classifier
from service.handling import Decided, HandlingRules, handle_articles
from service.letter_watch import LetterWatch
from service.messages import RawArticle
from service.outbox import Decision, Outbox
from service.settings import read_settings
from service.worker import run_worker

SLOW_SECONDS = 0.7


def stall(kind: str) -> None:
    """Do what hangs, as code that blocks would."""
    if kind == "blocks":
        while True:
            time.sleep(0.1)
    elif kind == "holds":
        # Unlike `time.sleep` this keeps the interpreter from all threads.
        ctypes.PyDLL(None).sleep(3600)
    elif kind == "slow":
        time.sleep(SLOW_SECONDS)


def stalling(kind: str) -> None:
    """Put the bug in its place."""

    def handle(
        messages: Sequence[RawArticle], classifier: Classifier, rules: HandlingRules, now: datetime
    ) -> list[Decided]:
        for raw in messages:
            if raw.value and b"STALL" in raw.value:
                stall(kind)
        return handle_articles(messages, classifier, rules, now)

    publish = Outbox.publish

    async def publish_or_wait(
        self: Outbox, decisions: Sequence[Decision], now: datetime
    ) -> list[Decision]:
        if kind == "awaits" and any(b"STALL" in (each.raw.value or b"") for each in decisions):
            told_to_go_on = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told_to_go_on.set)
            await told_to_go_on.wait()
        return await publish(self, decisions, now)

    async def follow(_self: LetterWatch) -> None:
        raise LookupError("nobody foresaw this")

    if kind == "watch_dies":
        LetterWatch._follow = follow  # type: ignore[assignment, method-assign]  # noqa: SLF001
    batches.handle_articles = handle  # type: ignore[attr-defined]  # a bug, on purpose
    Outbox.publish = publish_or_wait  # type: ignore[method-assign]  # as above


if __name__ == "__main__":
    stalling(sys.argv[1])
    run_worker(read_settings())
