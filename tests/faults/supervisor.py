"""Workers as a supervisor keeps them: whatever ends is started again."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from service.worker_process import WorkerProcess, start_worker

WORKER = ("-m", "service", "worker")
_LOOK_EVERY_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0


class SupervisorError(Exception):
    """A worker did not end as it must."""


@dataclass(slots=True)
class Place:
    """A worker's place: who works there now."""

    number: int
    worker: WorkerProcess | None = None
    held: ExitStack = field(default_factory=ExitStack)


class Supervisor:
    """Keeps workers; starts again after one second what ended by itself, as systemd would.

    Args:
        environ: BEATWATCH_* and other settings of the workers.
        scratch: folder for their logs.
        command: what Python runs.
        static: whether each place has a name of its own in the group (static membership).
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        scratch: Path,
        command: Sequence[str] = WORKER,
        *,
        static: bool = False,
    ) -> None:
        self._environ = dict(environ)
        self._scratch = scratch
        self._command = command
        self._static = static
        self.places: dict[int, Place] = {}
        self.ended_by_themselves: list[int] = []
        self.stop_seconds: list[float] = []
        self.stop_codes: list[int] = []
        self._turn = threading.RLock()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._keep_watching, daemon=True)
        self._watch.start()

    def start(self, number: int) -> WorkerProcess:
        """Start a worker at a place."""
        with self._turn:
            place = self.places.setdefault(number, Place(number))
            scratch = self._scratch / f"place-{number}"
            scratch.mkdir(exist_ok=True)
            environ = dict(self._environ)
            if self._static:
                environ["BEATWATCH_INSTANCE_ID"] = f"place-{number}"
            place.worker = place.held.enter_context(start_worker(environ, scratch, self._command))
            return place.worker

    def kill(self, number: int) -> None:
        """End a worker with SIGKILL; it is not started again."""
        with self._turn:
            process = self.find(number).process
            process.kill()
            process.wait()
            self._let_go(number)

    def terminate(self, *numbers: int) -> None:
        """End workers with SIGTERM, all at once; note with which codes and after how long."""
        with self._turn:
            workers = [self.find(number) for number in numbers]
            begun = time.monotonic()
            for worker in workers:
                worker.process.terminate()
            for number, worker in zip(numbers, workers, strict=True):
                try:
                    code = worker.process.wait(_PATIENCE_SECONDS)
                except subprocess.TimeoutExpired as error:
                    raise SupervisorError(f"SIGTERM did not end it:\n{worker.tail()}") from error
                self.stop_seconds.append(time.monotonic() - begun)
                self.stop_codes.append(code)
                self._let_go(number)

    def freeze(self, number: int) -> None:
        """Stop a worker where it is (SIGSTOP)."""
        os.kill(self.find(number).process.pid, signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        """Let a frozen worker go on (SIGCONT)."""
        os.kill(self.find(number).process.pid, signal.SIGCONT)

    def find(self, number: int) -> WorkerProcess:
        """Find who works at a place."""
        worker = self.places[number].worker
        if worker is None:
            raise SupervisorError(f"nobody works at place {number}")
        return worker

    def end(self) -> None:
        """End all, and watch no more."""
        self._over.set()
        self._watch.join()
        for number in list(self.places):
            if self.places[number].worker is not None:
                self.places[number].held.close()

    def _let_go(self, number: int) -> None:
        self.places.pop(number).held.close()

    def _keep_watching(self) -> None:
        while not self._over.wait(_LOOK_EVERY_SECONDS):
            with self._turn:
                for number, place in list(self.places.items()):
                    if place.worker is None or place.worker.process.poll() is None:
                        continue
                    self.ended_by_themselves.append(place.worker.process.returncode)
                    self._let_go(number)
                    self._over.wait(1.0)
                    self.start(number)
