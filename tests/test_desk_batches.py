import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from prometheus_client import CollectorRegistry

from service import desk_store
from service.broker import client_options
from service.desk import Desk
from service.messages import OutgoingMessage, RawArticle
from service.metrics import Metrics
from service.outbox import Outbox
from service.producers import send_message
from service.stalls import Activity
from tests.conftest import Beat
from tests.desk_readings import read_history
from tests.factories import load_classifier
from tests.match_factory import match

pytestmark = pytest.mark.broker

MATCHES = 24
EVERY = 10


async def fail_every_tenth(
    producer: AIOKafkaProducer,
    message: OutgoingMessage,
    partition: int | None = None,
    *,
    sent: list[int],
) -> asyncio.Future[Any]:
    sent[0] += 1
    if sent[0] % EVERY == 0:
        raise KafkaTimeoutError
    return await send_message(producer, message, partition)


async def handle(beat: Beat, batch: list[RawArticle]) -> None:
    settings = beat.settings
    metrics = Metrics(CollectorRegistry(), load_classifier().manifest)
    outbox = Outbox(
        client_options(settings),
        matches_topic=settings.matches_topic,
        dlq_topic=settings.dlq_topic,
        retry_seconds=settings.publish_retry_seconds,
    )
    activity = Activity()
    desk = Desk(settings, {"ttp": "TTP"}, metrics, outbox, activity, partition=0)
    try:
        await desk.handle_batch(batch)
    finally:
        await desk.let_go()
        await outbox.stop()
    assert activity.handled == {(settings.matches_topic, 0): len(batch)}
    counted = metrics.registry.get_sample_value
    assert counted("beatwatch_articles_total", {"outcome": "repeated"}) == len(batch) - 1
    assert counted("beatwatch_in_flight_articles", {"agent": "desk"}) == 0


def test_a_batch_gets_through_where_a_transaction_of_all_of_it_never_would(
    beat: Beat, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [0]
    monkeypatch.setattr(
        desk_store,
        "send_message",
        lambda *message: fail_every_tenth(*message, sent=sent),
    )
    batch = [
        RawArticle(
            topic=beat.settings.matches_topic,
            partition=0,
            offset=number,
            timestamp_ms=0,
            key=b"",
            value=match(f"a{number}", offset=number).model_dump_json().encode(),
        )
        for number in range(MATCHES)
    ]

    asyncio.run(handle(beat, batch))

    assert sorted(read_history(beat)) == sorted(f"a{number}" for number in range(MATCHES))
