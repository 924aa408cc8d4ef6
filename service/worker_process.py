"""A worker in a process of its own, as a supervisor runs it; for demo and tests."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from service.settings import CHECKOUT, PREFIX

# A worker is ready in about 2 s and the articles take less; this is for a busy machine.
_PATIENCE_SECONDS = 45.0
# Nobody tells when another process is so far: it is asked again and again.
_LOOK_EVERY_SECONDS = 0.1
_DRAIN_SECONDS = 20.0


class WorkerProcessError(Exception):
    """The worker did not do what it must in time; says what, with its last log lines."""


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker in a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    log_file: Path

    def wait_until_ready(self) -> None:
        """Wait until /readyz says 200.

        Raises:
            WorkerProcessError: the worker ended, or is not ready in time.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise WorkerProcessError(
                    f"the worker ended with {self.process.returncode}:\n{self.tail()}"
                )
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310, ours
                    return
            except OSError:
                time.sleep(_LOOK_EVERY_SECONDS)
        raise WorkerProcessError(
            f"the worker was not ready in {_PATIENCE_SECONDS:g} s:\n{self.tail()}"
        )

    def read_ledger(self) -> dict[str, int]:
        """Read how many articles came to each outcome."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as page:  # noqa: S310, ours
            families = text_string_to_metric_families(page.read().decode())
        return {
            sample.labels["outcome"]: int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name == "beatwatch_articles_total"
        }

    def wait_for_ledger(self, articles: int) -> dict[str, int]:
        """Wait until so many articles have come to an outcome.

        Raises:
            WorkerProcessError: they have not in time.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            ledger = self.read_ledger()
            if sum(ledger.values()) >= articles:
                return ledger
            if time.monotonic() > deadline:
                raise WorkerProcessError(
                    f"{sum(ledger.values())} of {articles} articles came to an outcome in "
                    f"{_PATIENCE_SECONDS:g} s:\n{self.tail()}"
                )
            time.sleep(_LOOK_EVERY_SECONDS)

    def drain(self) -> None:
        """Stop the worker as a supervisor does, with SIGTERM.

        Raises:
            WorkerProcessError: it did not end, or not with exit code 0.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise WorkerProcessError(f"the worker did not drain in {_DRAIN_SECONDS:g} s") from error
        if code != 0:
            raise WorkerProcessError(f"the worker drained with exit code {code}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-15:])


@contextmanager
def start_worker(
    settings: Mapping[str, str],
    scratch: Path,
    command: Sequence[str] = ("-m", "service", "worker"),
) -> Iterator[WorkerProcess]:
    """Start `beatwatch worker` on a free port; kill it at the end if it still runs.

    Args:
        settings: BEATWATCH_* names and values; no others reach the worker.
        scratch: folder for its log and data.
        command: what Python runs.
    """
    port = find_free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= settings
    environment |= {"BEATWATCH_HTTP_PORT": str(port), "BEATWATCH_DATA_DIR": str(scratch / "data")}
    log_file = scratch / f"worker-{port}.log"
    with log_file.open("wb") as log:
        # A session of its own: Ctrl-C is for us, who then stop the worker in order.
        process = subprocess.Popen(  # noqa: S603, our own interpreter and arguments
            [sys.executable, *command],
            env=environment,
            cwd=CHECKOUT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield WorkerProcess(process, f"http://127.0.0.1:{port}", log_file)
    finally:
        process.kill()
        process.wait()


def find_free_port() -> int:
    """Find a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
