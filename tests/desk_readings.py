"""What the topics of the desk must hold, whatever happened to its workers."""

import time
from collections import defaultdict
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from service.alerts import Alert
from tests.conftest import Beat
from tests.kafka_client import partitions_of, read_all, read_committed

# Several sessions must time out one after the other in some tests.
PATIENCE_SECONDS = 180.0


def header(message: Message, name: str) -> str:
    """The value of a header of a message."""
    headers: Any = message.headers() or []
    value: bytes = dict(headers).get(name, b"")
    return value.decode()


def read_alert_messages(beat: Beat) -> list[Message]:
    """Read what a reader of committed alerts sees now, digests left out."""
    messages = read_all(beat.bootstrap, beat.settings.alerts_topic)
    return [each for each in messages if header(each, "ce_type") != "beatwatch.alert.digest.v1"]


def read_history(beat: Beat) -> dict[str, list[Alert]]:
    """Read the alerts of each article in order; none is published twice, forked or left out."""
    contents: dict[str, set[bytes]] = defaultdict(set)
    history: dict[str, list[Alert]] = defaultdict(list)
    for message in read_alert_messages(beat):
        alert = Alert.model_validate_json(message.value() or b"")
        contents[header(message, "ce_id")].add(message.value() or b"")
        history[alert.article.id].append(alert)
    assert {name for name, values in contents.items() if len(values) > 1} == set()
    gaps = {
        name: revisions
        for name, alerts in history.items()
        if (revisions := [alert.revision for alert in alerts]) != [*range(1, len(alerts) + 1)]
    }
    assert gaps == {}
    return history


def read_standings(beat: Beat) -> dict[str, tuple[Any, ...]]:
    """Read what the last alert of each article says of it: version, labels, withdrawn and why."""
    standings = {}
    for message in read_alert_messages(beat):
        alert = Alert.model_validate_json(message.value() or b"")
        labels = sorted(label.label for label in alert.labels)
        withdrawn = alert.status == "withdrawn"
        standings[alert.article.id] = (alert.article.version, labels, withdrawn, alert.why)
    return standings


def wait_until_read(beat: Beat) -> None:
    """Wait until the group has committed all articles, and then all matches."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for topic in (beat.settings.articles_topic, beat.settings.matches_topic):
        while unread := count_unread(beat, topic):
            assert time.monotonic() < deadline, f"{unread} messages of {topic} were never read"


def count_unread(beat: Beat, topic: str) -> int:
    """Count the messages of a topic that the group has not committed; 1 if nobody can tell yet."""
    try:
        committed = read_committed(beat.bootstrap, beat.settings.group, topic)
    except KafkaException as error:
        # A broker that has just started says so until it has read who coordinates whom.
        if error.args[0].code() == KafkaError.NOT_COORDINATOR:
            return 1
        raise
    consumer = Consumer({"bootstrap.servers": beat.bootstrap, "group.id": "tests"})
    try:
        ends = [
            consumer.get_watermark_offsets(each, timeout=PATIENCE_SECONDS)[1]
            for each in partitions_of(consumer, topic)
        ]
    finally:
        consumer.close()
    return sum(ends) - sum(max(offset, 0) for offset in committed.values())
