import asyncio
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from service.embedded_kafka import EmbeddedKafka
from service.settings import PREFIX, Settings, read_settings
from service.topics import create_topics
from tests.tools import REQUIRE_ALL

KAFKA_CACHE = Path(__file__).parent.parent / ".cache" / "kafka"
USER, PASSWORD = "desk", "not-a-secret-1"

assert isinstance(REQUIRE_ALL, bool)  # Read before the environment is cleared.
for name in [name for name in os.environ if name.startswith(PREFIX)]:
    # What a developer has set for a service of theirs must not reach the tests'.
    del os.environ[name]


@dataclass(frozen=True)
class Beat:
    """The settings of one test's own topics and group, and the broker they are on."""

    environ: dict[str, str]
    bootstrap: str

    @property
    def settings(self) -> Settings:
        return read_settings(self.environ)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    folder = tmp_path_factory.mktemp("kafka")
    with EmbeddedKafka(folder, cache_dir=KAFKA_CACHE, users={USER: PASSWORD}) as broker:
        yield broker


class Bootstrapped(Protocol):
    """Whatever says where its broker is: `host:port`, several separated by commas."""

    @property
    def bootstrap(self) -> str: ...


_beats = itertools.count(1)


def create_beat(kafka: Bootstrapped, replication_factor: int = 1, /, **changes: str) -> Beat:
    number = f"{os.getpid()}-{next(_beats)}"
    environ = {
        "BEATWATCH_BROKER": f"kafka://{kafka.bootstrap}",
        "BEATWATCH_ARTICLES_TOPIC": f"articles-{number}",
        "BEATWATCH_ALERTS_TOPIC": f"alerts-{number}",
        "BEATWATCH_MATCHES_TOPIC": f"matches-{number}",
        "BEATWATCH_STORIES_TOPIC": f"stories-{number}",
        "BEATWATCH_DLQ_TOPIC": f"dlq-{number}",
        "BEATWATCH_GROUP": f"group-{number}",
        **changes,
    }
    settings = read_settings(environ)
    asyncio.run(create_topics(settings, partitions=4, replication_factor=replication_factor))
    return Beat(environ, kafka.bootstrap)


@pytest.fixture
def beat(kafka: EmbeddedKafka) -> Beat:
    return create_beat(kafka)
