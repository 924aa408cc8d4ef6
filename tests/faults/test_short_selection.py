"""Two of the scenarios with few articles, for every `make test`; and what the judge relies on."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from service.handling import (
    HandlingRules,
    Matched,
    Rejected,
    Unmatched,
    Withheld,
    handle_article,
)
from tests.factories import load_classifier, raw
from tests.faults.commits import CommitSample, count_late_repeats
from tests.faults.judge import Judge
from tests.faults.plan import Plan
from tests.faults.scenario import Scenario
from tests.faults.test_article_faults import hurt
from tests.faults.traffic import BROKEN, EVERYDAY, Kind, write_traffic

RULES = HandlingRules(article_max_bytes=1_000_000, review="drop")
FEW = 1500


def test_traffic_is_the_same_for_the_same_seed() -> None:
    first, second = (list(islice(write_traffic(3), 500)) for _ in range(2))
    assert first == second
    assert {sent.kind for sent in first} >= EVERYDAY.keys() - {Kind.FADE}


def test_articles_are_to_the_service_what_the_judge_takes_them_for() -> None:
    classifier = load_classifier()
    ends = {
        Kind.PLAIN: Unmatched,
        Kind.WITHHELD: Withheld,
        Kind.BROKEN: Rejected,
    }
    for sent in islice(write_traffic(5, {**EVERYDAY, Kind.WITHHELD: 5}), 600):
        decided = handle_article(raw(value=sent.value), classifier, RULES, datetime.now(UTC))
        assert isinstance(decided, ends.get(sent.kind, Matched)), sent
        if isinstance(decided, Matched):
            assert bool(decided.match.labels) == (sent.kind not in (Kind.FADE, Kind.KILL))


def test_every_kind_of_broken_bytes_is_rejected() -> None:
    classifier = load_classifier()
    for value in BROKEN:
        decided = handle_article(raw(value=value), classifier, RULES, datetime.now(UTC))
        assert isinstance(decided, Rejected), value


@pytest.mark.broker
def test_a_worker_killed_amid_work_loses_nothing(
    tmp_path: Path, judge_unkept: Callable[[Scenario], None]
) -> None:
    plan = Plan("short: kill -9", articles=FEW, rate=300, static=True)
    with Scenario(plan, tmp_path) as scenario:
        scenario.wait_for_outcomes()
        with scenario.fault("kill -9"):
            scenario.supervisor.kill(0)
        scenario.supervisor.start(0)
        judge_unkept(scenario)


@pytest.mark.broker
def test_sends_that_fail_lose_nothing(
    tmp_path: Path, judge_unkept: Callable[[Scenario], None]
) -> None:
    plan = hurt(
        "short: sends fail",
        tmp_path,
        {"share": 0.05, "too_large_share": 0.0, "desk_share": 0.05},
        articles=FEW,
        rate=300,
    )
    with Scenario(plan, tmp_path) as scenario:
        judge_unkept(scenario)
        assert scenario.faults


@pytest.mark.broker
def test_the_judge_sees_what_is_lost_and_what_was_acknowledged_undone(tmp_path: Path) -> None:
    with Scenario(Plan("short: judge", articles=300, rate=300), tmp_path) as scenario:
        assert scenario.finish().lost == []
        place = next(sent for sent in scenario.sent.values() if sent.kind is Kind.PLAIN)
        # The same topics, had one article been another that owes something.
        scenario.sent[place.number] = type(place)(
            place.number, Kind.MATCH, place.article_id, place.value
        )
        verdict = Judge(scenario.beat, scenario.sent).judge(scenario.commits.samples, [])
        assert verdict.lost
        assert verdict.wrong_commits


def test_a_repeat_is_late_only_after_its_article_was_committed() -> None:
    samples = [CommitSample(100, {0: 5}, {}), CommitSample(200, {0: 9}, {})]
    assert count_late_repeats(samples, [((0, 4), 50), ((0, 6), 150), ((1, 0), 300)]) == 0
    assert count_late_repeats(samples, [((0, 4), 150), ((0, 8), 201)]) == 2
