"""Publish articles: the newsroom's side of the articles topic."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from enum import StrEnum
from functools import partial
from itertools import cycle
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from service.article_files import FoundArticle
from service.broker import client_options
from service.formats import RejectedArticleError, parse_article
from service.producers import PRODUCER_MAX_REQUEST_BYTES
from service.settings import Settings
from service.topics import wait_for_topics

# Fills the producer's batches; more would only be lost if this process were killed.
_IN_FLIGHT_ARTICLES = 1000

_T = TypeVar("_T")


class RefusedArticleError(Exception):
    """The broker did not take an article; says which, and why."""

    def __init__(self, place: str, topic: str, error: BaseException) -> None:
        why = (
            f"it is larger than {topic} takes (max.message.bytes)"
            if isinstance(error, MessageSizeTooLargeError)
            else repr(error)
        )
        super().__init__(
            f"{place}: the broker did not take it: {why}; what came after it may be missing too"
        )


class UntakenArticlesError(Exception):
    """The broker was there when it began, and then took nothing for longer than we wait."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"the broker took no article for {settings.publish_retry_seconds:g} s "
            f"(BEATWATCH_PUBLISH_RETRY_SECONDS); check that Kafka runs at {settings.broker}, and "
            "publish again what was not counted"
        )


class KeyBy(StrEnum):
    """What an article's Kafka key is, and so which partition it goes to."""

    ID = "id"
    NONE = "none"


class Publisher:
    """Publishes one article after the other, a bounded number of them in flight.

    The broker's client lives on a loop in a thread of its own: so what was sent goes out while
    this thread waits for a slow standard input, and Ctrl-C ends that wait.

    Attributes:
        published: how many articles the broker has.
        rejectable: how many of those sent will be rejected: no valid articles, or too long.
    """

    def __init__(
        self,
        settings: Settings,
        producer: AIOKafkaProducer,
        loop: asyncio.AbstractEventLoop,
        partitions: Iterator[int | None],
    ) -> None:
        self.published = 0
        self.rejectable = 0
        self._settings = settings
        self._producer = producer
        self._loop = loop
        self._topic = settings.articles_topic
        self._partitions = partitions
        self._free = asyncio.Semaphore(_IN_FLIGHT_ARTICLES)
        self._refused: tuple[str, BaseException] | None = None

    def publish(self, article: FoundArticle) -> None:
        """Send an article; the broker has it when `published` has counted it.

        Raises:
            RefusedArticleError: the broker did not take this or an earlier one.
            UntakenArticlesError: it takes none at all.
        """
        key = _read_id(article.value)
        # One that is too long keeps its key: it may be replayed under a higher limit, and belongs
        # where its other versions are.
        self.rejectable += key is None or len(article.value) > self._settings.article_max_bytes
        _call(self._loop, self._send(article, key, next(self._partitions)))

    def close(self) -> None:
        """Wait until the broker has all that was sent, and let go of it.

        Raises:
            RefusedArticleError: it did not take an article.
            UntakenArticlesError: it takes none any more.
        """
        _call(self._loop, self._wait_for_broker(self._producer.stop()))
        self.raise_refusal()

    def raise_refusal(self) -> None:
        """Raise the first refusal of the broker's, if there was one."""
        if self._refused:
            place, error = self._refused
            raise RefusedArticleError(place, self._topic, error) from error

    async def _send(self, article: FoundArticle, key: bytes | None, partition: int | None) -> None:
        await self._wait_for_broker(self._free.acquire())
        self.raise_refusal()
        try:
            sent = await self._wait_for_broker(
                self._producer.send(
                    self._topic,
                    value=article.value,
                    key=key if partition is None else None,
                    partition=partition,
                )
            )
        except KafkaError as error:
            raise RefusedArticleError(article.place, self._topic, error) from error
        sent.add_done_callback(partial(self._settle, article.place))

    async def _wait_for_broker(self, work: Awaitable[_T]) -> _T:
        # aiokafka's idempotent producer never gives up.
        try:
            async with asyncio.timeout(self._settings.publish_retry_seconds):
                return await work
        except TimeoutError as error:
            raise UntakenArticlesError(self._settings) from error

    def _settle(self, place: str, sent: asyncio.Future[Any]) -> None:
        self._free.release()
        if sent.cancelled():
            return
        error = sent.exception()
        self.published += error is None
        if error is not None and self._refused is None:
            self._refused = (place, error)


@contextmanager
def open_publisher(settings: Settings, key_by: KeyBy = KeyBy.ID) -> Iterator[Publisher]:
    """Open a publisher; what it was given goes out before it is closed, also on an error.

    Args:
        settings: how to reach the broker, and the topic's name.
        key_by: by id, what is no valid article goes without a key; without keys the partitions
            take turns.

    Raises:
        BrokerError: the broker or its topics are not there.
        RefusedArticleError, UntakenArticlesError: the broker did not take an article, or none.
    """
    with _run_loop() as loop:
        _call(loop, wait_for_topics(settings))
        producer = _call(loop, _start_producer(settings))
        partitions: Iterable[int | None] = [None]
        if key_by is KeyBy.NONE:
            partitions = sorted(_call(loop, producer.partitions_for(settings.articles_topic)))
        with closing(Publisher(settings, producer, loop, cycle(partitions))) as publisher:
            yield publisher


def publish_articles(settings: Settings, values: Iterable[bytes]) -> int:
    """Publish articles keyed by their id, in order, as they are read.

    Returns:
        How many were published, all of which the broker has.

    Raises:
        BrokerError, RefusedArticleError, UntakenArticlesError: as `open_publisher`.
    """
    with open_publisher(settings) as publisher:
        for number, value in enumerate(values, 1):
            publisher.publish(FoundArticle(f"article {number}", value))
    return publisher.published


def pace_articles(
    articles: Iterable[_T],
    per_second: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[_T]:
    """Hand on articles evenly by the clock: after a pause of the source's there is no burst."""
    interval_seconds = 1 / per_second
    due = -math.inf
    for article in articles:
        wait = due - now()
        if wait > 0:
            sleep(wait)
        # A little late is made up for; later than the next was due begins a new plan.
        if now() - due > interval_seconds:
            due = now()
        yield article
        due += interval_seconds


async def _start_producer(settings: Settings) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        enable_idempotence=True,
        max_request_size=PRODUCER_MAX_REQUEST_BYTES,
    )
    await producer.start()
    return producer


@contextmanager
def _run_loop() -> Iterator[asyncio.AbstractEventLoop]:
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run_until_told() -> None:
        end = asyncio.Event()
        running.set_result((asyncio.get_running_loop(), end))
        await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(run_until_told(),), daemon=True)
    thread.start()
    loop, end = running.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


def _call(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run_coroutine_threadsafe(work, loop).result()


def _read_id(value: bytes) -> bytes | None:
    try:
        return parse_article(value).id.encode()
    except RejectedArticleError:
        return None
