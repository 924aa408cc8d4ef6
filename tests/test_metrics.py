from collections import Counter
from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service import __version__
from service.alerts import Alert, AlertType, Change
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.messages import RejectionReason
from service.metrics import Metrics
from service.outcomes import Outcome
from service.stories import Ruling
from tests.factories import alert, label, load_classifier, match

LABELS = [each.name for each in load_classifier().manifest.labels]
CLOSED_SETS = {
    "beatwatch_articles_total": ("outcome", set(Outcome)),
    "beatwatch_rejections_total": ("reason", set(RejectionReason)),
    "beatwatch_alerts_total": ("label", set(LABELS)),
    "beatwatch_reviews_total": ("label", set(LABELS)),
    "beatwatch_digests_total": ("label", set(LABELS)),
}
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
    metrics.count_ruling(match(), Ruling(Outcome.ALERTED, alerts), delay_seconds)


def test_no_series_tells_when_it_was_created(metrics: Metrics) -> None:
    count_alerts(metrics, alert())
    assert b"_created" not in generate_latest(metrics.registry)


@pytest.mark.parametrize(("decided", "outcome"), DECIDED)
def test_article_is_counted_once_under_its_outcome(
    metrics: Metrics, decided: Decided, outcome: Outcome
) -> None:
    metrics.count_decision(decided)
    counts = read_counts(metrics, "beatwatch_articles_total")
    assert {name for name, count in counts.items() if count} == {outcome}
    assert sum(counts.values()) == 1


def test_match_comes_to_its_outcome_at_the_desk(metrics: Metrics) -> None:
    metrics.count_decision(Matched(match()))
    assert read(metrics, "beatwatch_matches_total") == 1
    assert sum(read_counts(metrics, "beatwatch_articles_total").values()) == 0
    metrics.count_ruling(match(), Ruling(Outcome.STALE), 1.0)
    assert read_counts(metrics, "beatwatch_articles_total")["stale"] == 1


@pytest.mark.parametrize("reason", RejectionReason)
def test_rejection_is_counted_under_its_reason(metrics: Metrics, reason: RejectionReason) -> None:
    metrics.count_decision(Rejected(reason, "detail"))
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
    metrics.count_ruling(match(), Ruling(Outcome.UNCHANGED), 1.0)
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
    metrics.count_decision(Withheld("a1"))
    assert sum(read_counts(other, "beatwatch_articles_total").values()) == 0


def test_labels_in_the_review_band_are_counted_apart_whatever_became_of_the_article(
    metrics: Metrics,
) -> None:
    both = [label(), label(label="border", band="review")]
    found = match(labels=both)
    metrics.count_ruling(found, Ruling(Outcome.ALERTED, (alert(labels=both),)), 1.0)
    metrics.count_ruling(match(labels=[], review=["border"]), Ruling(Outcome.UNMATCHED), 1.0)
    metrics.count_decision(Unmatched("a1", ("border",)))
    assert read_counts(metrics, "beatwatch_alerts_total")["border"] == 0
    assert read_counts(metrics, "beatwatch_alerts_total")["ttp"] == 1
    assert read_counts(metrics, "beatwatch_reviews_total")["border"] == 3
