"""Part 5: how soon a worker is ready, and what it needs.

Run by `make bench`, or alone: `python -m benchmarks.start_up`; `--profile` writes
benchmarks/PROFILE.txt.
"""

import statistics
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import Ground, Outcomes, open_ground
from benchmarks.tables import Section, hold_at_most, tell_spread
from benchmarks.throughput import ARTICLES
from benchmarks.usage import read_usage
from service.worker_process import WorkerProcess, start_worker

ROUNDS = 3
PARTITIONS = 4
PROFILE = Path(__file__).with_name("PROFILE.txt")
PROFILE_SECONDS = 15
_LOOK_EVERY_SECONDS = 0.03
_PATIENCE_SECONDS = 60.0

_TEXT = """\
{rounds} starts of a worker, articles waiting. Ready is when `/readyz` says so: the model is
checked and loaded, the broker answers, the group is joined. The first alert is there when the
broker has it. Where the time of a busy worker goes: [PROFILE.txt](PROFILE.txt)."""


class Start(NamedTuple):
    """How a worker started: seconds from the start of its process, and its memory."""

    ready_seconds: float
    alert_seconds: float
    cpu_seconds: float
    memory_bytes: int


def main() -> None:
    """Measure, and print; or profile."""
    with open_ground() as ground:
        if "--profile" in sys.argv:
            write_profile(ground)
        else:
            sys.stdout.write(measure(ground).write())


def measure(ground: Ground) -> Section:
    """Start workers one after the other."""
    articles = ground.fill_articles(PARTITIONS, ARTICLES)
    starts = [_start(ground, articles) for _ in range(ROUNDS)]
    ready = [start.ready_seconds for start in starts]
    rows = [
        ["start to ready, s", tell_spread(ready, 1)],
        ["start to first alert, s", tell_spread([each.alert_seconds for each in starts], 1)],
        ["CPU until ready, s", tell_spread([each.cpu_seconds for each in starts], 1)],
        ["RSS when ready, MB", tell_spread([each.memory_bytes / 1e6 for each in starts])],
    ]
    bar = hold_at_most("start to ready, s", statistics.median(ready), 5, digits=1)
    return Section("Start", _TEXT.format(rounds=ROUNDS), ["", ""], rows, [bar])


def write_profile(ground: Ground) -> None:
    """Write where the time of a worker goes that always has articles waiting."""
    environ = ground.prepare_run(ground.fill_articles(PARTITIONS, ARTICLES), PARTITIONS)
    profiler = ["-m", "pyinstrument", "--outfile", str(PROFILE), "--renderer", "text"]
    quiet = ["--interval", "0.001"]
    with start_worker(
        environ, ground.scratch, [*profiler, *quiet, "-m", "service", "worker"]
    ) as worker:
        worker.wait_until_ready()
        time.sleep(PROFILE_SECONDS)
        worker.drain()


def _start(ground: Ground, articles: str) -> Start:
    environ = ground.prepare_run(articles, PARTITIONS)
    began_at, begun = time.time(), time.perf_counter()
    with start_worker(environ, ground.scratch) as worker:
        _wait_until_ready(worker)
        ready_seconds = time.perf_counter() - begun
        usage = read_usage([worker.process.pid])
        outcomes = Outcomes(ground, environ["BEATWATCH_ALERTS_TOPIC"])
        try:
            alerted_at = outcomes.wait_for_first(began_at)
        finally:
            outcomes.close()
    return Start(ready_seconds, alerted_at - began_at, usage.cpu_seconds, usage.memory_bytes)


def _wait_until_ready(worker: WorkerProcess) -> None:
    """As the worker's own wait, but looks oftener."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{worker.url}/readyz", timeout=5):  # noqa: S310, ours
                return
        except OSError:
            time.sleep(_LOOK_EVERY_SECONDS)
    raise TimeoutError(worker.tail())


if __name__ == "__main__":
    main()
