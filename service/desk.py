"""The desk: the one writer of alerts. Reads matches, keeps stories, tells consumers."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import stamina
import structlog
from aiokafka import TopicPartition
from pydantic import ValidationError

from service.batches import Guard
from service.broker import client_options
from service.desk_memory import DeskMemory
from service.desk_state import Entry
from service.desk_store import DeskStore, FencedError, InDoubtError
from service.digests import Digest
from service.handling import Rejected
from service.ledger import Agent
from service.matches import Match
from service.messages import OutgoingMessage, RawArticle, RejectionReason
from service.metrics import Metrics
from service.outbox import Decision, Outbox
from service.outcome_lines import log_decision, log_ruling
from service.outgoing import format_alert, format_digest
from service.settings import Settings
from service.stalls import Activity
from service.stories import DeskRules, Ruling, rule_on_match

log = structlog.get_logger(__name__)

_RETRY_LONGEST_SECONDS = 5.0
# From a batch of 64 to single matches in three steps: before each, all that is remembered is read
# again, which takes a desk of a large newsroom some 15 s (benchmarks/DESK.md).
_SMALLER = 4


@dataclass(frozen=True, slots=True)
class _Ruled:
    raw: RawArticle
    match: Match
    ruling: Ruling


class Desk:
    """Brings the matches of one partition to their outcomes.

    Args:
        settings: names of topics, window, memory, budgets.
        titles: names of the watched labels to their titles.
        metrics: where outcomes are counted.
        outbox: takes what is no match, or could not be handled.
        activity: is told what was handled.
        partition: of the matches topic.
    """

    def __init__(
        self,
        settings: Settings,
        titles: Mapping[str, str],
        metrics: Metrics,
        outbox: Outbox,
        activity: Activity,
        *,
        partition: int,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._outbox = outbox
        self._activity = activity
        self._most = settings.batch_articles
        self._guard = Guard(settings, metrics)
        self._rules = DeskRules(settings.find_quiet_repeats(titles), settings.alerts_per_hour)
        self._store = DeskStore(
            client_options(settings),
            stories=TopicPartition(settings.stories_topic, partition),
            transactional_id=f"{settings.group}.desk.{partition}",
            retry_seconds=settings.publish_retry_seconds,
        )
        self._memory = DeskMemory(settings, titles)
        self._is_ours = False
        self._turn = asyncio.Lock()

    @property
    def is_ours(self) -> bool:
        """Whether it was taken over, and nobody else is known to have it."""
        return self._is_ours

    def doubt(self) -> None:
        """Note that another worker may have had the desk: what it wrote is read before we go on.

        Only to be ready sooner: without it the broker would refuse what we write.
        """
        self._is_ours = False

    async def let_go(self) -> None:
        """Let go of the broker after the batch that is in hand."""
        async with self._turn:
            self._is_ours = False
            self._metrics.remembered_alerts.set(0)
            await self._store.let_go()

    async def handle_batch(self, batch: Sequence[RawArticle]) -> None:
        """Bring matches to their outcomes; what returns is done and may be acknowledged.

        Raises:
            FencedError: another worker has taken the desk over, and has what was not done here;
                what was done, if all is handed in again, is ruled stale.
            PublishError: the broker did not take what is owed.
            TooManyFailuresError: our release is bad.
        """
        async with self._turn:
            self._metrics.ledger.note_read(Agent.DESK, len(batch))
            while batch:
                try:
                    done = await self._bring_some_to_outcomes(batch)
                except FencedError:
                    self._metrics.ledger.note_handed_back(len(batch))
                    raise
                batch = batch[done:]

    async def tend(self) -> None:
        """Have the desk ready before matches come; publish the digests that say something new.

        Raises:
            FencedError: another worker has taken the desk over.
            PublishError: the broker did not take the digests.
        """
        async with self._turn:
            await self._take_over()
            await self._write([], self._memory.digests.write_grown(self._memory.state, _tell_ms()))

    async def _take_over(self) -> None:
        if self._is_ours:
            return
        begun = time.monotonic()
        read = await self._store.take_over(self._memory.remember)
        self._is_ours = True
        self._metrics.remembered_alerts.set(len(self._memory.state))
        log.info(
            "desk taken over",
            entries_read=read,
            remembered=len(self._memory.state),
            seconds=round(time.monotonic() - begun, 3),
        )

    async def _bring_some_to_outcomes(self, batch: Sequence[RawArticle]) -> int:
        """Bring the first of a batch to their outcomes; tell how many."""
        async for attempt in stamina.retry_context(
            on=InDoubtError,
            attempts=None,
            timeout=self._settings.publish_retry_seconds,
            wait_max=_RETRY_LONGEST_SECONDS,
        ):
            if attempt.num > 1:
                # One message that the broker does not take costs the whole transaction: where
                # sends fail often, only a small one gets through.
                self._most = max(1, min(self._most, len(batch)) // _SMALLER)
            some = batch[: self._most]
            with attempt:
                ruled, rejected = await self._rule_and_write(some)
        self._most = min(2 * self._most, self._settings.batch_articles)
        published = await self._outbox.publish(rejected, datetime.now(UTC))
        now = datetime.now(UTC)
        for decision in published:
            self._metrics.count_decision(decision.decided, now, Agent.DESK)
            log_decision(decision, model="")
        for each in ruled:
            self._count(each, now)
        self._metrics.ledger.note_done(Agent.DESK, len(some))
        self._activity.note_handled(some)
        return len(some)

    async def _rule_and_write(
        self, batch: Sequence[RawArticle]
    ) -> tuple[list[_Ruled], list[Decision]]:
        # What was in doubt and is written is known then, and ruled stale.
        await self._take_over()
        ruled, rejected = self._rule(batch)
        # The first digest of an hour at once; then once in a while, see `Desks.tend`.
        first = self._memory.digests.write_first(self._memory.state, _tell_ms())
        await self._write(ruled, first)
        return ruled, rejected

    def _rule(self, batch: Sequence[RawArticle]) -> tuple[list[_Ruled], list[Decision]]:
        ruled, rejected = [], []
        for raw in batch:
            found = self._guard.decide(raw, self._rule_on)
            if isinstance(found, Rejected):
                rejected.append(Decision(raw, found))
                continue
            ruled.append(found)
            for entry in found.ruling.entries:
                self._memory.remember(entry)
        return ruled, rejected

    def _rule_on(self, raw: RawArticle) -> _Ruled | Rejected:
        try:
            match = Match.model_validate_json(raw.value or b"")
        except ValidationError as error:
            return Rejected(
                RejectionReason.INVALID_MATCH, f"{error.error_count()} fields are not a match's"
            )
        return _Ruled(raw, match, rule_on_match(match, self._memory.state, self._rules))

    async def _write(self, ruled: Sequence[_Ruled], digests: Sequence[Digest]) -> None:
        entries = {entry.article_id: entry for each in ruled for entry in each.ruling.entries}
        topic = self._settings.alerts_topic
        messages = [format_alert(alert, topic) for each in ruled for alert in each.ruling.alerts]
        messages += [format_digest(digest, topic) for digest in digests]
        if messages or entries:
            await self._transact(messages, list(entries.values()))
        self._memory.digests.note_published(digests)
        for digest in digests:
            self._metrics.digests.labels(digest.label).inc()

    async def _transact(
        self, messages: Sequence[OutgoingMessage], entries: Sequence[Entry]
    ) -> None:
        # Until the broker has it, what is in memory may not be written: read again what is.
        is_written = False
        begun = time.perf_counter()
        try:
            await self._store.write(messages, entries)
            is_written = True
            seconds = time.perf_counter() - begun
            self._metrics.publish_seconds.labels(Agent.DESK).observe(seconds)
        finally:
            if not is_written:
                self._forget()

    def _forget(self) -> None:
        self._is_ours = False
        self._memory.forget()
        self._store.forget()

    def _count(self, each: _Ruled, now: datetime) -> None:
        self._metrics.count_ruling(each.match, each.ruling, now)
        self._metrics.remembered_alerts.set(len(self._memory.state))
        log_ruling(each.match, each.ruling)


def _tell_ms() -> int:
    return int(time.time() * 1000)
