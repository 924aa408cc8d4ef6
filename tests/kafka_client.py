"""What the tests ask of the broker, through a client that the service does not use."""

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

PATIENCE_SECONDS = 30.0

Record = tuple[bytes | None, bytes | None]


def produce(
    bootstrap: str, topic: str, records: Iterable[Record], headers: Any = None, **config: Any
) -> None:
    """Publish keys and values in order, and wait until the broker has all of them."""
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 10_000_000, **config})
    failed: list[Any] = []

    def note(error: Any, _message: Any) -> None:
        if error:
            failed.append(error)

    for key, value in records:
        while True:
            try:
                producer.produce(topic, value=value, key=key, headers=headers, on_delivery=note)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(PATIENCE_SECONDS) == 0
    assert not failed


def read_all(bootstrap: str, topic: str) -> list[Message]:
    """Read what a topic holds now, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "fetch.message.max.bytes": 30_000_000,
        }
    )
    messages = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        reading = partitions_of(consumer, topic)
        for each in reading:
            each.offset, _end = consumer.get_watermark_offsets(each, timeout=PATIENCE_SECONDS)
        consumer.assign(reading)
        unread = {each.partition for each in reading}
        while unread:
            assert time.monotonic() < deadline, f"{topic} does not end"
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                messages.append(message)
                continue
            # The end of a transaction is an offset without a message.
            assert error.code() == KafkaError._PARTITION_EOF, error  # noqa: SLF001
            unread.discard(message.partition() or 0)
    finally:
        consumer.close()
    return sorted(messages, key=lambda each: (each.partition(), each.offset()))


def read_committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Read the offsets a group has committed, by partition; -1 where it has none."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        committed = consumer.committed(partitions_of(consumer, topic), timeout=PATIENCE_SECONDS)
        return {each.partition: max(each.offset, -1) for each in committed}
    finally:
        consumer.close()


def read_ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Read the offset after the last message, by partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests"})
    try:
        return {
            each.partition: consumer.get_watermark_offsets(each, timeout=PATIENCE_SECONDS)[1]
            for each in partitions_of(consumer, topic)
        }
    finally:
        consumer.close()


def partitions_of(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """List a topic's partitions."""
    metadata = consumer.list_topics(topic, timeout=PATIENCE_SECONDS)
    return [TopicPartition(topic, number) for number in sorted(metadata.topics[topic].partitions)]
