"""Events as the `cloudevents` package reads them from Kafka."""

from collections.abc import Iterable

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event


def read_event(
    key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
) -> BaseCloudEvent:
    """Read an event, in whichever content mode its headers say it is."""
    given = {name: content for name, content in headers if content is not None}
    return from_kafka_event(KafkaMessage(given, key, value or b""))
