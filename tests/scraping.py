"""A worker's /metrics as Prometheus reads them."""

import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from service.worker_process import WorkerProcess

PATIENCE_SECONDS = 90.0

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Scrape:
    """All series of one scrape."""

    values: dict[Series, float]

    def get(self, name: str, **labels: str) -> float:
        """Give one series; it must be there."""
        return self.values[f"beatwatch_{name}", frozenset(labels.items())]

    def sum(self, name: str) -> float:
        """Add up the series of a name."""
        return sum(value for (each, _), value in self.values.items() if each == f"beatwatch_{name}")

    @property
    def lags(self) -> dict[tuple[str, int], int]:
        """The lag of each partition that is shown."""
        found = {}
        for (name, labels), value in self.values.items():
            if name == "beatwatch_consumer_lag_articles":
                at = dict(labels)
                found[at["topic"], int(at["partition"])] = int(value)
        return found

    @property
    def imbalance(self) -> float:
        """What was read and is accounted for nowhere: 0 in every scrape."""
        read = self.get("articles_read_total") + self.get("matches_read_total")
        ended = self.sum("articles_total") + self.get("matches_total")
        return read - ended - self.sum("in_flight_articles")


def scrape(worker: WorkerProcess) -> Scrape:
    """Scrape a worker."""
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=10) as page:  # noqa: S310, ours
        families = text_string_to_metric_families(page.read().decode())
    return Scrape(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }
    )


def scrape_until(worker: WorkerProcess, is_so: Callable[[Scrape], bool]) -> list[Scrape]:
    """Scrape a worker until something is so; give all scrapes."""
    scrapes = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        scrapes.append(scrape(worker))
        if is_so(scrapes[-1]):
            return scrapes
        assert time.monotonic() < deadline, f"{scrapes[-1]}\n{worker.tail()}"
        time.sleep(0.1)
