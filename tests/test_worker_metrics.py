from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from service import worker_metrics
from service.health import Check, CommitsSeen, DeskCounts, Health
from service.quiet_hours import QuietHours
from service.worker_metrics import WorkerMetrics

TOPICS = ("articles", "matches")


class Shown:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = WorkerMetrics(self.registry)

    def __getitem__(self, series: str) -> float | None:
        return self.registry.get_sample_value(f"beatwatch_{series}")

    def read_by(self, series: str, metric_label: str, value: str) -> float | None:
        return self.registry.get_sample_value(f"beatwatch_{series}", {metric_label: value})


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_health_is_shown_as_it_is_when_it_is_asked_for(shown: Shown) -> None:
    health = Health(model_version="1")
    shown.metrics.show_health(health, TOPICS)
    assert shown["ready"] == 0
    assert shown["broker_connected"] == 0
    assert shown.read_by("check_ok", "check", Check.MODEL) == 1
    assert shown.read_by("check_ok", "check", Check.CONSUMER_GROUP) == 0
    health.joined_group = True
    health.note_broker_answer()
    assert shown["ready"] == 1
    assert shown["broker_connected"] == 1
    assert shown.read_by("check_ok", "check", Check.CONSUMER_GROUP) == 1
    health.stopping = True
    assert shown["ready"] == 0


def test_desk_is_held_when_it_was_taken_over_and_not_when_it_was_assigned(shown: Shown) -> None:
    health = Health()
    shown.metrics.show_health(health, TOPICS)
    held = []
    for counts in (DeskCounts(0, 0), DeskCounts(1, 0), DeskCounts(1, 1)):
        health.count_desks = lambda counts=counts: counts  # type: ignore[misc]
        held.append(shown["desk_held"])
    assert held == [0, 0, 1]


def test_commits_are_shown_by_topic_so_that_articles_that_go_on_hide_no_desk_that_stands_still(
    shown: Shown,
) -> None:
    health = Health()
    shown.metrics.show_health(health, TOPICS)
    series = ("last_commit_timestamp_seconds", "commit_late_seconds")
    for topic in TOPICS:
        assert [shown.read_by(name, "topic", topic) for name in series] == [0, 0], "at the start"
    shown.metrics.note_commits({"articles"})
    assert shown.read_by("last_commit_timestamp_seconds", "topic", "articles") != 0
    assert shown.read_by("last_commit_timestamp_seconds", "topic", "matches") == 0
    health.commits = CommitsSeen(late_seconds={"articles": 0.0, "matches": 7.5})
    assert shown.read_by("commit_late_seconds", "topic", "articles") == 0
    assert shown.read_by("commit_late_seconds", "topic", "matches") == 7.5
    health.commits = CommitsSeen(late_seconds={"articles": 1.0})
    assert shown.read_by("commit_late_seconds", "topic", "matches") == 0, "another worker has it"


def test_no_articles_are_expected_in_quiet_hours(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.metrics.show_quiet_hours([QuietHours.read("22:00-06:00 Europe/London")])
    expected = []
    for hour in (21, 23, 5, 6):
        now = datetime(2026, 1, 5, hour, 0, tzinfo=UTC)
        clock = SimpleNamespace(now=lambda _zone, now=now: now)
        monkeypatch.setattr(worker_metrics, "datetime", clock)
        expected.append(shown["articles_expected"])
    assert expected == [1, 0, 0, 1]


def test_open_letters_are_shown_by_reason_and_those_of_unknown_reasons_as_other(
    shown: Shown,
) -> None:
    shown.metrics.show_letters({"invalid_json": 2, "made_up": 3, "of_later": 1}, 1_500)
    assert shown.read_by("dead_letters_open", "reason", "invalid_json") == 2
    assert shown.read_by("dead_letters_open", "reason", "other") == 4
    assert shown.read_by("dead_letters_open", "reason", "made_up") is None
    assert shown["dead_letters_oldest_timestamp_seconds"] == 1.5
    shown.metrics.show_letters({}, 0)
    assert shown.read_by("dead_letters_open", "reason", "invalid_json") == 0
    assert shown.read_by("dead_letters_open", "reason", "other") == 0
    assert shown["dead_letters_oldest_timestamp_seconds"] == 0
