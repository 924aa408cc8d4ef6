"""What a scenario is made of."""

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.supervisor import WORKER
from tests.faults.traffic import EVERYDAY, Kind

PARTITIONS = 4
# Fewer while a scenario is being written: FAULTS_ARTICLES=1000.
ARTICLES = int(os.environ.get("FAULTS_ARTICLES", "20000"))


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
