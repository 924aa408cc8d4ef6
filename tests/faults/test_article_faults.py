"""Articles that break things, and faults inside the worker itself."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.faults.plan import PARTITIONS, Plan
from tests.faults.scenario import Scenario
from tests.faults.traffic import EVERYDAY, Kind

pytestmark = [pytest.mark.faults, pytest.mark.broker]

FAULTY = ("-m", "tests.faults.faulty_worker")


def hurt(name: str, folder: Path, hurting: Mapping[str, Any], **plan: Any) -> Plan:
    """Plan a scenario whose workers hurt themselves, see faulty_worker.py."""
    log = folder / "faults"
    environ = {"FAULTS_PLAN": json.dumps({"seed": 7, **hurting}), "FAULTS_LOG": str(log)}
    return Plan(name, command=FAULTY, environ=environ, counted_in=log, **plan)


def test_failed_sends_lose_nothing_and_publish_nothing_twice(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = hurt(
        "sends fail in the client: time-outs, NotEnoughReplicas",
        tmp_path,
        {"share": 0.1, "too_large_share": 0.0, "desk_share": 0.1},
        mix={**EVERYDAY, Kind.BROKEN: 120},
    )
    with Scenario(plan, tmp_path) as scenario:
        judge(scenario)


def test_messages_too_large_become_rejections(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = hurt(
        "sends fail in the client: MessageSizeTooLarge",
        tmp_path,
        {"share": 0.0, "too_large_share": 0.05, "desk_share": 0.0},
        rejections_allowed=frozenset({"alert_too_large"}),
    )
    with Scenario(plan, tmp_path) as scenario:
        judge(scenario)


def test_poison_once_and_always_ends_in_the_dead_letters_at_worst(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = hurt(
        "our handler raises: always, and the first time",
        tmp_path,
        {},
        mix={**EVERYDAY, Kind.POISON: 10, Kind.FLAKY: 10},
        rejections_allowed=frozenset({"handler_failed"}),
    )
    with Scenario(plan, tmp_path) as scenario:
        judge(scenario)


def test_broken_bytes_of_every_kind_are_all_rejected(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan("broken bytes of 21 kinds, one in seven", mix={**EVERYDAY, Kind.BROKEN: 150})
    with Scenario(plan, tmp_path) as scenario:
        scenario.finish_publishing()
        broken = sum(sent.kind is Kind.BROKEN for sent in scenario.sent.values())
        scenario.faults += ["broken bytes"] * broken
        judge(scenario)


@pytest.mark.parametrize(
    ("how", "seconds"), [("pages are served", 25), ("no thread runs", 8), ("no thread runs", 25)]
)
def test_slow_articles_stall_but_lose_nothing(
    how: str, seconds: int, tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = hurt(
        f"2 articles take {seconds} s each, {how} meanwhile (session 10 s)",
        tmp_path,
        {"slow_seconds": seconds, "holds_gil": how == "no thread runs"},
        rate=250,
        mix={**EVERYDAY, Kind.SLOW: 0},
    )
    with Scenario(plan, tmp_path) as scenario:
        for count in (1, 2):
            scenario.wait_for_outcomes()
            scenario.send_soon(Kind.SLOW)
            scenario.wait_until(
                lambda count=count: scenario.count_own_faults() >= count,  # type: ignore[misc]
                "the slow article was not read",
            )
        judge(scenario)


def test_articles_delivered_again_tell_nobody_anything_twice(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    with Scenario(Plan("offsets set back to the start, 3 ×", rate=250), tmp_path) as scenario:
        settings = scenario.beat.settings
        admin = AdminClient({"bootstrap.servers": scenario.beat.bootstrap})
        places = [TopicPartition(settings.articles_topic, n, 0) for n in range(PARTITIONS)]
        places.append(TopicPartition(settings.matches_topic, 0, 0))
        for _ in range(3):
            scenario.wait_for_outcomes()
            with scenario.fault("offsets reset"):
                scenario.supervisor.terminate(0)
                wanted = ConsumerGroupTopicPartitions(settings.group, places)
                for done in admin.alter_consumer_group_offsets([wanted]).values():
                    done.result(10)
            scenario.supervisor.start(0)
        judge(scenario)


def test_clock_that_jumps_by_an_hour_changes_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = hurt(
        "the worker's clock jumps by an hour, on and back",
        tmp_path,
        {"clock": True},
    )
    with Scenario(plan, tmp_path) as scenario:
        judge(scenario)
