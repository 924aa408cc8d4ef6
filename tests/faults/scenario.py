"""One scenario: a broker of its own, workers, articles at a steady rate, faults, a verdict."""

import asyncio
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from service.embedded_kafka import EmbeddedKafka
from service.topics import create_topics
from tests.conftest import KAFKA_CACHE, Beat, create_beat
from tests.faults.judge import CommitSample, Judge, Verdict
from tests.faults.supervisor import WORKER, Supervisor
from tests.faults.traffic import EVERYDAY, SEQUENCE_HEADER, Kind, Sent, write_traffic
from tests.kafka_client import read_committed, read_ends

PARTITIONS = 4
# Fewer while a scenario is being written: FAULTS_ARTICLES=1000.
ARTICLES = int(os.environ.get("FAULTS_ARTICLES", "20000"))
SAMPLE_EVERY_SECONDS = 1.0
_ASK_SECONDS = 2.0
# A minute without the broker, and what it takes to work off what came meanwhile.
PATIENCE_SECONDS = 240.0


class ScenarioError(Exception):
    """A scenario could not be run as it is meant; says what did not happen."""


def read_process_state(pid: int) -> str:
    """The state of a process as Linux tells it: `Z` once it has ended and nobody asked how."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def now_ms() -> int:
    """Milliseconds since 1970, as the broker's timestamps."""
    return round(time.time() * 1000)


@dataclass(slots=True)
class Plan:
    """What a scenario is made of.

    Attributes:
        name: of the scenario; its seed comes from it.
        articles: how many are published at least.
        rate: how many a second.
        mix: what kinds of articles, see traffic.py.
        workers: how many work from the beginning.
        static: whether with static membership.
        command: what Python runs as a worker.
        environ: settings of the workers over those of the beat.
        rejections_allowed: reasons for which a rejection may stand for an alert.
        counted_in: where workers that inject faults write them down, one a line.
        replicas: of each partition of our topics.
    """

    name: str
    articles: int = ARTICLES
    rate: int = 500
    mix: Mapping[Kind, int] = field(default_factory=lambda: EVERYDAY)
    workers: int = 1
    static: bool = False
    command: Sequence[str] = WORKER
    environ: Mapping[str, str] = field(default_factory=dict)
    rejections_allowed: frozenset[str] = frozenset()
    counted_in: Path | None = None
    replicas: int = 1

    @property
    def seed(self) -> int:
        """The seed of articles and moments: the same in each run."""
        return zlib.crc32(self.name.encode())


class Broker(Protocol):
    """What a scenario does with its broker."""

    @property
    def bootstrap(self) -> str: ...

    @property
    def pid(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Scenario:
    """A scenario while it runs; a context manager that ends whatever it started.

    Args:
        plan: what it is made of.
        folder: for the broker and the workers' logs.
        broker: by default one node.
    """

    def __init__(self, plan: Plan, folder: Path, broker: Broker | None = None) -> None:
        self.plan = plan
        self.folder = folder
        self.chance = random.Random(plan.seed)  # noqa: S311, not a secret
        self.broker = broker or EmbeddedKafka(folder / "kafka", cache_dir=KAFKA_CACHE)
        self.beat: Beat
        self.supervisor: Supervisor
        self.sent: dict[int, Sent] = {}
        self.faults: list[str] = []
        self.healed_ms: list[int] = []
        self.deleted_ms: list[int] = []
        self.samples: list[CommitSample] = []
        self._enough = threading.Event()
        self._over = threading.Event()
        self._undelivered: list[str] = []
        self._wanted: list[Kind] = []
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._keep_publishing, self._keep_sampling)
        ]

    def __enter__(self) -> Self:
        self.broker.start()
        self.beat = create_beat(
            self.broker,
            self.plan.replicas,
            BEATWATCH_LOG_FORMAT="json",
            **self.plan.environ,
        )
        self.supervisor = Supervisor(
            self.beat.environ, self.folder, self.plan.command, static=self.plan.static
        )
        for number in range(self.plan.workers):
            self.supervisor.start(number)
        for number in range(self.plan.workers):
            self.supervisor.find(number).wait_until_ready()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._enough.set()
        self._over.set()
        self.supervisor.end()
        for thread in self._threads:
            thread.join(10)
        self.broker.stop()

    def wait_for_outcomes(self) -> None:
        """Wait until alerts come, and then a random moment of up to two seconds more.

        Raises:
            ScenarioError: none come.
        """
        begun = self._count_alerts()
        self.wait_until(lambda: self._count_alerts() > begun, "no alert came")
        self._over.wait(self.chance.uniform(0.2, 2.0))

    def wait_until(self, is_so: Callable[[], bool], otherwise: str) -> None:
        """Wait for an effect.

        Raises:
            ScenarioError: it does not come.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise ScenarioError(f"{otherwise} in {PATIENCE_SECONDS:g} s:\n{self.tail()}")
            self._over.wait(0.25)

    def pass_time(self, seconds: float) -> None:
        """Let a fault last."""
        self._over.wait(seconds)

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Note one injected fault; recovery counts from the end of the block."""
        self.faults.append(name)
        self.sample_commits()
        yield
        self.healed_ms.append(now_ms())
        self.sample_commits()

    def count_own_faults(self) -> int:
        """Count the faults that workers have injected themselves."""
        counted_in = self.plan.counted_in
        return len(counted_in.read_text().split()) if counted_in and counted_in.exists() else 0

    def finish(self) -> Verdict:
        """Publish what is missing, wait until all is handled, stop the workers, judge.

        Raises:
            ScenarioError: articles wait and nobody handles them.
        """
        self.finish_publishing()
        stuck = self._wait_until_handled()
        self.sample_commits()
        self.faults += ["by itself"] * self.count_own_faults()
        self._over.set()
        self._threads[1].join()
        for number in list(self.supervisor.places):
            self.supervisor.terminate(number)
        judge = Judge(
            self.beat,
            self.sent,
            rejections_allowed=self.plan.rejections_allowed,
            deleted_ms=self.deleted_ms,
        )
        verdict = judge.judge(self.samples, self.healed_ms)
        verdict.lost += stuck
        return verdict

    def finish_publishing(self) -> None:
        """Publish what is missing, and no more.

        Raises:
            ScenarioError: not all could be published.
        """
        self._enough.set()
        self._threads[0].join(PATIENCE_SECONDS)
        if self._threads[0].is_alive() or self._undelivered:
            raise ScenarioError(f"not all could be published: {self._undelivered[:3]}")

    def send_soon(self, kind: Kind) -> None:
        """Have the next article be of a kind that the mix has none of, and wait for that."""
        self._wanted.append(kind)
        self.wait_until(lambda: not self._wanted, f"no {kind} article was sent")

    def make_topics(self) -> None:
        """Make the topics that are missing."""
        asyncio.run(create_topics(self.beat.settings, partitions=PARTITIONS))

    def broker_runs(self) -> bool:
        """Whether the broker's process runs."""
        try:
            return read_process_state(self.broker.pid) != "Z"
        except FileNotFoundError:
            return False

    def tail(self) -> str:
        """The last lines of the workers' logs."""
        return "\n".join(
            place.worker.tail() for place in self.supervisor.places.values() if place.worker
        )

    def sample_commits(self) -> None:
        """Note what is committed now; nothing where the broker does not say."""
        settings = self.beat.settings
        partitions = [TopicPartition(settings.articles_topic, n) for n in range(PARTITIONS)]
        partitions.append(TopicPartition(settings.matches_topic, 0))
        consumer = Consumer(
            {
                "bootstrap.servers": self.beat.bootstrap,
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

    def _count_alerts(self) -> int:
        try:
            ends = read_ends(self.beat.bootstrap, self.beat.settings.alerts_topic)
        except (KafkaException, KeyError):
            return 0
        return sum(ends.values())

    def _wait_until_handled(self) -> list[str]:
        settings = self.beat.settings
        stuck: list[str] = []
        for topic in (settings.articles_topic, settings.matches_topic):
            deadline = time.monotonic() + PATIENCE_SECONDS
            furthest = -1
            while True:
                try:
                    ends = read_ends(self.beat.bootstrap, topic)
                    committed = read_committed(self.beat.bootstrap, settings.group, topic)
                except KafkaException as error:
                    stuck = [f"{topic}: {error}"]
                else:
                    waiting = [each for each, end in ends.items() if committed[each] < end]
                    waiting = [each for each in waiting if ends[each]]
                    stuck = [f"{topic}: committed {committed} of {ends}"] if waiting else []
                    if sum(committed.values()) > furthest:
                        # A slow machine is no fault: only who gets no further is stuck.
                        furthest = sum(committed.values())
                        deadline = time.monotonic() + PATIENCE_SECONDS
                if not stuck or time.monotonic() > deadline:
                    break
                time.sleep(0.3)
            if stuck:
                return [*stuck, self.tail()]
        return stuck

    def _keep_sampling(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_SECONDS):
            self.sample_commits()

    def _keep_publishing(self) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self.beat.bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 300_000,
                "message.max.bytes": 10_000_000,
                "queue.buffering.max.messages": 1_000_000,
                "linger.ms": 5,
                "log_level": 0,
            }
        )

        def note(error: Any, _message: Any) -> None:
            if error:
                self._undelivered.append(str(error))

        begun = time.monotonic()
        for sent in write_traffic(self.plan.seed, self.plan.mix, self._wanted):
            if self._over.is_set():
                return
            if self._enough.is_set() and sent.number >= self.plan.articles:
                break
            ahead = sent.number / self.plan.rate - (time.monotonic() - begun)
            if ahead > 0:
                producer.poll(0)
                time.sleep(ahead)
            self.sent[sent.number] = sent
            producer.produce(
                self.beat.settings.articles_topic,
                key=sent.article_id.encode(),
                value=sent.value,
                headers=[(SEQUENCE_HEADER, str(sent.number).encode())],
                on_delivery=note,
            )
        producer.flush(PATIENCE_SECONDS)
