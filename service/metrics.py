"""Every number shown to Prometheus, declared once.

Values of metric labels come from closed sets; every series exists from the start, at zero.
README's metrics table is held equal to this module by a test.
"""

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from service import __version__
from service.handling import OUTCOMES, Alerted, Outcome, Rejected, Unmatched
from service.messages import RejectionReason
from service.model_file import Manifest

# An article of one paragraph takes well under a millisecond, one at the size limit seconds.
_LABELLING_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
# A few milliseconds when all is well; the upper end is an outage survived.
_DELAY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The series of one worker, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry, manifest: Manifest) -> None:
        self.registry = registry
        self.articles_read = Counter(
            "beatwatch_articles_read",
            "Articles read; each is counted again under its outcome when it has come to it.",
            registry=registry,
        )
        self.articles = Counter(
            "beatwatch_articles",
            "Articles by the one outcome each came to, counted after the broker has what it owes.",
            ["outcome"],
            registry=registry,
        )
        self.rejections = Counter(
            "beatwatch_rejections",
            "Rejections by reason; the originals are in the dead-letter topic.",
            ["reason"],
            registry=registry,
        )
        self.alerts = Counter(
            "beatwatch_alerts",
            "Alerts raised by label; an alert with two labels counts under both.",
            ["label"],
            registry=registry,
        )
        self.reviews = Counter(
            "beatwatch_reviews",
            "Articles in the review band of a label, whatever else became of them.",
            ["label"],
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
        self.assigned_partitions = Gauge(
            "beatwatch_assigned_partitions",
            "Partitions of the articles topic that this worker reads.",
            registry=registry,
        )
        model = Info("beatwatch_model", "The model that decides.", registry=registry)
        build = Info("beatwatch_build", "The release that runs.", registry=registry)

        for outcome in OUTCOMES:
            self.articles.labels(outcome.name)
        for reason in RejectionReason:
            self.rejections.labels(reason)
        for label in manifest.labels:
            self.alerts.labels(label.name)
            self.reviews.labels(label.name)
        model.info(
            {
                "version": manifest.version,
                "sha256": manifest.sha256,
                "sklearn": manifest.sklearn,
            }
        )
        build.info({"version": __version__})

    def count_outcome(self, outcome: Outcome, delay_seconds: float) -> None:
        """Count one article, once, after the broker has what its outcome owes.

        Args:
            outcome: what the article came to.
            delay_seconds: since the broker got the article.
        """
        self.articles.labels(outcome.name).inc()
        if isinstance(outcome, Rejected):
            self.rejections.labels(outcome.reason).inc()
        elif isinstance(outcome, Unmatched):
            for name in outcome.review:
                self.reviews.labels(name).inc()
        elif isinstance(outcome, Alerted):
            self.alert_delay_seconds.observe(max(0.0, delay_seconds))
            for label in outcome.alert.labels:
                counter = self.alerts if label.band == "alert" else self.reviews
                counter.labels(label.label).inc()
