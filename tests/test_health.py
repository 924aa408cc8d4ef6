import pytest

from service.health import (
    BROKER_LATE_SECONDS,
    COMMITS_LATE_SECONDS,
    Check,
    CommitsSeen,
    DeskCounts,
    Health,
)

OURS = frozenset({("articles", 0), ("matches", 0)})


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def health() -> Health:
    """A worker that is ready."""
    health = Health(clock=Clock(), model_version="0.1.0+abcdef12", joined_group=True)
    health.note_broker_answer()
    assert health.is_ready
    return health


def list_failing(health: Health) -> set[Check]:
    return {name for name, check in health.check_readiness().items() if not check["ok"]}


def test_every_check_is_made_whatever_the_state() -> None:
    assert health_of_nothing().check_readiness().keys() == set(Check)


def health_of_nothing() -> Health:
    return Health(clock=Clock())


def test_broker_that_never_answered_is_not_taken_to_be_there() -> None:
    health = health_of_nothing()
    assert Check.BROKER in list_failing(health)
    assert health.check_readiness()[Check.BROKER]["answered_seconds_ago"] is None
    health.note_broker_answer()
    assert Check.BROKER not in list_failing(health)


def test_broker_that_is_silent_for_too_long_is_away(health: Health) -> None:
    clock = Clock()
    health.clock = clock
    clock.seconds += BROKER_LATE_SECONDS
    assert list_failing(health) == {Check.BROKER}


def test_partitions_that_are_new_are_not_vouched_for_before_the_broker_told_of_them(
    health: Health,
) -> None:
    health.activity.assigned = OURS
    assert list_failing(health) == {Check.COMMITS}
    health.commits = CommitsSeen(OURS, lags={"articles": 7, "matches": 0})
    assert list_failing(health) == set()
    assert health.check_readiness()[Check.COMMITS]["lag_articles"] == {"articles": 7, "matches": 0}


def test_commits_that_do_not_advance_while_articles_wait_are_not_ready(health: Health) -> None:
    health.activity.assigned = OURS
    lags = {"articles": 7, "matches": 1}
    health.commits = CommitsSeen(
        OURS, lags, {"articles": 0.0, "matches": COMMITS_LATE_SECONDS - 0.001}
    )
    assert health.is_ready
    late_seconds = {"articles": 0.0, "matches": COMMITS_LATE_SECONDS}
    health.commits = CommitsSeen(OURS, lags, late_seconds)
    assert list_failing(health) == {Check.COMMITS}
    assert health.check_readiness()[Check.COMMITS]["late_seconds"] == late_seconds


@pytest.mark.parametrize(
    ("counts", "failing"),
    [
        (DeskCounts(0, 0), set()),
        (DeskCounts(1, 0), {Check.DESK}),
        (DeskCounts(1, 1), set()),
        (DeskCounts(2, 1), {Check.DESK}),
    ],
)
def test_desk_that_is_assigned_must_have_been_taken_over(
    health: Health, counts: DeskCounts, failing: set[Check]
) -> None:
    health.count_desks = lambda: counts
    assert list_failing(health) == failing
