"""The newsroom's and the consumer's side of the topics: publish articles, follow a topic."""

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from service.broker import client_options
from service.formats import RejectedArticleError, parse_article
from service.outbox import PRODUCER_MAX_REQUEST_BYTES
from service.settings import Settings
from service.topics import wait_for_topics


def read_articles(path: Path) -> list[bytes]:
    """Read the articles of one file, in any form: they are checked where they arrive.

    Args:
        path: `.jsonl` has one article a line, `.txt` is the text of one article whose id is the
            file's name; anything else is one article.
    """
    content = path.read_bytes()
    if path.suffix == ".jsonl":
        return split_lines(content)
    if path.suffix == ".txt":
        text = content.decode("utf-8", errors="replace")
        return [json.dumps({"id": path.stem, "text": text}, ensure_ascii=False).encode()]
    return [content]


def split_lines(content: bytes) -> list[bytes]:
    """Split JSONL into its lines; an empty line counts, only the end of the last does not."""
    return content.removesuffix(b"\n").split(b"\n") if content else []


async def publish_articles(settings: Settings, values: Iterable[bytes]) -> int:
    """Publish articles keyed by their id, in order; what has no readable id goes without a key.

    Returns:
        How many were published, all of which the broker has.

    Raises:
        BrokerError: the broker or its topics are not there.
        KafkaError: the broker refused one.
    """
    await wait_for_topics(settings)
    producer = AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        enable_idempotence=True,
        max_request_size=PRODUCER_MAX_REQUEST_BYTES,
    )
    await producer.start()
    try:
        sent = [
            await producer.send(settings.articles_topic, value=value, key=_find_key(value))
            for value in values
        ]
        for delivery in sent:
            await delivery
    finally:
        await producer.stop()
    return len(sent)


async def follow_topic(settings: Settings, topic: str, *, since_start: bool) -> AsyncIterator[Any]:
    """Read a topic without a consumer group, for ever.

    Args:
        settings: how to reach the broker.
        topic: must exist.
        since_start: from its oldest message on, not only new ones.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    async with AIOKafkaConsumer(
        topic,
        **client_options(settings),
        auto_offset_reset="earliest" if since_start else "latest",
    ) as consumer:
        async for message in consumer:
            yield message


async def read_topic(settings: Settings, topic: str) -> list[Any]:
    """Read what a topic holds now, partition by partition.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    messages = []
    async with AIOKafkaConsumer(
        topic, **client_options(settings), auto_offset_reset="earliest"
    ) as consumer:
        for partition, end in (await consumer.end_offsets(consumer.assignment())).items():
            while await consumer.position(partition) < end:
                fetched = await consumer.getmany(partition, timeout_ms=1000)
                messages += fetched.get(partition, [])
    return messages


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


def _find_key(value: bytes) -> bytes | None:
    try:
        return parse_article(value).id.encode()
    except RejectedArticleError:
        return None
