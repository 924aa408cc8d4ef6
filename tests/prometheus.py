"""A real Prometheus on this machine, that reads workers as ours in production does."""

import json
import time
import urllib.error
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from service.worker_process import find_free_port
from tests.monitoring_servers import read_page, start_server

_PATIENCE_SECONDS = 30.0
# Nobody tells when Prometheus is so far: it is asked again and again.
_LOOK_EVERY_SECONDS = 0.2


class PrometheusError(Exception):
    """Prometheus refused a query, or never said what was waited for."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its metric labels, and its values with their moments."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def ask(self, query: str) -> list[Series]:
        """Ask for the values of now."""
        found = self._get("query", query=query)["result"]
        return [_read_series(each["metric"], [each["value"]]) for each in found]

    def ask_range(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """Ask for the values between two moments (Unix time), each `step` seconds."""
        asked = {"query": query, "start": f"{start}", "end": f"{end}", "step": f"{step}"}
        found = self._get("query_range", **asked)["result"]
        return [_read_series(each["metric"], each["values"]) for each in found]

    def list_values(self, label: str, selector: str) -> list[str]:
        """List the values that a metric label has in some series."""
        values: list[str] = self._get(f"label/{label}/values", **{"match[]": selector})
        return values

    def wait_for(self, query: str, least: float) -> None:
        """Wait until the sum of a query's values is so much.

        Raises:
            PrometheusError: it is not, in time.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            found = [value for each in self.ask(query) for _, value in each.points]
            if found and sum(found) >= least:
                return
            if time.monotonic() > deadline:
                raise PrometheusError(f"{query} is {found}, not {least:g}")
            time.sleep(_LOOK_EVERY_SECONDS)

    def _get(self, page: str, **parameters: str) -> Any:
        try:
            return json.loads(read_page(f"{self.url}/api/v1/{page}", **parameters))["data"]
        except urllib.error.HTTPError as error:
            raise PrometheusError(error.read().decode()) from error


@contextmanager
def start_prometheus(
    program: str, folder: Path, targets: Sequence[str], rules: Sequence[Path] = ()
) -> Iterator[Prometheus]:
    """Start a Prometheus on a free port; end it at the end.

    Args:
        program: its path.
        folder: for its configuration, log and data.
        targets: `host:port` of the workers, read every second.
        rules: files of rules.

    Raises:
        MonitoringServerError: it does not come up.
    """
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(path) for path in rules],
                "scrape_configs": [
                    {"job_name": "beatwatch", "static_configs": [{"targets": list(targets)}]}
                ],
            }
        )
    )
    url = f"http://127.0.0.1:{find_free_port()}"
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with start_server(command, url, folder / "prometheus.log"):
        yield Prometheus(url)


def _read_series(labels: Mapping[str, str], points: Sequence[tuple[float, str]]) -> Series:
    return Series(labels, [(moment, float(value)) for moment, value in points])
