"""What is measured beside each other: our worker, and what a newsroom could write instead."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import Ground
from service.settings import CHECKOUT
from service.worker_process import start_worker

QUIX_REQUIREMENTS = Path(__file__).with_name("quix-requirements.txt")
_QUIX_ENVIRONMENT = CHECKOUT / ".cache" / "quix"
_INSTALL_SECONDS = 180


class Started(NamedTuple):
    """A contender at work: its processes, and the topic on which its outcomes come out."""

    pids: list[int]
    outcomes: str


Starter = Callable[[Ground, str, int], AbstractContextManager[Started]]


class Contender(NamedTuple):
    """Something that reads articles and tells which match.

    `start` takes the ground, the topic of articles and how many partitions it has.
    """

    name: str
    start: Starter


@contextmanager
def start_workers(
    ground: Ground, articles: str, partitions: int, *, workers: int
) -> Iterator[Started]:
    """Start our workers as users run them, until each has its partitions; kill them at the end."""
    environ = ground.prepare_run(articles, partitions)
    with ExitStack() as running:
        started = [
            running.enter_context(start_worker(environ, ground.scratch)) for _ in range(workers)
        ]
        # The first is ready before the second takes partitions from it, and again after.
        for worker in (*started, *started):
            worker.wait_until_ready()
        pids = [each.process.pid for each in started]
        yield Started(pids, environ["BEATWATCH_ALERTS_TOPIC"])


@contextmanager
def _start_loop(
    ground: Ground, articles: str, partitions: int, *, module: str, python: str
) -> Iterator[Started]:
    environ = ground.prepare_run(articles, partitions)
    # It has the same settings as an alert's topic: the broker's own time is on what comes out.
    outcomes = environ["BEATWATCH_ALERTS_TOPIC"]
    place = [ground.kafka.bootstrap, articles, outcomes, environ["BEATWATCH_GROUP"]]
    with (ground.scratch / f"{outcomes}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603, our own loops
            [python, "-m", f"benchmarks.loops.{module}", *place],
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            stdout=log,
            stderr=log,
        )
    try:
        yield Started([process.pid], outcomes)
    finally:
        process.kill()
        process.wait()


OURS = Contender("beatwatch", partial(start_workers, workers=1))
BARE_AGENT = Contender(
    "bare Faust agent, no model",
    partial(_start_loop, module="faust_agent", python=sys.executable),
)
HAND_WRITTEN = [
    Contender(name, partial(_start_loop, module=module, python=sys.executable))
    for name, module in (("confluent-kafka", "confluent"), ("aiokafka", "aiokafka_loop"))
]


class NotInstalledError(Exception):
    """Quix Streams cannot be had; says why."""


def make_quix() -> Contender:
    """Make the contender of Quix Streams, with an environment of its own in `.cache/quix`.

    Raises:
        NotInstalledError: it cannot be installed.
    """
    python = _QUIX_ENVIRONMENT / "bin" / "python"
    if not python.exists():
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            _run(sys.executable, "-m", "venv", str(_QUIX_ENVIRONMENT))
            _run(str(python), *install, "--require-hashes", "-r", str(QUIX_REQUIREMENTS))
        except (subprocess.SubprocessError, OSError) as error:
            python.unlink(missing_ok=True)
            raise NotInstalledError(f"not installed: {error}") from error
    return Contender("Quix Streams", partial(_start_loop, module="quix", python=str(python)))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=_INSTALL_SECONDS)  # noqa: S603, our own
