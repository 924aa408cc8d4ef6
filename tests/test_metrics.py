from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service import __version__
from service.alerts import Alert, AlertType, ArticleReference, Change
from service.classifier import Labelling
from service.drift import LEAST_ARTICLES
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.health import Check
from service.ledger import Agent
from service.messages import RejectionReason
from service.metrics import Metrics
from service.outcomes import Outcome
from service.stories import Ruling
from service.worker_metrics import OTHER_REASON
from tests.factories import NOW, alert, label, load_classifier, match

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LABELS = [each.name for each in load_classifier().manifest.labels]
CLOSED_SETS = {
    "beatwatch_articles_total": ("outcome", set(Outcome)),
    "beatwatch_rejections_total": ("reason", set(RejectionReason)),
    "beatwatch_alerts_total": ("label", set(LABELS)),
    "beatwatch_reviews_total": ("label", set(LABELS)),
    "beatwatch_digests_total": ("label", set(LABELS)),
    "beatwatch_in_flight_articles": ("agent", set(Agent)),
    "beatwatch_publish_seconds_count": ("agent", set(Agent)),
    "beatwatch_label_probability_count": ("label", set(LABELS)),
    "beatwatch_probability_drift": ("label", set(LABELS)),
    "beatwatch_check_ok": ("check", set(Check)),
    "beatwatch_dead_letters_open": ("reason", {*RejectionReason, OTHER_REASON}),
}
LONE = (
    "articles_read_total",
    "matches_read_total",
    "matches_total",
    "labelling_seconds_count",
    "alert_delay_seconds_sum",
    "article_age_seconds_count",
    "unknown_words_ratio",
    "drift_articles",
    "rebalances_total",
    "last_article_timestamp_seconds",
    "broker_connected",
    "ready",
    "desk_held",
    "dead_letters_oldest_timestamp_seconds",
)
DECIDED: list[tuple[Decided, Outcome]] = [
    (Unmatched("a1"), Outcome.UNMATCHED),
    (Withheld("a1"), Outcome.WITHHELD),
    (Rejected(RejectionReason.INVALID_JSON, "cut off"), Outcome.REJECTED),
]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), load_classifier().manifest)


def read_counts(metrics: Metrics, series: str) -> Mapping[str, float]:
    metric_label, values = CLOSED_SETS[series]
    counts: Counter[str] = Counter()
    for family in metrics.registry.collect():
        for sample in family.samples:
            if sample.name == series:
                counts[sample.labels[metric_label]] += int(sample.value)
    assert counts.keys() == values
    return counts


def read(metrics: Metrics, series: str) -> float | None:
    return metrics.registry.get_sample_value(series)


@pytest.mark.parametrize("series", CLOSED_SETS)
def test_every_series_of_a_closed_set_is_there_from_the_start_at_zero(
    metrics: Metrics, series: str
) -> None:
    assert set(read_counts(metrics, series).values()) == {0}


@pytest.mark.parametrize("name", LONE)
def test_every_lone_series_is_there_from_the_start_at_zero(metrics: Metrics, name: str) -> None:
    assert read(metrics, f"beatwatch_{name}") == 0


def test_articles_are_expected_until_a_desk_says_when_they_are_not(metrics: Metrics) -> None:
    assert read(metrics, "beatwatch_articles_expected") == 1


def test_only_the_series_that_are_declared_are_shown(metrics: Metrics) -> None:
    families = {family.name for family in metrics.registry.collect()}
    names = {name for name in families if not name.startswith("process_")}
    assert names < families, "CPU and memory are shown too"
    assert names == {
        "beatwatch_articles",
        "beatwatch_articles_read",
        "beatwatch_matches_read",
        "beatwatch_in_flight_articles",
        "beatwatch_publish_seconds",
        "beatwatch_article_age_seconds",
        "beatwatch_label_probability",
        "beatwatch_label_threshold",
        "beatwatch_probability_drift",
        "beatwatch_unknown_words_ratio",
        "beatwatch_unknown_words_reference_ratio",
        "beatwatch_drift_articles",
        "beatwatch_rebalances",
        "beatwatch_last_commit_timestamp_seconds",
        "beatwatch_commit_late_seconds",
        "beatwatch_last_article_timestamp_seconds",
        "beatwatch_broker_connected",
        "beatwatch_ready",
        "beatwatch_check_ok",
        "beatwatch_articles_expected",
        "beatwatch_desk_held",
        "beatwatch_dead_letters_open",
        "beatwatch_dead_letters_oldest_timestamp_seconds",
        "beatwatch_rejections",
        "beatwatch_alerts",
        "beatwatch_reviews",
        "beatwatch_matches",
        "beatwatch_digests",
        "beatwatch_remembered_alerts",
        "beatwatch_handler_retries",
        "beatwatch_consumer_lag_articles",
        "beatwatch_labelling_seconds",
        "beatwatch_alert_delay_seconds",
        "beatwatch_assigned_partitions",
        "beatwatch_model",
        "beatwatch_build",
    }


def count_alerts(metrics: Metrics, *alerts: Alert, delay_seconds: float = 1.0) -> None:
    now = EPOCH + timedelta(milliseconds=match().origin.timestamp_ms, seconds=delay_seconds)
    metrics.count_ruling(match(), Ruling(Outcome.ALERTED, alerts), now)


def count(metrics: Metrics, decided: Decided) -> None:
    metrics.count_decision(decided, NOW, Agent.CLASSIFY)
    metrics.ledger.note_done(Agent.CLASSIFY, 1)


def test_no_series_tells_when_it_was_created(metrics: Metrics) -> None:
    count_alerts(metrics, alert())
    assert b"_created" not in generate_latest(metrics.registry)


@pytest.mark.parametrize(("decided", "outcome"), DECIDED)
def test_article_is_counted_once_under_its_outcome(
    metrics: Metrics, decided: Decided, outcome: Outcome
) -> None:
    count(metrics, decided)
    counts = read_counts(metrics, "beatwatch_articles_total")
    assert {name for name, count in counts.items() if count} == {outcome}
    assert sum(counts.values()) == 1


def test_match_comes_to_its_outcome_at_the_desk(metrics: Metrics) -> None:
    count(metrics, Matched(match()))
    assert read(metrics, "beatwatch_matches_total") == 1
    assert sum(read_counts(metrics, "beatwatch_articles_total").values()) == 0
    metrics.count_ruling(match(), Ruling(Outcome.STALE), NOW)
    metrics.ledger.note_done(Agent.DESK, 1)
    assert read_counts(metrics, "beatwatch_articles_total")["stale"] == 1


@pytest.mark.parametrize("reason", RejectionReason)
def test_rejection_is_counted_under_its_reason(metrics: Metrics, reason: RejectionReason) -> None:
    count(metrics, Rejected(reason, "detail"))
    counts = read_counts(metrics, "beatwatch_rejections_total")
    assert [name for name, count in counts.items() if count == 1] == [reason]
    assert sum(counts.values()) == 1


def test_alert_is_counted_under_each_of_its_labels(metrics: Metrics) -> None:
    count_alerts(metrics, alert(labels=[label(label=name) for name in LABELS[:2]]))
    counts = read_counts(metrics, "beatwatch_alerts_total")
    assert [counts[name] for name in LABELS] == [1, 1, 0, 0]


def test_withdrawn_alert_is_counted_under_the_labels_that_it_had(metrics: Metrics) -> None:
    change = Change(labels_lost=["ttp"])
    count_alerts(metrics, alert(status="withdrawn", why="killed", labels=[], change=change))
    sample = {"label": "ttp", "type": AlertType.WITHDRAWN}
    assert metrics.registry.get_sample_value("beatwatch_alerts_total", sample) == 1


def test_only_what_consumers_are_told_has_a_delay(metrics: Metrics) -> None:
    metrics.count_ruling(match(), Ruling(Outcome.UNCHANGED), NOW)
    assert sum(read_counts(metrics, "beatwatch_alerts_total").values()) == 0
    assert read(metrics, "beatwatch_alert_delay_seconds_count") == 0


@pytest.mark.parametrize(("delay_seconds", "observed"), [(2.5, 2.5), (-0.2, 0.0)])
def test_delay_is_observed_and_never_negative_when_clocks_differ(
    metrics: Metrics, delay_seconds: float, observed: float
) -> None:
    count_alerts(metrics, alert(), delay_seconds=delay_seconds)
    assert read(metrics, "beatwatch_alert_delay_seconds_sum") == observed


def test_model_and_release_are_told(metrics: Metrics) -> None:
    manifest = load_classifier().manifest
    page = generate_latest(metrics.registry).decode()
    assert f'beatwatch_build_info{{version="{__version__}"}} 1.0' in page
    for name, value in {"version": manifest.version, "sha256": manifest.sha256}.items():
        assert f'{name}="{value}"' in page


def test_two_workers_in_one_process_do_not_share_their_counts(metrics: Metrics) -> None:
    other = Metrics(CollectorRegistry(), load_classifier().manifest)
    count(metrics, Withheld("a1"))
    assert sum(read_counts(other, "beatwatch_articles_total").values()) == 0


def test_labels_in_the_review_band_are_counted_apart_whatever_became_of_the_article(
    metrics: Metrics,
) -> None:
    both = [label(), label(label="border", band="review")]
    found = match(labels=both)
    metrics.count_ruling(found, Ruling(Outcome.ALERTED, (alert(labels=both),)), NOW)
    metrics.count_ruling(match(labels=[], review=["border"]), Ruling(Outcome.UNMATCHED), NOW)
    count(metrics, Unmatched("a1", ("border",)))
    assert read_counts(metrics, "beatwatch_alerts_total")["border"] == 0
    assert read_counts(metrics, "beatwatch_alerts_total")["ttp"] == 1
    assert read_counts(metrics, "beatwatch_reviews_total")["border"] == 3


@pytest.mark.parametrize(("hours", "observed"), [(3, 3 * 3600), (-2, 0)])
def test_age_is_since_the_article_was_published_and_never_negative(
    metrics: Metrics, hours: int, observed: float
) -> None:
    published_at = NOW - timedelta(hours=hours)
    count(metrics, Unmatched("a1", published_at=published_at))
    assert read(metrics, "beatwatch_article_age_seconds_sum") == observed


def test_age_of_a_match_is_observed_once_at_the_desk(metrics: Metrics) -> None:
    count(metrics, Matched(match()))
    assert read(metrics, "beatwatch_article_age_seconds_count") == 0
    metrics.count_ruling(match(), Ruling(Outcome.STALE), NOW + timedelta(seconds=7))
    assert read(metrics, "beatwatch_article_age_seconds_sum") == 7


def test_article_that_does_not_say_when_it_was_published_has_no_age(metrics: Metrics) -> None:
    undated = ArticleReference(**{**alert().article.model_dump(), "published_at": None})
    metrics.count_ruling(match(article=undated), Ruling(Outcome.STALE), NOW)
    count(metrics, Unmatched("a1"))
    count(metrics, Withheld("a1"))
    assert read(metrics, "beatwatch_article_age_seconds_count") == 0


def test_every_labelled_article_has_its_probabilities_and_words_shown(metrics: Metrics) -> None:
    probabilities = {name: number / 10 for number, name in enumerate(LABELS)}
    labelling = Labelling(probabilities, [], words=8, unknown_words=2)
    for _ in range(LEAST_ARTICLES // 2):
        count(metrics, Unmatched("a1", labelling=labelling))
        count(metrics, Matched(match(), labelling))
    count(metrics, Withheld("a1"))
    for name, probability in probabilities.items():
        found = metrics.registry.get_sample_value(
            "beatwatch_label_probability_sum", {"label": name}
        )
        assert found == pytest.approx(LEAST_ARTICLES * probability)
    assert read(metrics, "beatwatch_drift_articles") == LEAST_ARTICLES
    assert read(metrics, "beatwatch_unknown_words_ratio") == 0.25


def test_thresholds_and_what_was_recorded_at_training_are_the_manifests(metrics: Metrics) -> None:
    manifest = load_classifier().manifest
    for each in manifest.labels:
        sample = {"label": each.name}
        found = metrics.registry.get_sample_value("beatwatch_label_threshold", sample)
        assert found == each.threshold
    recorded = read(metrics, "beatwatch_unknown_words_reference_ratio")
    assert recorded == manifest.drift.unknown_words_ratio > 0
