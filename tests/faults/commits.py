"""What the group had committed, moment by moment, in a thread of its own."""

import threading
import time
from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.conftest import Beat
from tests.faults.plan import PARTITIONS

# A partition and an offset in it.
Place = tuple[int, int]

SAMPLE_EVERY_SECONDS = 1.0
_ASK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CommitSample:
    """What the group had committed at a moment, by partition: the offset after the last one."""

    taken_ms: int
    articles: dict[int, int]
    matches: dict[int, int]


class CommitSampler:
    """Samples every second, and whenever it is told to."""

    def __init__(self, beat: Beat) -> None:
        self._beat = beat
        self.samples: list[CommitSample] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_sampling, daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> None:
        """Sample no more."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(10)

    def sample(self) -> None:
        """Note what is committed now; nothing where the broker does not say."""
        settings = self._beat.settings
        partitions = [TopicPartition(settings.articles_topic, n) for n in range(PARTITIONS)]
        partitions.append(TopicPartition(settings.matches_topic, 0))
        consumer = Consumer(
            {
                "bootstrap.servers": self._beat.bootstrap,
                "group.id": settings.group,
                "log_level": 0,
            }
        )
        try:
            committed = consumer.committed(partitions, timeout=_ASK_SECONDS)
        except KafkaException:
            return
        finally:
            consumer.close()
        self.samples.append(
            CommitSample(
                now_ms(),
                {e.partition: e.offset for e in committed if e.topic == settings.articles_topic},
                {e.partition: e.offset for e in committed if e.topic == settings.matches_topic},
            )
        )

    def _keep_sampling(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_SECONDS):
            self.sample()


def now_ms() -> int:
    """Milliseconds since 1970, as the broker's timestamps."""
    return round(time.time() * 1000)


def find_wrong_commits(
    samples: Iterable[CommitSample],
    classified: Mapping[Place, int | None],
    told: Mapping[Place, int],
) -> list[str]:
    """List what was committed before it was done.

    Args:
        samples: what was committed when.
        classified: articles that owe something to when (ms since 1970) they were rejected or
            handed to the desk; none for never.
        told: matches to when what they owe was told.
    """
    wrong = []
    for sample in samples:
        for (partition, offset), done in classified.items():
            if offset < sample.articles.get(partition, -1) and (
                done is None or done > sample.taken_ms
            ):
                wrong.append(f"article {partition}:{offset} was not done at {sample.taken_ms}")
        for (partition, offset), due in told.items():
            if offset < sample.matches.get(partition, -1) and due > sample.taken_ms:
                wrong.append(f"match {partition}:{offset} was not told at {sample.taken_ms}")
    return wrong


def count_late_repeats(
    samples: Iterable[CommitSample], repeated: Iterable[tuple[Place, int]]
) -> int:
    """Count what was published again though it had been committed.

    Args:
        samples: what was committed when.
        repeated: articles, and when (ms since 1970) they were rejected or handed over again.
    """
    ordered = sorted(samples, key=lambda sample: sample.taken_ms)
    moments = [sample.taken_ms for sample in ordered]
    late = 0
    for (partition, offset), at_ms in repeated:
        before = bisect(moments, at_ms)
        late += before > 0 and ordered[before - 1].articles.get(partition, -1) > offset
    return late
