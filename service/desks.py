"""The desks of this worker, one for each partition of the matches topic that it is given."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import structlog

from service.desk import Desk
from service.desk_store import FencedError
from service.health import DeskCounts
from service.messages import RawArticle
from service.metrics import Metrics
from service.outbox import Outbox, PublishError
from service.settings import Settings
from service.stalls import Activity

log = structlog.get_logger(__name__)

# A digest is for when alerts come faster than people read them.
TEND_SECONDS = 60.0


class Desks:
    """Hands matches to the desk of their partition."""

    def __init__(
        self,
        settings: Settings,
        titles: Mapping[str, str],
        metrics: Metrics,
        outbox: Outbox,
        activity: Activity,
    ) -> None:
        self._settings = settings
        self._titles = titles
        self._metrics = metrics
        self._outbox = outbox
        self._activity = activity
        self._desks: dict[int, Desk] = {}
        self._assigned: frozenset[int] = frozenset()
        self._assignment = asyncio.Event()
        self._done = asyncio.Event()
        self._done.set()

    async def handle_batch(self, batch: Sequence[RawArticle]) -> None:
        """Bring matches to their outcomes; what returns is done and may be acknowledged.

        Raises:
            FencedError: another worker has taken a desk over; hand what is still ours in again.
            PublishError: the broker did not take what is owed.
            TooManyFailuresError: our release is bad.
        """
        by_partition: dict[int, list[RawArticle]] = defaultdict(list)
        for raw in batch:
            by_partition[raw.partition].append(raw)
        self._done.clear()
        try:
            for partition, matches in by_partition.items():
                await self._find_desk(partition).handle_batch(matches)
        finally:
            self._done.set()

    async def wait_until_done(self, most_seconds: float) -> None:
        """Wait for the matches in hand to have their outcomes, but no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_seconds):
                await self._done.wait()

    async def tend(self) -> None:
        """Have the desks that are ours ready as soon as they are, and publish digests; for ever.

        Raises:
            StoriesTopicError: what a desk remembers cannot be read.
        """
        while True:
            self._assignment.clear()
            for partition in sorted(self._desks.keys() - self._assigned):
                # What it remembers is another worker's now.
                await self._desks.pop(partition).let_go()
            for partition in sorted(self._assigned):
                try:
                    await self._find_desk(partition).tend()
                except (FencedError, PublishError) as error:
                    log.warning("desk waits for its matches, or a minute", why=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(TEND_SECONDS):
                    await self._assignment.wait()

    def assign(self, partitions: Iterable[int]) -> None:
        """Note which partitions of the matches topic are ours from now on."""
        self._assigned = frozenset(partitions)
        self._assignment.set()

    def count(self) -> DeskCounts:
        """Count the desks that are assigned to us, and those of them that we have."""
        # A scrape may come while one is made or given up.
        ours = [number for number, desk in list(self._desks.items()) if desk.is_ours]
        return DeskCounts(len(self._assigned), len(self._assigned.intersection(ours)))

    def doubt(self) -> None:
        """Note that other workers may have had the desks when they are ours again."""
        for desk in self._desks.values():
            desk.doubt()

    async def let_go(self) -> None:
        """Let go of the broker."""
        for desk in self._desks.values():
            await desk.let_go()

    def _find_desk(self, partition: int) -> Desk:
        if partition not in self._desks:
            self._desks[partition] = Desk(
                self._settings,
                self._titles,
                self._metrics,
                self._outbox,
                self._activity,
                partition=partition,
            )
        return self._desks[partition]
