"""The consumer's side of the topics: follow one, read one, find a message on one."""

import math
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from service.broker import READ_WAIT_MS, client_options
from service.formats import RejectedArticleError, parse_article
from service.messages import RawArticle
from service.moments import BEGINNING
from service.settings import Settings
from service.topics import wait_for_topics

# The desk publishes in transactions: what one that failed began must not be read.
_COMMITTED = "read_committed"


async def follow_topic(
    settings: Settings, topic: str, since: datetime | None = None
) -> AsyncIterator[Any]:
    """Read a topic without a consumer group, for ever.

    Args:
        settings: how to reach the broker.
        topic: must exist.
        since: from what the broker got then on; none for what it gets from now on.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    async with AIOKafkaConsumer(
        topic,
        **client_options(settings),
        isolation_level=_COMMITTED,
        auto_offset_reset="latest" if since is None else "earliest",
    ) as consumer:
        if since is not None:
            await _seek(consumer, since)
        async for message in consumer:
            yield message


async def read_messages(
    settings: Settings, topic: str, since: datetime = BEGINNING
) -> AsyncIterator[Any]:
    """Read what a topic holds now, one message after the other, partition by partition.

    Args:
        settings: how to reach the broker.
        topic: must exist.
        since: from what the broker got then on.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    async with AIOKafkaConsumer(
        topic,
        **client_options(settings),
        isolation_level=_COMMITTED,
        auto_offset_reset="earliest",
    ) as consumer:
        ends = await _seek(consumer, since)
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                fetched = await consumer.getmany(partition, timeout_ms=READ_WAIT_MS)
                for message in fetched.get(partition, []):
                    if message.offset < end:
                        yield message


async def read_topic(settings: Settings, topic: str) -> list[Any]:
    """Read all that a topic holds now, partition by partition.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    return [message async for message in read_messages(settings, topic)]


def read_raw(message: Any) -> RawArticle:
    """Take a message as aiokafka reads it for what we read from topics."""
    return RawArticle(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )


async def _seek(consumer: AIOKafkaConsumer, since: datetime) -> dict[TopicPartition, int]:
    partitions = consumer.assignment()
    # Asked first: what comes in between is then after it, and is read.
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    if since <= BEGINNING:
        # Not by time: a message may have none.
        begins = await consumer.beginning_offsets(partitions)
    else:
        since_ms = math.ceil(since.timestamp() * 1000)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        begins = {partition: at.offset for partition, at in found.items() if at is not None}
    for partition, end in ends.items():
        consumer.seek(partition, begins.get(partition, end))
    return ends


async def find_alert(settings: Settings, alert_id: UUID) -> bytes | None:
    """Find the newest revision of an alert on the alerts topic."""
    found = None
    for message in await read_topic(settings, settings.alerts_topic):
        headers = {name: value or b"" for name, value in message.headers}
        if headers.get("ce_id", b"").startswith(f"{alert_id}:".encode()):
            found = message.value
    return found


async def find_article(settings: Settings, article_id: str, version: int) -> bytes | None:
    """Find the newest message on the articles topic that is this version of an article."""
    found = None
    for message in await read_topic(settings, settings.articles_topic):
        try:
            article = parse_article(message.value)
        except RejectedArticleError:
            continue
        if (article.id, article.version) == (article_id, version):
            found = message.value
    return found
