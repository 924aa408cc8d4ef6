"""One Kafka with articles on it, the same for all that are measured."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.newsroom import Newsroom, write_message
from service.classifier import Classifier
from service.embedded_kafka import EmbeddedKafka
from service.settings import CHECKOUT, read_settings
from service.topics import create_topics

# Longer than any contender takes to start on a busy machine.
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2
# What librdkafka may hold while the broker is busy.
_QUEUE_MESSAGES = 20_000
_TOPICS = ("ARTICLES", "MATCHES", "STORIES", "ALERTS", "DLQ")


class NoOutcomesError(Exception):
    """Nothing came out in time; says where nothing came out."""


class Ground:
    """Kafka, and topics made on it when they are first asked for."""

    def __init__(self, kafka: EmbeddedKafka, scratch: Path) -> None:
        self.kafka = kafka
        self.scratch = scratch
        self.newsroom = Newsroom(Classifier.load(CHECKOUT / "models"))
        self._filled: dict[str, int] = {}
        self._runs = 0

    def fill_articles(self, partitions: int, count: int) -> str:
        """Have so many articles on a topic of so many partitions.

        Returns:
            The topic's name.
        """
        topic = f"articles-{partitions}"
        self._fill(topic, partitions, count, self.newsroom.write_article)
        return topic

    def fill_dated_articles(self, partitions: int, count: int) -> str:
        """Have as many that may be later versions on another topic."""
        topic = f"dated-articles-{partitions}"
        self._fill(topic, partitions, count, self.newsroom.write_dated_article)
        return topic

    def prepare_run(self, articles: str, partitions: int) -> dict[str, str]:
        """Make topics and a group that nobody used, beside a topic of articles.

        Returns:
            The settings of a worker, the names of topics among them.
        """
        self._runs += 1
        names = {topic: f"run-{self._runs}.{topic.lower()}" for topic in _TOPICS}
        return self._create_topics(names | {"ARTICLES": articles}, partitions)

    def _fill(
        self, topic: str, partitions: int, count: int, write: Callable[[int], dict[str, str]]
    ) -> None:
        if topic not in self._filled:
            self._create_topics({"ARTICLES": topic}, partitions)
            self._filled[topic] = 0
        producer = Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "linger.ms": 20,
                "queue.buffering.max.messages": 2 * _QUEUE_MESSAGES,
            }
        )
        for number in range(self._filled[topic], count):
            key, value = write_message(write(number))
            producer.produce(topic, value, key)
            while len(producer) > _QUEUE_MESSAGES:
                producer.poll(_POLL_SECONDS)
        producer.flush()
        self._filled[topic] = max(self._filled[topic], count)

    def _create_topics(self, names: dict[str, str], partitions: int) -> dict[str, str]:
        environ = {
            "BEATWATCH_BROKER": f"kafka://{self.kafka.bootstrap}",
            "BEATWATCH_GROUP": f"run-{self._runs}",
        }
        names = {topic: f"{names['ARTICLES']}.{topic.lower()}" for topic in _TOPICS} | names
        environ |= {f"BEATWATCH_{topic}_TOPIC": name for topic, name in names.items()}
        asyncio.run(create_topics(read_settings(environ), partitions=partitions))
        return environ


class Outcomes:
    """Reads what comes out on a topic, from its beginning."""

    def __init__(self, ground: Ground, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": ground.kafka.bootstrap,
                "group.id": f"{topic}.watched",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        partitions = self._consumer.list_topics(topic).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, each, 0) for each in partitions])

    def wait_for_first(self, since: float) -> float:
        """Wait for the first one that the broker got since then, in seconds of the epoch.

        Returns:
            When the broker got it, in seconds of the epoch.

        Raises:
            NoOutcomesError: there was none in time.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            later = [stamp for stamp in self._read(_POLL_SECONDS) if stamp >= since]
            if later:
                return later[0]
        raise NoOutcomesError(f"nothing came out on {self._topic} in {_PATIENCE_SECONDS:g} s")

    def read_for(self, seconds: float, most: int) -> list[float]:
        """Read on for so long, or until there were so many more.

        Returns:
            When the broker got each, in seconds of the epoch, in that order.
        """
        deadline = time.monotonic() + seconds
        stamps: list[float] = []
        while len(stamps) < most and time.monotonic() < deadline:
            stamps += self._read(_POLL_SECONDS)
        return sorted(stamps)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _read(self, seconds: float) -> list[float]:
        messages = self._consumer.consume(1000, timeout=seconds)
        return [each.timestamp()[1] / 1000 for each in messages if each.error() is None]


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Start a Kafka of our own; stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="beatwatch-bench-") as folder:
        scratch = Path(folder)
        cache = CHECKOUT / ".cache" / "kafka"
        with EmbeddedKafka(scratch / "kafka", cache_dir=cache) as kafka:
            yield Ground(kafka, scratch)
