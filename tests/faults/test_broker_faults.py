"""The broker ends, dies, refuses, or cannot write; the workers go on when it does."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.conftest import KAFKA_CACHE
from tests.faults.access import allow_writes, forbid_writes
from tests.faults.cluster import ACL_PROPERTIES, Cluster
from tests.faults.commits import now_ms
from tests.faults.plan import Plan
from tests.faults.scenario import Scenario

pytestmark = [pytest.mark.faults, pytest.mark.broker]


@pytest.mark.parametrize(("seconds", "times"), [(5, 3), (60, 1)])
@pytest.mark.parametrize("how", ["SIGTERM", "kill -9"])
def test_broker_that_was_away_costs_nothing(
    how: str, seconds: int, times: int, tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan(f"broker {how}, away for {seconds} s, {times} ×", rate=250)
    with Scenario(plan, tmp_path) as scenario:
        for _ in range(times):
            scenario.wait_for_outcomes()
            with scenario.fault(f"broker {how}"):
                end = scenario.broker.stop if how == "SIGTERM" else scenario.broker.kill
                end()
                scenario.pass_time(seconds)
                scenario.broker.start()
        judge(scenario)


def test_broker_restarted_amid_a_rebalance_costs_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan("broker kill -9 while a second worker joins, 3 ×", rate=250)
    with Scenario(plan, tmp_path) as scenario:
        for _ in range(3):
            scenario.wait_for_outcomes()
            with scenario.fault("broker kill -9 amid a rebalance"):
                joining = scenario.supervisor.start(1)
                scenario.wait_until(
                    lambda joining=joining: "worker starts" in joining.log_file.read_text(),  # type: ignore[misc]
                    "the second worker did not start",
                )
                scenario.pass_time(scenario.chance.uniform(0.1, 1.5))
                scenario.broker.kill()
                scenario.broker.start()
            scenario.wait_for_outcomes()
            with scenario.fault("kill -9"):
                scenario.supervisor.kill(1)
        judge(scenario)


def test_topics_that_refuse_writes_for_a_while_cost_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan("alerts, matches, dead letters read-only for 8 s, 2 × each", rate=250)
    broker = Cluster(tmp_path / "kafka", cache_dir=KAFKA_CACHE, nodes=1, properties=ACL_PROPERTIES)
    with Scenario(plan, tmp_path, broker) as scenario:
        settings = scenario.beat.settings
        for topic in (settings.alerts_topic, settings.matches_topic, settings.dlq_topic) * 2:
            scenario.wait_for_outcomes()
            with scenario.fault("read-only topic"):
                forbid_writes(broker.bootstrap, topic)
                scenario.pass_time(8)
                allow_writes(broker.bootstrap, topic)
        judge(scenario)


def test_alerts_topic_that_is_deleted_and_made_again_loses_only_what_was_on_it(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    with Scenario(Plan("alerts topic deleted, made again after 5 s"), tmp_path) as scenario:
        settings = scenario.beat.settings
        scenario.wait_for_outcomes()
        with scenario.fault("alerts topic deleted"):
            admin = AdminClient({"bootstrap.servers": scenario.beat.bootstrap})
            for done in admin.delete_topics([settings.alerts_topic]).values():
                done.result(10)
            scenario.deleted_ms.append(now_ms())
            scenario.pass_time(5)
            scenario.make_topics()
        judge(scenario)


def test_broker_that_cannot_write_to_its_disk_costs_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan("log dir fails (file size limit), 2 ×", rate=250)
    with Scenario(plan, tmp_path) as scenario:
        for _ in range(2):
            scenario.wait_for_outcomes()
            with scenario.fault("log dir failure"):
                pid = scenario.broker.pid
                # As on a full disk, writes fail: Kafka takes its only log dir offline and halts.
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, 4096))
                scenario.wait_until(lambda: not scenario.broker_runs(), "the broker goes on")
                scenario.broker.start()
        judge(scenario)
