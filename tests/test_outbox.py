"""The outbox on real Kafka, without a worker."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from service.broker import client_options
from service.handling import Rejected
from service.messages import RawArticle, RejectionReason
from service.outbox import Decision, Outbox, PublishError
from service.settings import read_settings
from service.worker_process import find_free_port
from tests.conftest import Beat
from tests.kafka_client import read_all

NOW = datetime(2026, 3, 12, 7, tzinfo=UTC)


def reject(key: bytes, offset: int) -> Decision:
    raw = RawArticle("articles", 0, offset, 0, key, b"%d" % offset)
    return Decision(raw, Rejected(RejectionReason.INVALID_JSON, "cut off"))


def open_outbox(environ: dict[str, str], **changes: Any) -> Outbox:
    settings = read_settings(environ)
    return Outbox(
        client_options(settings),
        **{
            "matches_topic": settings.matches_topic,
            "dlq_topic": settings.dlq_topic,
            "retry_seconds": 30.0,
            **changes,
        },
    )


@pytest.mark.broker
def test_what_publish_returns_from_the_broker_has_in_the_order_of_each_article(beat: Beat) -> None:
    decisions = [reject(b"article-%d" % (offset % 3), offset) for offset in range(90)]

    async def publish() -> list[Decision]:
        outbox = open_outbox(beat.environ)
        ended = await outbox.publish(decisions, NOW)
        await outbox.stop()
        return ended

    assert asyncio.run(publish()) == decisions
    messages = read_all(beat.bootstrap, beat.settings.dlq_topic)
    for number in range(3):
        key = b"article-%d" % number
        offsets = [int(message.value() or b"") for message in messages if message.key() == key]
        assert offsets == list(range(number, 90, 3))


def test_an_absent_broker_is_an_error_after_the_time_to_retry() -> None:
    async def publish() -> None:
        outbox = open_outbox(
            {"BEATWATCH_BROKER": f"kafka://127.0.0.1:{find_free_port()}"}, retry_seconds=0.5
        )
        await outbox.publish([reject(b"a", 1)], NOW)

    with pytest.raises(PublishError, match=r"did not take a message for news\.articles\.dlq"):
        asyncio.run(publish())
