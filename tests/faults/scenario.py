"""One scenario: a broker of its own, workers, articles at a steady rate, faults, a verdict."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

from confluent_kafka import KafkaException

from service.embedded_kafka import EmbeddedKafka
from service.topics import create_topics
from tests.conftest import KAFKA_CACHE, Beat, create_beat
from tests.faults.commits import CommitSampler, now_ms
from tests.faults.judge import Judge, Verdict
from tests.faults.operator_audit import run_audit
from tests.faults.plan import PARTITIONS, Plan
from tests.faults.publisher import Publisher
from tests.faults.supervisor import Supervisor
from tests.faults.traffic import Kind, Sent
from tests.kafka_client import read_committed, read_ends

# A minute without the broker, and what it takes to work off what came meanwhile.
PATIENCE_SECONDS = 240.0
# Nobody tells when workers are so far: the broker is asked again and again.
_LOOK_EVERY_SECONDS = 0.25


class ScenarioError(Exception):
    """A scenario could not be run as it is meant; says what did not happen."""


def read_process_state(pid: int) -> str:
    """The state of a process as Linux tells it: `Z` once it has ended and nobody asked how."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


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
        self.publisher: Publisher
        self.commits: CommitSampler
        self.faults: list[str] = []
        self.healed_ms: list[int] = []
        self.deleted_ms: list[int] = []
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.broker.start()
        self.beat = create_beat(
            self.broker,
            self.plan.replicas,
            BEATWATCH_LOG_FORMAT="json",
            **self.plan.environ,
        )
        self.publisher = Publisher(self.plan, self.beat)
        self.commits = CommitSampler(self.beat)
        self.supervisor = Supervisor(
            self.beat.environ, self.folder, self.plan.command, static=self.plan.static
        )
        for number in range(self.plan.workers):
            self.supervisor.start(number)
        for number in range(self.plan.workers):
            self.supervisor.find(number).wait_until_ready()
        self.publisher.start()
        self.commits.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.supervisor.end()
        self.publisher.stop()
        self.commits.stop()
        self.broker.stop()

    @property
    def sent(self) -> dict[int, Sent]:
        """What was published, by its number."""
        return self.publisher.sent

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
            self._over.wait(_LOOK_EVERY_SECONDS)

    def pass_time(self, seconds: float) -> None:
        """Let a fault last."""
        self._over.wait(seconds)

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Note one injected fault; recovery counts from the end of the block."""
        self.faults.append(name)
        self.commits.sample()
        yield
        self.healed_ms.append(now_ms())
        self.commits.sample()

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
        self.commits.sample()
        self.faults += ["by itself"] * self.count_own_faults()
        self.commits.stop()
        for number in list(self.supervisor.places):
            self.supervisor.terminate(number)
        judge = Judge(
            self.beat,
            self.sent,
            rejections_allowed=self.plan.rejections_allowed,
            deleted_ms=self.deleted_ms,
        )
        verdict = judge.judge(self.commits.samples, self.healed_ms)
        verdict.lost += stuck
        verdict.audited = run_audit(self.beat.environ)
        return verdict

    def finish_publishing(self) -> None:
        """Publish what is missing, and no more."""
        self.publisher.finish(PATIENCE_SECONDS)

    def send_soon(self, kind: Kind) -> None:
        """Have the next article be of a kind that the mix has none of, and wait for that."""
        self.publisher.wanted.append(kind)
        self.wait_until(lambda: not self.publisher.wanted, f"no {kind} article was sent")

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
                self._over.wait(_LOOK_EVERY_SECONDS)
            if stuck:
                return [*stuck, self.tail()]
        return stuck
