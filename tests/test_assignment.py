"""What a worker says of its partitions as they come and go."""

import asyncio
from typing import Any

from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from service.app import create_app
from service.health import Health
from service.metrics import Metrics
from service.settings import Settings
from tests.factories import load_classifier


def test_partitions_are_shown_while_they_are_ours_and_not_once_they_are_revoked() -> None:
    classifier = load_classifier()
    metrics = Metrics(CollectorRegistry(), classifier.manifest)
    health = Health()

    def tell() -> tuple[float | None, int, bool]:
        shown = metrics.registry.get_sample_value("beatwatch_assigned_partitions")
        return shown, health.assigned_partitions, health.joined_group

    async def come_and_go() -> list[tuple[float | None, int, bool]]:
        app: Any = create_app(Settings(), classifier, metrics, health)
        told = [tell()]
        ours = {TP("news.articles", 0), TP("news.articles", 3), TP("other", 0)}
        await app.on_partitions_assigned.send(ours)
        told.append(tell())
        await app.on_partitions_revoked.send(ours)
        return [*told, tell()]

    assert asyncio.run(come_and_go()) == [(0, 0, False), (2, 2, True), (0, 0, False)]
