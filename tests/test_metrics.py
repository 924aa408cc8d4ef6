from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service import __version__
from service.handling import (
    OUTCOMES,
    Alerted,
    Outcome,
    Rejected,
    Unmatched,
    Withdrawn,
    Withheld,
)
from service.messages import RejectionReason
from service.metrics import Metrics
from tests.factories import alert, label, load_classifier

LABELS = [each.name for each in load_classifier().manifest.labels]
CLOSED_SETS = {
    "beatwatch_articles_total": ("outcome", {outcome.name for outcome in OUTCOMES}),
    "beatwatch_rejections_total": ("reason", set(RejectionReason)),
    "beatwatch_alerts_total": ("label", set(LABELS)),
    "beatwatch_reviews_total": ("label", set(LABELS)),
}
REJECTED = Rejected(RejectionReason.INVALID_JSON, "cut off")
EXAMPLES: list[Outcome] = [
    Alerted(alert()),
    Unmatched("a1"),
    Withheld("a1"),
    Withdrawn(alert(status="withdrawn", why="killed", labels=[])),
    REJECTED,
]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), load_classifier().manifest)


def read_counts(metrics: Metrics, series: str) -> Mapping[str, float]:
    metric_label, values = CLOSED_SETS[series]
    counts = {
        sample.labels[metric_label]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == series
    }
    assert counts.keys() == values
    return counts


def read(metrics: Metrics, series: str) -> float | None:
    return metrics.registry.get_sample_value(series)


@pytest.mark.parametrize("series", CLOSED_SETS)
def test_every_series_of_a_closed_set_is_there_from_the_start_at_zero(
    metrics: Metrics, series: str
) -> None:
    assert set(read_counts(metrics, series).values()) == {0}


@pytest.mark.parametrize("name", ["labelling_seconds", "alert_delay_seconds"])
def test_every_duration_is_there_from_the_start_at_zero(metrics: Metrics, name: str) -> None:
    assert read(metrics, f"beatwatch_{name}_count") == 0
    assert read(metrics, f"beatwatch_{name}_sum") == 0


def test_only_the_series_that_are_declared_are_shown(metrics: Metrics) -> None:
    names = {family.name for family in metrics.registry.collect()}
    assert names == {
        "beatwatch_articles",
        "beatwatch_articles_read",
        "beatwatch_rejections",
        "beatwatch_alerts",
        "beatwatch_reviews",
        "beatwatch_labelling_seconds",
        "beatwatch_alert_delay_seconds",
        "beatwatch_assigned_partitions",
        "beatwatch_model",
        "beatwatch_build",
    }


def test_no_series_tells_when_it_was_created(metrics: Metrics) -> None:
    for outcome in EXAMPLES:
        metrics.count_outcome(outcome, 1.0)
    assert b"_created" not in generate_latest(metrics.registry)


def test_examples_here_are_of_every_outcome() -> None:
    assert [type(outcome) for outcome in EXAMPLES] == list(OUTCOMES)


@pytest.mark.parametrize("outcome", EXAMPLES, ids=lambda outcome: outcome.name)
def test_article_is_counted_once_under_its_outcome(metrics: Metrics, outcome: Outcome) -> None:
    metrics.count_outcome(outcome, 1.0)
    counts = read_counts(metrics, "beatwatch_articles_total")
    assert {name for name, count in counts.items() if count} == {outcome.name}
    assert sum(counts.values()) == 1


@pytest.mark.parametrize("reason", RejectionReason)
def test_rejection_is_counted_under_its_reason(metrics: Metrics, reason: RejectionReason) -> None:
    metrics.count_outcome(Rejected(reason, "detail"), 1.0)
    counts = read_counts(metrics, "beatwatch_rejections_total")
    assert [name for name, count in counts.items() if count == 1] == [reason]
    assert sum(counts.values()) == 1


def test_alert_is_counted_under_each_of_its_labels(metrics: Metrics) -> None:
    metrics.count_outcome(Alerted(alert(labels=[label(label=name) for name in LABELS[:2]])), 1.0)
    counts = read_counts(metrics, "beatwatch_alerts_total")
    assert [counts[name] for name in LABELS] == [1, 1, 0, 0]


@pytest.mark.parametrize("outcome", EXAMPLES[1:], ids=lambda outcome: outcome.name)
def test_only_a_raised_alert_counts_as_alert_and_has_a_delay(
    metrics: Metrics, outcome: Outcome
) -> None:
    metrics.count_outcome(outcome, 1.0)
    assert sum(read_counts(metrics, "beatwatch_alerts_total").values()) == 0
    assert read(metrics, "beatwatch_alert_delay_seconds_count") == 0


@pytest.mark.parametrize(("delay_seconds", "observed"), [(2.5, 2.5), (-0.2, 0.0)])
def test_delay_is_observed_and_never_negative_when_clocks_differ(
    metrics: Metrics, delay_seconds: float, observed: float
) -> None:
    metrics.count_outcome(Alerted(alert()), delay_seconds)
    assert read(metrics, "beatwatch_alert_delay_seconds_sum") == observed


def test_model_and_release_are_told(metrics: Metrics) -> None:
    manifest = load_classifier().manifest
    page = generate_latest(metrics.registry).decode()
    assert f'beatwatch_build_info{{version="{__version__}"}} 1.0' in page
    for name, value in {"version": manifest.version, "sha256": manifest.sha256}.items():
        assert f'{name}="{value}"' in page


def test_two_workers_in_one_process_do_not_share_their_counts(metrics: Metrics) -> None:
    other = Metrics(CollectorRegistry(), load_classifier().manifest)
    metrics.count_outcome(REJECTED, 1.0)
    assert sum(read_counts(other, "beatwatch_articles_total").values()) == 0


def test_labels_in_the_review_band_are_counted_apart_whatever_became_of_the_article(
    metrics: Metrics,
) -> None:
    both = [label(), label(label="border", band="review")]
    metrics.count_outcome(Alerted(alert(labels=both)), 1.0)
    metrics.count_outcome(Unmatched("a1", ("border",)), 1.0)
    assert read_counts(metrics, "beatwatch_alerts_total")["border"] == 0
    assert read_counts(metrics, "beatwatch_alerts_total")["ttp"] == 1
    assert read_counts(metrics, "beatwatch_reviews_total")["border"] == 2
