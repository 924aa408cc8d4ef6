"""Every number shown to Prometheus, declared once, here and in the three modules named below.

Values of metric labels come from closed sets; every series exists from the start, at zero, but for
those of a partition, which exist while it is ours.
README's metrics table is held equal to this module by a test.
"""

from datetime import datetime
from typing import assert_never

import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)

from service import __version__
from service.alerts import Alert, AlertType, tell_type
from service.classifier import Labelling
from service.drift_metrics import DriftMetrics
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.ledger import Agent, Ledger
from service.matches import Match
from service.messages import RejectionReason
from service.model_file import Manifest
from service.outcomes import Outcome
from service.stories import Ruling
from service.worker_metrics import WorkerMetrics

# An article of one paragraph takes well under a millisecond, one at the size limit seconds.
_LABELLING_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
# A round trip to a broker near by takes a few milliseconds, a transaction of the desk's some more;
# from tens of seconds on it is an outage, which ends with BEATWATCH_PUBLISH_RETRY_SECONDS.
_PUBLISH_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120)
# Seconds from a CMS of one's own, minutes through wires and feeds, days where an archive is read.
_AGE_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
# A few milliseconds when all is well; the upper end is an outage survived.
_DELAY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The series of one worker, in a registry of its own.

    Attributes:
        ledger: what was read, and what became of it (`ledger`).
        drift: what articles look like to the model (`drift_metrics`).
        worker: the worker itself (`worker_metrics`).
    """

    def __init__(self, registry: CollectorRegistry, manifest: Manifest) -> None:
        self.registry = registry
        self.ledger = Ledger(registry)
        self.rejections = Counter(
            "beatwatch_rejections",
            "Rejections by reason; the originals are in the dead-letter topic.",
            ["reason"],
            registry=registry,
        )
        self.alerts = Counter(
            "beatwatch_alerts",
            "Alerts published by label and type; one with two labels counts under both, a "
            "withdrawn one under those it had.",
            ["label", "type"],
            registry=registry,
        )
        self.digests = Counter(
            "beatwatch_digests",
            "Digests published by label: its alerts were over budget.",
            ["label"],
            registry=registry,
        )
        self.remembered_alerts = Gauge(
            "beatwatch_remembered_alerts",
            "Articles whose alerts the desk remembers; 0 on workers without the desk.",
            registry=registry,
        )
        self.reviews = Counter(
            "beatwatch_reviews",
            "Articles in the review band of a label, whatever else became of them.",
            ["label"],
            registry=registry,
        )
        self.handler_retries = Counter(
            "beatwatch_handler_retries",
            "Articles on which our code raised an exception, and not when tried again.",
            registry=registry,
        )
        self.labelling_seconds = Histogram(
            "beatwatch_labelling_seconds",
            "Time to decide one article, in seconds.",
            buckets=_LABELLING_BUCKETS,
            registry=registry,
        )
        self.alert_delay_seconds = Histogram(
            "beatwatch_alert_delay_seconds",
            "From when the broker got the article to when it has the alert, in seconds.",
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self.publish_seconds = Histogram(
            "beatwatch_publish_seconds",
            "From handing what a batch owes to the broker client until the broker has all of it.",
            ["agent"],
            buckets=_PUBLISH_BUCKETS,
            registry=registry,
        )
        self._article_age_seconds = Histogram(
            "beatwatch_article_age_seconds",
            "From when an article was published, where it says so, to its outcome.",
            buckets=_AGE_BUCKETS,
            registry=registry,
        )
        self.assigned_partitions = Gauge(
            "beatwatch_assigned_partitions",
            "Partitions of the articles topic that this worker reads.",
            registry=registry,
        )
        self.consumer_lag = Gauge(
            "beatwatch_consumer_lag_articles",
            "Articles (or matches) of a partition of this worker that are not committed yet.",
            ["topic", "partition"],
            registry=registry,
        )
        self.drift = DriftMetrics(registry, manifest)
        self.worker = WorkerMetrics(registry)
        ProcessCollector(registry=registry)
        model = Info("beatwatch_model", "The model that decides.", registry=registry)
        build = Info("beatwatch_build", "The release that runs.", registry=registry)

        for agent in Agent:
            self.publish_seconds.labels(agent)
        for reason in RejectionReason:
            self.rejections.labels(reason)
        for label in manifest.labels:
            for kind in AlertType:
                self.alerts.labels(label.name, kind)
            self.digests.labels(label.name)
            self.reviews.labels(label.name)
        model.info(
            {
                "version": manifest.version,
                "sha256": manifest.sha256,
                "sklearn": manifest.sklearn,
            }
        )
        build.info({"version": __version__})

    def count_decision(self, decided: Decided, now: datetime, agent: Agent) -> None:
        """Count one article, once, after the broker has what it owes; a match ends at the desk.

        Args:
            decided: what it came to.
            now: when.
            agent: who decided it.
        """
        match decided:
            case Rejected():
                self.ledger.note_outcome(agent, Outcome.REJECTED)
                self.rejections.labels(decided.reason).inc()
            case Unmatched():
                self.ledger.note_outcome(agent, Outcome.UNMATCHED)
                self._observe_age(decided.published_at, now)
                self._note_labelling(decided.labelling)
                for name in decided.review:
                    self.reviews.labels(name).inc()
            case Withheld():
                self.ledger.note_outcome(agent, Outcome.WITHHELD)
                self._observe_age(decided.published_at, now)
            case Matched():
                self.ledger.note_handed_over(agent)
                self._note_labelling(decided.labelling)
            case _:
                assert_never(decided)

    def count_ruling(self, match: Match, ruling: Ruling, now: datetime) -> None:
        """Count one match, once, after the broker has its alerts.

        Args:
            match: what the desk read.
            ruling: what it came to.
            now: when.
        """
        self.ledger.note_outcome(Agent.DESK, ruling.outcome)
        self._observe_age(match.article.published_at, now)
        for name in match.review:
            self.reviews.labels(name).inc()
        for label in match.labels:
            if label.band == "review":
                self.reviews.labels(label.label).inc()
        for alert in ruling.alerts:
            self._count_alert(alert)
        if ruling.alerts:
            delay_seconds = now.timestamp() - match.origin.timestamp_ms / 1000
            self.alert_delay_seconds.observe(max(0.0, delay_seconds))

    def _observe_age(self, published_at: datetime | None, now: datetime) -> None:
        if published_at is not None:
            # Clocks differ, and some newsrooms give the hour at which it is to appear.
            self._article_age_seconds.observe(max(0.0, (now - published_at).total_seconds()))

    def _note_labelling(self, labelling: Labelling | None) -> None:
        if labelling is not None:
            self.drift.note(labelling)

    def _count_alert(self, alert: Alert) -> None:
        lost = alert.change.labels_lost if alert.status == "withdrawn" and alert.change else []
        held = [label.label for label in alert.labels if label.band == "alert"]
        for name in (*held, *lost):
            self.alerts.labels(name, tell_type(alert)).inc()
