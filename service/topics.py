"""The topics as the service needs them: create, check, see what they hold."""

import asyncio
import time
from dataclasses import dataclass, field

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from service.broker import AccessRefusedError, BrokerError, client_options, knock, open_admin
from service.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0
_COMPLAIN_EVERY_SECONDS = 10.0

# As many workers of one service can share the work.
ARTICLES_PARTITIONS = 4
# Five times the default limit of an article: what is somewhat too large still gets in, is
# rejected with its reason and kept; the dead letters have room for it and its headers.
_ARTICLES_MAX_MESSAGE_BYTES = 5 * 1024 * 1024
_DLQ_HEADROOM_BYTES = 64 * 1024
# One desk gives stories and revisions one order.
DESKS = 1
# Kafka's own limit, which the alerts topic has, less what an alert has that its match has not: its
# place in a story, its headers. What makes a match makes an alert, or is rejected before.
_MATCH_MAX = 1_000_000
_ALERT_HEADROOM_BYTES = 16 * 1024
# An alert that is kept for later, in base64, and what is remembered beside it.
_ENTRY_MAX_MESSAGE_BYTES = 2 * 1024 * 1024
_DAY_MS = 86_400_000
# Kafka compacts what is behind the segment it writes: at its 1 GB a desk that is taken over would
# read up to that much that newer entries have replaced.
_STORIES_SEGMENT_BYTES = 64 * 1024 * 1024
_DLQ_MAX_MESSAGE_BYTES = _ARTICLES_MAX_MESSAGE_BYTES + 4 * _DLQ_HEADROOM_BYTES


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the service needs it."""

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def specify_topics(settings: Settings, partitions: int) -> list[TopicSpec]:
    """List the topics of one service.

    Args:
        settings: has their names.
        partitions: of the articles topic; as many workers can share the work.
    """
    # The time at which the broker got it: what an alert's delay is measured from.
    stamped = {"message.timestamp.type": "LogAppendTime"}
    large = {"max.message.bytes": str(_ARTICLES_MAX_MESSAGE_BYTES), **stamped}
    larger = {"max.message.bytes": str(_DLQ_MAX_MESSAGE_BYTES), **stamped}
    return [
        TopicSpec(settings.articles_topic, partitions, large),
        TopicSpec(settings.matches_topic, DESKS, {"max.message.bytes": str(_MATCH_MAX), **stamped}),
        TopicSpec(settings.stories_topic, DESKS, _specify_memory(settings)),
        TopicSpec(settings.alerts_topic, partitions, stamped),
        TopicSpec(settings.dlq_topic, 1, larger),
    ]


async def create_topics(
    settings: Settings, *, partitions: int, replication_factor: int = 1
) -> list[str]:
    """Create those of our topics that do not exist yet.

    Returns:
        The names of the topics created.

    Raises:
        BrokerError: the broker cannot be reached or refuses.
    """
    await knock(settings)
    created = []
    async with open_admin(settings) as admin:
        for topic in specify_topics(settings, partitions):
            new = NewTopic(
                topic.name, topic.partitions, replication_factor, topic_configs=topic.config
            )
            response = await admin.create_topics([new])
            for _name, code, *message in response.topic_errors:
                error = for_code(code)
                if code == 0:
                    created.append(topic.name)
                elif error is not TopicAlreadyExistsError:
                    raise BrokerError(f"{topic.name}: {error.__name__} {message or ''}")
    return created


async def wait_for_topics(settings: Settings) -> None:
    """Keep trying until the broker answers and has the topics, for `broker_wait_seconds`.

    Raises:
        BrokerError: not in time, or the broker will never let us in.
    """
    begun = complain_at = time.monotonic()
    while True:
        try:
            await check_topics(settings)
        except BrokerError as error:
            now = time.monotonic()
            if isinstance(error, AccessRefusedError) or now - begun >= settings.broker_wait_seconds:
                raise
            if now >= complain_at:
                log.warning(
                    "waiting for the broker",
                    why=str(error),
                    gives_up_in_seconds=round(settings.broker_wait_seconds - (now - begun)),
                )
                complain_at = now + _COMPLAIN_EVERY_SECONDS
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def check_topics(settings: Settings) -> None:
    """Check that the topics exist and that the dead letters take whatever articles may be.

    Raises:
        BrokerError: the broker cannot be reached, or lacks something; says what to do.
    """
    await knock(settings)
    needed = {topic.name for topic in specify_topics(settings, partitions=1)}
    async with open_admin(settings) as admin:
        missing = sorted(needed - set(await admin.list_topics()))
        if missing:
            raise BrokerError(
                f"topics missing on {settings.broker}: {', '.join(missing)}; "
                "run `beatwatch topics create`"
            )
        partitions = await _count_partitions(
            admin, [settings.matches_topic, settings.stories_topic]
        )
        alerts_limit = await _read_size_limit(admin, settings.alerts_topic)
        matches_limit = await _read_size_limit(admin, settings.matches_topic)
        articles_limit = await _read_size_limit(admin, settings.articles_topic)
        dlq_limit = await _read_size_limit(admin, settings.dlq_topic)
    if len(set(partitions)) > 1:
        raise BrokerError(
            f"{settings.matches_topic} has {partitions[0]} partitions, {settings.stories_topic} "
            f"{partitions[1]}: what the desk remembers lies in the partition of its matches; "
            "make them equal"
        )
    if alerts_limit < matches_limit + _ALERT_HEADROOM_BYTES:
        raise BrokerError(
            f"{settings.alerts_topic} takes messages of {alerts_limit} bytes, "
            f"{settings.matches_topic} of {matches_limit}: an alert may not fit; lower "
            f"max.message.bytes of {settings.matches_topic} to "
            f"{alerts_limit - _ALERT_HEADROOM_BYTES} or less"
        )
    if dlq_limit < articles_limit + _DLQ_HEADROOM_BYTES:
        raise BrokerError(
            f"{settings.dlq_topic} takes messages of {dlq_limit} bytes, {settings.articles_topic} "
            f"of {articles_limit}: a rejection, which is its original and some headers, would not "
            f"fit; raise max.message.bytes of {settings.dlq_topic} to "
            f"{articles_limit + _DLQ_HEADROOM_BYTES} or more"
        )


async def count_partitions(settings: Settings, topics: list[str]) -> list[int]:
    """Count the partitions of topics that are there, in their order.

    Raises:
        BrokerError: the broker does not answer.
    """
    async with open_admin(settings) as admin:
        return await _count_partitions(admin, topics)


async def read_extents(settings: Settings, topic: str) -> dict[int, range]:
    """Read which offsets a topic holds now, by partition.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    async with AIOKafkaConsumer(topic, **client_options(settings)) as consumer:
        partitions = sorted(consumer.assignment())
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
    return {at.partition: range(begins[at], ends[at]) for at in partitions}


def _specify_memory(settings: Settings) -> dict[str, str]:
    return {
        # The newest entry of each article, for as long as the desk remembers it.
        "cleanup.policy": "compact,delete",
        "segment.bytes": str(_STORIES_SEGMENT_BYTES),
        "retention.ms": str(settings.alert_memory_days * _DAY_MS),
        "max.message.bytes": str(_ENTRY_MAX_MESSAGE_BYTES),
        "message.timestamp.type": "LogAppendTime",
    }


async def _count_partitions(admin: AIOKafkaAdminClient, topics: list[str]) -> list[int]:
    described = {each["topic"]: each for each in await admin.describe_topics(topics)}
    return [len(described[topic]["partitions"]) for topic in topics]


async def _read_size_limit(admin: AIOKafkaAdminClient, topic: str) -> int:
    wanted = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": None})
    (response,) = await admin.describe_configs([wanted])
    (resource,) = response.resources
    code, _message, _kind, _name, entries = resource
    if code:
        raise BrokerError(
            f"the settings of {topic} cannot be read ({for_code(code).__name__}); "
            "allow our user DescribeConfigs on it"
        )
    ((_key, limit, *_rest),) = entries
    return int(limit)
