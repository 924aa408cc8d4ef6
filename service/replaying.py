"""Dead letters on the broker: read them, send them to their topic again, remember it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from service.broker import client_options, open_admin
from service.clients import read_messages, read_raw
from service.dead_letters import (
    DeadLetter,
    LetterId,
    Place,
    ReplayNote,
    format_replay,
    format_replay_note,
    read_dead_letter,
)
from service.messages import OutgoingMessage, RawArticle
from service.producers import PRODUCER_OPTIONS, send_message
from service.settings import Settings
from service.standings import Standing, decide_standings
from service.topics import wait_for_topics


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """What the dead-letter topic holds: letters, what became of each, and what is not ours."""

    letters: dict[LetterId, DeadLetter]
    standings: dict[LetterId, Standing]
    foreign: list[LetterId]


@dataclass(frozen=True, slots=True)
class Replay:
    """A letter and what to send for it; `why_not` says why there is nothing to send."""

    letter: DeadLetter
    message: OutgoingMessage | None
    why_not: str = ""


async def read_dead_letters(settings: Settings) -> DeadLetters:
    """Read the dead-letter topic as it is now; values are not kept in memory.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    # First: a rejection is on its topic before its article is committed.
    committed = await read_committed_offsets(settings)
    letters: dict[LetterId, DeadLetter] = {}
    notes: list[ReplayNote] = []
    foreign: list[LetterId] = []
    async for message in read_messages(settings, settings.dlq_topic):
        read = read_dead_letter(read_raw(message))
        if isinstance(read, DeadLetter):
            letters[read.id] = read
        elif isinstance(read, ReplayNote):
            notes.append(read)
        else:
            foreign.append(LetterId(message.partition, message.offset))
    return DeadLetters(letters, decide_standings(letters.values(), notes, committed), foreign)


async def read_committed_offsets(settings: Settings) -> dict[tuple[str, int], int]:
    """Read which offset the workers read next, by topic and partition.

    Raises:
        BrokerError: the broker is not there.
    """
    async with open_admin(settings) as admin:
        offsets = await admin.list_consumer_group_offsets(settings.group)
    return {(at.topic, at.partition): committed.offset for at, committed in offsets.items()}


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer that `read_place` can ask for dead letters and their originals."""
    await wait_for_topics(settings)
    topics = (settings.dlq_topic, settings.articles_topic, settings.matches_topic)
    async with AIOKafkaConsumer(*topics, **client_options(settings)) as consumer:
        # Only what is asked for is fetched.
        consumer.pause(*consumer.assignment())
        yield consumer


async def read_place(consumer: AIOKafkaConsumer, place: Place) -> RawArticle | None:
    """Read the message at one place; none if it is not there (any more)."""
    at = TopicPartition(place.topic, place.partition)
    if at not in consumer.assignment():
        return None
    begin = (await consumer.beginning_offsets([at]))[at]
    end = (await consumer.end_offsets([at]))[at]
    if not begin <= place.offset < end:
        return None
    consumer.seek(at, place.offset)
    consumer.resume(at)
    try:
        while await consumer.position(at) <= place.offset:
            fetched = await consumer.getmany(at, timeout_ms=1000, max_records=1)
            for message in fetched.get(at, []):
                return read_raw(message) if message.offset == place.offset else None
    finally:
        consumer.pause(at)
    return None


async def read_original(
    settings: Settings, consumer: AIOKafkaConsumer, letter: DeadLetter
) -> RawArticle | None:
    """Read what a letter holds; if its value was left out, the original, if still there."""
    kept = await read_place(consumer, Place(settings.dlq_topic, *letter.id))
    if not letter.value_is_omitted:
        return kept
    if letter.original.topic not in (settings.articles_topic, settings.matches_topic):
        return None
    original = await read_place(consumer, letter.original)
    if original is None or original.key != letter.key:
        return None
    # A topic that was made anew has other messages at the same offsets.
    return original if original.timestamp_ms == letter.original_timestamp_ms else None


def choose_topic(settings: Settings, letter: DeadLetter) -> str:
    """Choose where a letter is sent: a match to the desk again, all else to where articles come."""
    # Read as an article, a match would be rejected again, and its alert never told.
    is_match = letter.original.topic == settings.matches_topic
    return settings.matches_topic if is_match else settings.articles_topic


async def prepare_replays(
    settings: Settings, letters: Iterable[DeadLetter]
) -> AsyncIterator[Replay]:
    """Prepare what is to be sent, letter by letter."""
    async with open_reader(settings) as consumer:
        for letter in letters:
            original = await read_original(settings, consumer, letter)
            if original is None:
                why_not = f"its value was left out, and it is not at {letter.original} any more"
                yield Replay(letter, None, why_not)
            else:
                topic = choose_topic(settings, letter)
                yield Replay(letter, format_replay(letter, original, topic))


class Replayer:
    """Sends letters to where they came from again and notes on their own topic that it did."""

    def __init__(self, settings: Settings, rate: float | None) -> None:
        """Send at most `rate` letters a second; none for as fast as the broker takes them."""
        self._settings = settings
        self._pause_seconds = 1 / rate if rate else 0.0
        self._next_at = 0.0
        # Not idempotent: one that the broker refuses would block all after it (see producers), and
        # one that is sent twice is allowed.
        self._producer = AIOKafkaProducer(**client_options(settings), **PRODUCER_OPTIONS)

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._producer.stop()

    async def send(self, letter: DeadLetter, message: OutgoingMessage) -> Place:
        """Send one letter, then note it.

        The note comes after the broker has the message: whoever dies in between leaves the letter
        open, and it may be replayed twice; never does a note stand for a message not sent.

        Returns:
            Where it is on the topic of the message.

        Raises:
            MessageSizeTooLargeError: that topic does not take it (any more).
            KafkaError: the broker refused it.
        """
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self._next_at - now))
        self._next_at = max(self._next_at, now) + self._pause_seconds
        partition = await self._choose_partition(letter, message.topic)
        taken = await (await send_message(self._producer, message, partition))
        place = Place(taken.topic, taken.partition, taken.offset)
        note = format_replay_note(letter.id, place, self._settings.dlq_topic, datetime.now(UTC))
        await (await send_message(self._producer, note, letter.id.partition))
        return place

    async def _choose_partition(self, letter: DeadLetter, topic: str) -> int | None:
        # Where it came from, so that the versions of an article stay in one order whichever way
        # its producer chooses partitions; the desk of that partition remembers a match's story.
        there = await self._producer.partitions_for(topic)
        is_there = letter.original.partition in there
        is_ours = letter.original.topic == topic
        return letter.original.partition if is_ours and is_there else None
