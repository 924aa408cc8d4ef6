"""Do commits advance while articles wait? Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service.stalls import Partition, Waiting


@dataclass
class CommitClock:
    """Counts how long articles have waited and nothing of their topic was committed.

    By topic, as classify and the desk work side by side; not by partition, as while others have a
    backlog one waits its turn. Time in which the broker does not answer does not count: see `note`.
    """

    _committed: dict[Partition, int] = field(default_factory=dict)
    _late_seconds: dict[str, float] = field(default_factory=dict)

    def note(self, waiting: Mapping[Partition, Waiting], seconds: float) -> set[str]:
        """Take note of what the broker tells.

        Args:
            waiting: what waits of each partition that is ours.
            seconds: since it told last.

        Returns:
            The topics of which an offset has advanced since then.
        """
        advanced = {
            at[0]
            for at, each in waiting.items()
            if each.committed > self._committed.get(at, each.committed)
        }
        lags: dict[str, int] = defaultdict(int)
        for (topic, _), each in waiting.items():
            lags[topic] += each.lag
        known = {topic for topic, _ in self._committed}
        self._late_seconds = {
            topic: self._late_seconds.get(topic, 0.0) + seconds
            if lag and topic in known and topic not in advanced
            else 0.0
            for topic, lag in lags.items()
        }
        self._committed = {at: each.committed for at, each in waiting.items()}
        return advanced

    @property
    def late_seconds(self) -> Mapping[str, float]:
        """How long, by topic; 0 of one of which nothing waits."""
        return self._late_seconds

    def list_late(
        self, waiting: Mapping[Partition, Waiting], seconds: float
    ) -> Iterable[Partition]:
        """List the partitions of which something waits, where that is so for longer."""
        return [
            at for at, each in waiting.items() if each.lag and self._late_seconds[at[0]] > seconds
        ]
