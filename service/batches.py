"""A batch of articles: decide each, publish what is owed, wait for the broker, count."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from service.classifier import Classifier
from service.handling import (
    Alerted,
    FailureLimit,
    HandlingRules,
    Outcome,
    Rejected,
    handle_article,
)
from service.messages import RawArticle, RejectionReason
from service.metrics import Metrics
from service.outbox import Decision, Outbox
from service.settings import Settings

log = structlog.get_logger(__name__)

# A batch of the longest articles takes minutes; heartbeats must get through meanwhile.
PAUSE_AFTER_SECONDS = 0.5


class TooManyFailuresError(Exception):
    """So many articles ended as `handler_failed` that our release is at fault."""


class BatchHandler:
    """Brings articles to their outcomes."""

    def __init__(
        self, settings: Settings, classifier: Classifier, metrics: Metrics, outbox: Outbox
    ) -> None:
        self._rules = HandlingRules(settings.article_max_bytes, settings.review)
        self._classifier = classifier
        self._metrics = metrics
        self._outbox = outbox
        self._failures = FailureLimit(
            settings.handler_failures_in_a_row, settings.handler_failures_ratio
        )

    async def handle_batch(self, articles: Sequence[RawArticle]) -> None:
        """Bring articles to their outcomes; what returns is done and may be acknowledged.

        Raises:
            PublishError: the broker did not take what is owed.
            TooManyFailuresError: our release is bad.
        """
        self._metrics.articles_read.inc(len(articles))
        decisions = []
        paused = time.perf_counter()
        for raw in articles:
            begun = time.perf_counter()
            if begun - paused > PAUSE_AFTER_SECONDS:
                await asyncio.sleep(0)
                paused = begun
            outcome = self._decide(raw)
            self._metrics.labelling_seconds.observe(time.perf_counter() - begun)
            if self._failures.is_exceeded_after(outcome):
                raise TooManyFailuresError(
                    "too many articles in a row, or too large a share of them, ended as "
                    "handler_failed: this release is at fault; go back to the last good one"
                )
            decisions.append(Decision(raw, outcome))
        for ended in await self._outbox.publish(decisions, datetime.now(UTC)):
            delay_seconds = time.time() - ended.raw.timestamp_ms / 1000
            self._metrics.count_outcome(ended.outcome, delay_seconds)
            _log_outcome(ended)

    def _decide(self, raw: RawArticle) -> Outcome:
        try:
            return handle_article(raw, self._classifier, self._rules, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001, whatever it is, the article must not be lost
            # Where, but not the message, which may quote the article.
            where = traceback.format_tb(error.__traceback__)
            log.error(  # noqa: TRY400, as said
                "handler failed", **_locate(raw), error=type(error).__name__, where=where
            )
            return Rejected(RejectionReason.HANDLER_FAILED, type(error).__name__)


def _locate(raw: RawArticle) -> dict[str, Any]:
    return {"topic": raw.topic, "partition": raw.partition, "offset": raw.offset}


def _log_outcome(decision: Decision) -> None:
    outcome = decision.outcome
    line = log.bind(**_locate(decision.raw), outcome=outcome.name)
    if isinstance(outcome, Rejected):
        line.warning("article rejected", reason=outcome.reason, detail=outcome.detail)
    elif isinstance(outcome, Alerted):
        line.info(
            "article alerted",
            article=outcome.alert.article.id,
            alert=str(outcome.alert.alert_id),
            labels=[f"{label.label}:{label.band}" for label in outcome.alert.labels],
        )
    else:
        line.debug("article handled")
