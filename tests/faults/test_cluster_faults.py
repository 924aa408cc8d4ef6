"""Three brokers, each partition on all of them, and the one that leads dies."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.conftest import KAFKA_CACHE
from tests.faults.cluster import Cluster
from tests.faults.plan import Plan
from tests.faults.scenario import Scenario

pytestmark = [pytest.mark.faults, pytest.mark.broker]


def find_leader(scenario: Scenario, topic: str) -> int:
    """Find the node that leads the first partition of a topic."""
    admin = AdminClient({"bootstrap.servers": scenario.beat.bootstrap})
    return int(admin.list_topics(topic, timeout=10).topics[topic].partitions[0].leader)


def test_leaders_that_die_cost_nothing(tmp_path: Path, judge: Callable[[Scenario], None]) -> None:
    cluster = Cluster(tmp_path / "cluster", cache_dir=KAFKA_CACHE)
    plan = Plan("3 brokers, min.insync.replicas=2, the leader dies, 6 ×", rate=150, replicas=3)
    with Scenario(plan, tmp_path, cluster) as scenario:
        settings = scenario.beat.settings
        topics = (settings.matches_topic, settings.articles_topic, settings.alerts_topic)
        for topic in topics * 2:
            scenario.wait_for_outcomes()
            node = find_leader(scenario, topic)
            with scenario.fault("kill -9 of a leader"):
                cluster.kill_node(node)
            scenario.wait_for_outcomes()
            cluster.start()
        judge(scenario)
