"""What the worker itself is at the moment, as shown to Prometheus."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.health import Check, Health
from service.messages import RejectionReason
from service.quiet_hours import QuietHours, is_quiet

# A dead letter of a later release, or one that somebody else wrote, may have any reason.
OTHER_REASON = "other"


class WorkerMetrics:
    """The worker, its broker, and what waits for people."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rebalances = Counter(
            "beatwatch_rebalances",
            "Times that this worker was told which partitions are its own; once at each start.",
            registry=registry,
        )
        self._last_commit = Gauge(
            "beatwatch_last_commit_timestamp_seconds",
            "When a committed offset of a partition of this worker was last seen to advance, as "
            "the broker tells, by topic: articles or matches; 0 for never.",
            ["topic"],
            registry=registry,
        )
        self._commit_late = Gauge(
            "beatwatch_commit_late_seconds",
            "How long articles (or matches) of this worker have waited without a commit of their "
            "topic; 0 if none wait. Time in which the broker does not answer is left out.",
            ["topic"],
            registry=registry,
        )
        self.last_article = Gauge(
            "beatwatch_last_article_timestamp_seconds",
            "When this worker last read an article; 0 for never.",
            registry=registry,
        )
        self._broker_connected = Gauge(
            "beatwatch_broker_connected",
            "1 if the broker answered lately.",
            registry=registry,
        )
        self._ready = Gauge("beatwatch_ready", "1 if /readyz is 200.", registry=registry)
        self._checks = Gauge(
            "beatwatch_check_ok", "1 if a check of /readyz passes.", ["check"], registry=registry
        )
        self._articles_expected = Gauge(
            "beatwatch_articles_expected",
            "0 in the desk's quiet hours (`BEATWATCH_QUIET_HOURS`), else 1.",
            registry=registry,
        )
        self._desk_held = Gauge(
            "beatwatch_desk_held", "1 on the worker that has the desk.", registry=registry
        )
        self._letters = Gauge(
            "beatwatch_dead_letters_open",
            "Dead letters of the last 7 days that nobody has replayed; shown by the worker with "
            "the desk, `other` for reasons that this release does not know.",
            ["reason"],
            registry=registry,
        )
        self._oldest_letter = Gauge(
            "beatwatch_dead_letters_oldest_timestamp_seconds",
            "When the oldest of those was written; 0 if there are none.",
            registry=registry,
        )
        for check in Check:
            self._checks.labels(check)
        for reason in (*RejectionReason, OTHER_REASON):
            self._letters.labels(reason)
        self._articles_expected.set(1)

    def show_health(self, health: Health, topics: Iterable[str]) -> None:
        """Show what /readyz says, as it is whenever Prometheus asks.

        Args:
            health: of the worker.
            topics: those that workers read.
        """
        self._ready.set_function(lambda: health.is_ready)
        self._broker_connected.set_function(lambda: health.is_broker_near)
        self._desk_held.set_function(lambda: health.count_desks().taken_over > 0)
        for check in Check:
            self._checks.labels(check).set_function(
                lambda check=check: health.check_readiness()[check]["ok"]  # type: ignore[misc]
            )
        for topic in topics:
            self._last_commit.labels(topic)
            self._commit_late.labels(topic).set_function(
                lambda topic=topic: health.commits.late_seconds.get(topic, 0.0)  # type: ignore[misc]
            )

    def note_commits(self, topics: Iterable[str]) -> None:
        """Note of which topics a committed offset has advanced by now."""
        for topic in topics:
            self._last_commit.labels(topic).set_to_current_time()

    def show_quiet_hours(self, hours: Iterable[QuietHours]) -> None:
        """Show whether articles are to be expected, whenever Prometheus asks."""
        kept = tuple(hours)
        self._articles_expected.set_function(lambda: not is_quiet(kept, datetime.now(UTC)))

    def show_letters(self, counts: Mapping[str, int], oldest_ms: int) -> None:
        """Show the open dead letters.

        Args:
            counts: by reason.
            oldest_ms: when the dead-letter topic got the oldest; 0 if there are none.
        """
        shown = dict.fromkeys((*RejectionReason, OTHER_REASON), 0)
        for reason, count in counts.items():
            shown[reason if reason in shown else OTHER_REASON] += count
        for reason, count in shown.items():
            self._letters.labels(reason).set(count)
        self._oldest_letter.set(oldest_ms / 1000)
