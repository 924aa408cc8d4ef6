"""An audit on the broker: read what the topics show, then the articles, one after the other."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from service.alerts import Alert
from service.audit import Auditor, Finding
from service.audit_books import Books, Spot
from service.broker import READ_WAIT_MS, client_options, open_admin
from service.classifier import Classifier
from service.clients import read_raw
from service.dead_letters import DeadLetter, LetterId, ReplayNote, read_dead_letter
from service.desk_state import ENTRIES
from service.handling import HandlingRules, handle_article
from service.matches import Match
from service.messages import RawArticle
from service.settings import Settings
from service.standings import Standing, State, decide_standings
from service.topics import read_extents, wait_for_topics

_DIGEST_TYPE = b"beatwatch.alert.digest.v1"


@dataclass(frozen=True, slots=True)
class Range:
    """Which articles are audited; what is none bounds nothing.

    `since` and `until` are of when the broker got them, `until` not included, nor is `to_offset`.
    """

    since: datetime | None = None
    until: datetime | None = None
    partition: int | None = None
    from_offset: int = 0
    to_offset: int | None = None

    def includes(self, raw: RawArticle) -> bool:
        """Tell whether an article is among them."""
        return (
            (self.since is None or raw.timestamp_ms >= self.since.timestamp() * 1000)
            and (self.until is None or raw.timestamp_ms < self.until.timestamp() * 1000)
            and (self.partition is None or raw.partition == self.partition)
            and self.from_offset <= raw.offset
            and (self.to_offset is None or raw.offset < self.to_offset)
        )


async def read_books(settings: Settings) -> Books:
    """Read what the topics show.

    First what is committed: what is done is on its topics before it is committed. What the desk
    remembers before the alerts: they are written together, so none of the former lacks its alert.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    await wait_for_topics(settings)
    async with open_admin(settings) as admin:
        offsets = await admin.list_consumer_group_offsets(settings.group)
    commits = {(at.topic, at.partition): committed.offset for at, committed in offsets.items()}
    articles = _select(commits, settings.articles_topic)
    books = Books(settings.articles_topic, articles)
    await _note_commits(settings, books, articles)
    await _note_matches(settings, books, _select(commits, settings.matches_topic))
    await _note_letters(settings, books, commits)
    async with _read(settings, settings.stories_topic, books) as messages:
        async for message in messages:
            _note_entry(books, message)
    async with _read(settings, settings.alerts_topic, books) as messages:
        async for message in messages:
            _note_alert(books, message)
    return books


async def audit_articles(
    settings: Settings, classifier: Classifier, books: Books, range_: Range
) -> AsyncIterator[tuple[RawArticle, Finding]]:
    """Judge the articles that the topic holds now, partition by partition.

    Raises:
        BrokerError: the broker or the topics are not there.
    """
    rules = HandlingRules(settings.article_max_bytes, settings.review)
    auditor = Auditor(
        books,
        lambda raw, now: handle_article(raw, classifier, rules, now),
        classifier.reference.sha256,
        alerts_topic=settings.alerts_topic,
        stories_topic=settings.stories_topic,
        dlq_topic=settings.dlq_topic,
    )
    begin = None if range_.partition is None else {range_.partition: range_.from_offset}
    # The worker reads what an aborted transaction left, too.
    async with _open(settings, settings.articles_topic, "read_uncommitted") as consumer:
        async for message in _read_partitions(consumer, begin):
            raw = read_raw(message)
            if range_.includes(raw):
                yield raw, auditor.judge(raw)


async def _note_commits(settings: Settings, books: Books, committed: Mapping[int, int]) -> None:
    extents = await read_extents(settings, settings.articles_topic)
    if not committed and any(extents.values()):
        # Else all articles would wait, and nothing would ever be missing.
        books.faults.append(
            f"group {settings.group} has committed nothing of {settings.articles_topic}: its "
            "workers have handled nothing yet, or BEATWATCH_GROUP is not theirs"
        )
    for partition, extent in extents.items():
        if committed.get(partition, 0) > extent.stop:
            books.faults.append(
                f"partition {partition} is committed to {committed[partition]}, and ends at "
                f"{extent.stop}: the topic is not the one that was read"
            )


async def _note_matches(settings: Settings, books: Books, committed: Mapping[int, int]) -> None:
    async with _open(settings, settings.matches_topic, "read_uncommitted") as consumer:
        begin = {at.partition: committed.get(at.partition, 0) for at in consumer.assignment()}
        async for message in _read_partitions(consumer, begin):
            spot = _find_article(message)
            if spot is not None:  # Else the desk will reject it.
                books.waiting.add(spot)


async def _note_letters(
    settings: Settings, books: Books, commits: Mapping[tuple[str, int], int]
) -> None:
    letters: list[DeadLetter] = []
    rejected: dict[DeadLetter, Spot | None] = {}
    notes: list[ReplayNote] = []
    async with _read(settings, settings.dlq_topic, books) as messages:
        async for message in messages:
            read = read_dead_letter(read_raw(message))
            if isinstance(read, ReplayNote):
                notes.append(read)
            elif read is not None:
                letters.append(read)
                books.note_letter(read)
                if read.original.topic == settings.matches_topic:
                    rejected[read] = _find_article(message)
    _note_rejected_matches(books, rejected, decide_standings(letters, notes, commits))


def _note_rejected_matches(
    books: Books,
    rejected: Mapping[DeadLetter, Spot | None],
    standings: Mapping[LetterId, Standing],
) -> None:
    # One that does not tell its article says nothing: the article will be named as missing.
    told = {letter: spot for letter, spot in rejected.items() if spot is not None}
    for letter, spot in told.items():
        books.letters[spot] = letter.reason
    # After all letters: one match may have several, and has come to the desk if one was accepted.
    for letter, spot in told.items():
        if standings[letter.id].state is State.ACCEPTED:
            books.note_return(spot)


def _find_article(message: Any) -> Spot | None:
    """Find which article a match is of; none if it is no match."""
    try:
        origin = Match.model_validate_json(message.value or b"").origin
    except ValidationError:
        return None
    return Spot(origin.partition, origin.offset)


def _note_entry(books: Books, message: Any) -> None:
    try:
        books.note_entry(ENTRIES.validate_json(message.value or b""))
    except ValidationError:
        place = f"{message.partition}:{message.offset}"
        books.faults.append(f"{place} of {message.topic} is not the desk's")


def _note_alert(books: Books, message: Any) -> None:
    headers = {name: value or b"" for name, value in message.headers}
    if headers.get("ce_type") == _DIGEST_TYPE:
        return
    try:
        alert = Alert.model_validate_json(message.value or b"")
    except ValidationError:
        place = f"{message.partition}:{message.offset}"
        books.faults.append(f"{place} of {message.topic} is no alert")
        return
    books.note_alert(alert, message.value, headers.get("ce_id", b"").decode(errors="replace"))


@asynccontextmanager
async def _read(settings: Settings, topic: str, books: Books) -> AsyncIterator[AsyncIterator[Any]]:
    async with _open(settings, topic, "read_committed") as consumer:
        begins = await consumer.beginning_offsets(consumer.assignment())
        yield _note_horizon(_read_partitions(consumer), topic, begins, books)


async def _note_horizon(
    messages: AsyncIterator[Any], topic: str, begins: Mapping[TopicPartition, int], books: Books
) -> AsyncIterator[Any]:
    # Of those that lack their beginning; what is read last of all may be nothing.
    truncated = {at.partition for at, begin in begins.items() if begin > 0}
    if truncated:
        books.horizons_ms[topic] = float("inf")
    oldest: dict[int, float] = dict.fromkeys(truncated, float("inf"))
    async for message in messages:
        if oldest.get(message.partition) == float("inf"):
            oldest[message.partition] = message.timestamp
            books.horizons_ms[topic] = max(oldest.values())
        yield message


@asynccontextmanager
async def _open(settings: Settings, topic: str, isolation: str) -> AsyncIterator[AIOKafkaConsumer]:
    async with AIOKafkaConsumer(
        topic,
        **client_options(settings),
        isolation_level=isolation,
        auto_offset_reset="earliest",
    ) as consumer:
        yield consumer


async def _read_partitions(
    consumer: AIOKafkaConsumer, begin: Mapping[int, int] | None = None
) -> AsyncIterator[Any]:
    """Read what the partitions hold now; with `begin`, of those that it names, from there on."""
    partitions = sorted(consumer.assignment())
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    for at in partitions:
        if begin is not None and at.partition not in begin:
            continue
        others = [each for each in partitions if each != at]
        consumer.pause(*others)
        consumer.resume(at)
        start = begins[at] if begin is None else max(begins[at], begin[at.partition])
        consumer.seek(at, start)
        while start < ends[at] and await consumer.position(at) < ends[at]:
            fetched = await consumer.getmany(at, timeout_ms=READ_WAIT_MS)
            for message in fetched.get(at, []):
                if message.offset < ends[at]:
                    yield message


def _select(commits: Mapping[tuple[str, int], int], topic: str) -> dict[int, int]:
    # -1 is none.
    return {
        partition: offset
        for (name, partition), offset in commits.items()
        if name == topic and offset >= 0
    }
