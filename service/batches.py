"""A batch of articles: decide each, publish what is owed, wait for the broker, count."""

import asyncio
import math
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from service.classifier import Classifier
from service.handling import (
    Decided,
    FailureLimit,
    HandlingRules,
    Matched,
    Rejected,
    handle_articles,
)
from service.ledger import Agent
from service.messages import RawArticle, RejectionReason
from service.metrics import Metrics
from service.outbox import Decision, Outbox
from service.outcome_lines import locate, log_decision
from service.settings import Settings
from service.stalls import Activity

log = structlog.get_logger(__name__)

T = TypeVar("T")

# An answer of the broker takes several turns of the event loop from its socket to whoever waits for
# it, a transaction of the desk some fifteen: there is one for each so much of work.
_TURN_SECONDS = 0.001
_MOST_TURNS = 16
# A batch of the longest articles takes minutes: after each that took longer than this, heartbeats
# and the desk have so much of its time.
_LONG_SECONDS = 0.1
_PAUSE_RATIO = 0.1
# How long articles wait for the alerts that are being written, each time. Of a backlog none waits.
_DESK_SECONDS = 0.005
# What is decided together: enough that labelling costs less, little enough for the pause above.
_TOGETHER_ARTICLES = 16
_TOGETHER_BYTES = 65536


class TooManyFailuresError(Exception):
    """So many articles ended as `handler_failed` that our release is at fault."""


class Guard:
    """Decides messages so that none is lost to an exception of ours."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._failures = FailureLimit(
            settings.handler_failures_in_a_row, settings.handler_failures_ratio
        )
        self._retries = metrics.handler_retries

    def decide(self, raw: RawArticle, decide: Callable[[RawArticle], T]) -> T | Rejected:
        """Decide one message; one that raises twice becomes the rejection `handler_failed`.

        Raises:
            TooManyFailuresError: so many failed that our release is bad.
        """
        decided, _ = self._decide_alone(raw, decide)
        return decided

    def decide_together(
        self,
        messages: Sequence[RawArticle],
        decide: Callable[[Sequence[RawArticle]], Sequence[T]],
    ) -> list[T | Rejected]:
        """Decide messages, together if none raises; see `decide`.

        Args:
            messages: at least one.
            decide: decides messages together.
        """

        def decide_one(raw: RawArticle) -> T:
            return decide([raw])[0]

        if len(messages) == 1:
            return [self.decide(messages[0], decide_one)]
        together = _try_to_decide(messages, lambda: decide(messages))
        if not isinstance(together, Rejected):
            for each in together:
                self._note(each)
            return [*together]
        # One of them, or they together: alone each shows whether it is at fault.
        alone = [self._decide_alone(raw, decide_one) for raw in messages]
        # Whatever raised again is told of; if nothing did, one of them has passed.
        if not any(has_raised for _, has_raised in alone):
            self._note_retry(messages[0])
        return [decided for decided, _ in alone]

    def _decide_alone(
        self, raw: RawArticle, decide: Callable[[RawArticle], T]
    ) -> tuple[T | Rejected, bool]:
        # What it comes to, and whether our code raised on it.
        decided = _try_to_decide([raw], lambda: decide(raw))
        has_raised = _has_failed(decided)
        if has_raised:
            # An exception is not the article's fault until it is proven.
            decided = _try_to_decide([raw], lambda: decide(raw))
            if not _has_failed(decided):
                self._note_retry(raw)
        self._note(decided)
        return decided, has_raised

    def _note_retry(self, raw: RawArticle) -> None:
        self._retries.inc()
        log.warning("handler passed when tried again", **locate(raw))

    def _note(self, decided: object) -> None:
        if self._failures.is_exceeded_after(failed=_has_failed(decided)):
            raise TooManyFailuresError(
                "too many articles in a row, or too large a share of them, ended as "
                "handler_failed: this release is at fault; go back to the last good one"
            )


class BatchHandler:
    """Brings articles to their outcomes, or to the desk.

    Args:
        settings: how long an article may be, and how many are a full batch.
        classifier: labels articles.
        metrics: where outcomes are counted.
        outbox: takes what an outcome owes.
        activity: is told what was handled.
        wait_for_desk: waits until the desk has nothing in hand, at most so many seconds.
    """

    def __init__(
        self,
        settings: Settings,
        classifier: Classifier,
        metrics: Metrics,
        outbox: Outbox,
        activity: Activity,
        *,
        wait_for_desk: Callable[[float], Awaitable[None]],
    ) -> None:
        self._rules = HandlingRules(settings.article_max_bytes, settings.review)
        self._classifier = classifier
        self._metrics = metrics
        self._outbox = outbox
        self._activity = activity
        self._wait_for_desk = wait_for_desk
        self._full_batch = settings.batch_articles
        self._guard = Guard(settings, metrics)
        # What the last article took; a worker's first is decided alone.
        self._seconds = _LONG_SECONDS

    async def handle_batch(self, articles: Sequence[RawArticle]) -> None:
        """Bring articles to their outcomes; what returns is done and may be acknowledged.

        Raises:
            PublishError: the broker did not take what is owed.
            TooManyFailuresError: our release is bad.
        """
        self._metrics.ledger.note_read(Agent.CLASSIFY, len(articles))
        self._metrics.worker.last_article.set_to_current_time()
        decisions: list[Decision] = []
        worked_seconds = 0.0
        left = articles
        while left:
            await _give_way(worked_seconds)
            if len(articles) < self._full_batch:
                await self._wait_for_desk(_DESK_SECONDS)
            together = _take_together(left, self._count_together())
            left = left[len(together) :]
            begun = time.perf_counter()
            decided = self._guard.decide_together(together, self._handle)
            worked_seconds = time.perf_counter() - begun
            decisions += map(Decision, together, decided)
            self._activity.note_handled(together)
            self._seconds = worked_seconds / len(together)
            for _ in together:
                self._metrics.labelling_seconds.observe(self._seconds)
        published = await self._publish(decisions)
        now = datetime.now(UTC)
        for ended in published:
            self._metrics.count_decision(ended.decided, now, Agent.CLASSIFY)
            log_decision(ended, model=self._classifier.manifest.version)
        self._metrics.ledger.note_done(Agent.CLASSIFY, len(articles))
        # Nor may one batch after the other keep everything else waiting.
        await _give_way(worked_seconds)

    def _count_together(self) -> int:
        # Nothing else has its turn while articles are decided together.
        return max(1, min(_TOGETHER_ARTICLES, int(_LONG_SECONDS / self._seconds)))

    async def _publish(self, decisions: Sequence[Decision]) -> list[Decision]:
        begun = time.perf_counter()
        ended = await self._outbox.publish(decisions, datetime.now(UTC))
        if any(isinstance(each.decided, Matched | Rejected) for each in ended):
            seconds = time.perf_counter() - begun
            self._metrics.publish_seconds.labels(Agent.CLASSIFY).observe(seconds)
        return ended

    def _handle(self, messages: Sequence[RawArticle]) -> list[Decided]:
        return handle_articles(messages, self._classifier, self._rules, datetime.now(UTC))


async def _give_way(worked_seconds: float) -> None:
    if worked_seconds > _LONG_SECONDS:
        await asyncio.sleep(worked_seconds * _PAUSE_RATIO)
    for _ in range(min(_MOST_TURNS, math.ceil(worked_seconds / _TURN_SECONDS))):
        await asyncio.sleep(0)


def _take_together(articles: Sequence[RawArticle], most: int) -> Sequence[RawArticle]:
    # The first of them, at least one.
    total = 0
    for count, raw in enumerate(articles[:most]):
        total += len(raw.value or b"")
        if count and total > _TOGETHER_BYTES:
            return articles[:count]
    return articles[:most]


def _try_to_decide(messages: Sequence[RawArticle], decide: Callable[[], T]) -> T | Rejected:
    try:
        return decide()
    except Exception as error:  # noqa: BLE001, whatever it is, the article must not be lost
        # Where, but not the message, which may quote the article.
        where = traceback.format_tb(error.__traceback__)
        alone = len(messages) == 1
        event = "handler failed" if alone else "handler failed on articles, each is tried alone"
        first = locate(messages[0])
        log.error(  # noqa: TRY400, as said
            event, **first, articles=len(messages), error=type(error).__name__, where=where
        )
        kind = type(error)
        exception = (
            kind.__name__
            if kind.__module__ == "builtins"
            else f"{kind.__module__}.{kind.__qualname__}"
        )
        return Rejected(RejectionReason.HANDLER_FAILED, kind.__name__, exception)


def _has_failed(decided: object) -> bool:
    return isinstance(decided, Rejected) and decided.reason == RejectionReason.HANDLER_FAILED
