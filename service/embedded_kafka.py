"""A real Apache Kafka on this machine, for the demo and the tests: no Docker, no Maven.

One node in KRaft mode, on Linux or macOS. Extra: `kafka`.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Self

from service.kafka_jars import EmbeddedKafkaError, fetch_class_path, find_java
from service.kafka_ports import HOST, PortTakenError, choose_ports
from service.kafka_properties import (
    LOG4J,
    ServerTls,
    check_users,
    format_arguments,
    format_properties,
    list_listeners,
    server_properties,
)

PORT_ATTEMPTS = 5  # Of losing a chosen port to another process before Kafka has it.
START_SECONDS = 60  # 20 times what it takes on two idle cores.
STOP_SECONDS = 20
POLL_SECONDS = 0.05
LAST_LINES = 8  # Of the log, in an error.

# Serial GC and C1 alone start fastest; the demo and the tests fit in this heap.
JAVA_FLAGS = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dlog4j2.configurationFile=log4j2.properties",
)
STARTED = "Kafka Server started"  # Said by KafkaRaftServer when all listeners serve clients.
PORT_TAKEN = "Address already in use"
# Waits for the end of a pipe that only our process holds open, and so notices even our kill -9.
# prctl(PR_SET_PDEATHSIG) would be Linux only, and fires when the starting *thread* ends.
WATCHDOG = 'read -r _; kill -9 "$0" 2>/dev/null'


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")


class EmbeddedKafka:
    """One-node Apache Kafka on 127.0.0.1; a context manager that starts and stops it.

    It logs to `data_dir/kafka.log`. A Ctrl-C in the terminal does not reach it, and it ends when
    our process does, however that ends.

    Args:
        data_dir: what the broker keeps; a broker started on it again has the same topics.
        cache_dir: see fetch_class_path.
        port: of the PLAINTEXT listener; 0 for a free one, chosen at the first start.
        users: user name to password, for a SASL_PLAINTEXT listener with PLAIN, SCRAM-SHA-256
            and SCRAM-SHA-512; the users of a data directory are set for good when it is new.
        tls: for an SSL and a MUTUAL listener, and with users a SASL_SSL one.
        properties: Kafka's own settings, over ours.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        cache_dir: Path,
        port: int = 0,
        users: Mapping[str, str] | None = None,
        tls: ServerTls | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._log = data_dir / "kafka.log"
        self._log_start = 0
        self._cache_dir = cache_dir
        self._users = dict(users or {})
        self._tls = tls
        self._properties = dict(properties or {})
        self._ports = dict.fromkeys(list_listeners(self._users, tls), 0) | {"PLAINTEXT": port}
        self._broker: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        check_users(self._users)

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT` of the PLAINTEXT listener, once started."""
        return self.bootstrap_of("PLAINTEXT")

    @property
    def sasl_bootstrap(self) -> str:
        """`127.0.0.1:PORT` of the SASL_PLAINTEXT listener, once started."""
        return self.bootstrap_of("SASL_PLAINTEXT")

    def bootstrap_of(self, listener: str) -> str:
        """`127.0.0.1:PORT` of a listener, once started."""
        if listener not in self._ports:
            raise EmbeddedKafkaError(
                f"no {listener} listener: give EmbeddedKafka users for SASL, tls for SSL"
            )
        return f"{HOST}:{self._ports[listener]}"

    @property
    def pid(self) -> int:
        """Process id of the broker."""
        if self._broker is None:
            raise EmbeddedKafkaError("the broker does not run: call start() first")
        return self._broker.pid

    def start(self) -> None:
        """Start the broker and wait until it serves clients; nothing to do if it runs.

        Raises:
            EmbeddedKafkaError: it does not come up, or not within START_SECONDS.
        """
        if self._broker is not None and self._broker.poll() is None:
            return
        self.kill()
        class_path = fetch_class_path(self._cache_dir)
        java = [find_java(), *JAVA_FLAGS, "-cp", class_path]
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._log.touch(mode=0o600)  # StorageTool prints what SCRAM users are checked against.
            with self._log.open("ab") as log_file:
                # Kept by the broker, whose output this is. Its own lock comes too late: a second
                # broker has by then spoilt the first one's metadata, which then spins for ever.
                fcntl.flock(log_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._start_on_free_ports(java, log_file)
        except BlockingIOError as error:
            raise EmbeddedKafkaError(
                f"another broker runs on {self._data_dir}: stop it, or give another directory"
            ) from error
        except OSError as error:
            raise EmbeddedKafkaError(f"no Kafka in {self._data_dir}: {error}") from error

    def stop(self) -> None:
        """End the broker in order, by force if that takes longer than STOP_SECONDS."""
        if self._broker is None:
            return
        try:
            self._broker.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._broker.wait(STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the broker as a power cut would (SIGKILL)."""
        if self._broker is not None:
            self._broker.kill()
        # Before the broker's process id can be another's.
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
        if self._broker is not None:
            self._broker.wait()
        self._broker = self._watchdog = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _start_on_free_ports(self, java: list[str], log_file: BinaryIO) -> None:
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            # The controller's is nobody else's business, and may change from start to start.
            wanted = self._ports | {"CONTROLLER": 0}
            ports = dict(zip(wanted, choose_ports(*wanted.values()), strict=True))
            properties = server_properties(ports, self._users, self._tls) | self._properties
            try:
                self._write_settings(properties)
                self._format(java, log_file)
                self._launch(java, log_file)
            except PortTakenError:
                if not attempts_left:
                    raise
            else:
                self._ports = ports
                return

    def _write_settings(self, properties: Mapping[str, str]) -> None:
        (self._data_dir / "log4j2.properties").write_text(LOG4J, encoding="ascii")
        write_secret(self._data_dir / "server.properties", format_properties(properties))

    def _format(self, java: list[str], log_file: BinaryIO) -> None:
        formatting, formatted = self._data_dir / "formatting", self._data_dir / "formatted"
        arguments = format_arguments(self._users)
        if formatted.exists():
            if self._users and formatted.read_text("ascii") != arguments:
                raise EmbeddedKafkaError(
                    f"{self._data_dir} has other users or passwords; give those, or a new directory"
                )
            return
        # A log without that file was left half made.
        shutil.rmtree(self._data_dir / "log", ignore_errors=True)
        write_secret(formatting, arguments)
        with self._run([*java, "kafka.tools.StorageTool", f"@{formatting.name}"], log_file) as tool:
            try:
                with suppress(subprocess.TimeoutExpired):
                    tool.wait(START_SECONDS)
            finally:
                tool.kill()
        if tool.returncode:
            raise self._failure("could not format its log")
        formatting.rename(formatted)

    def _launch(self, java: list[str], log_file: BinaryIO) -> None:
        with ExitStack() as undo:
            undo.callback(self.kill)
            self._broker = self._run([*java, "kafka.Kafka", "server.properties"], log_file)
            self._watchdog = subprocess.Popen(  # noqa: S603  # Our own script and a number.
                ["/bin/sh", "-c", WATCHDOG, str(self._broker.pid)],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
            deadline = monotonic() + START_SECONDS
            while STARTED not in self._said():
                with suppress(subprocess.TimeoutExpired):
                    self._broker.wait(POLL_SECONDS)
                    raise self._failure("ended at its start")
                if monotonic() > deadline:
                    raise self._failure(f"did not start within {START_SECONDS} s")
            undo.pop_all()

    def _run(self, command: list[str], log_file: BinaryIO) -> subprocess.Popen[bytes]:
        self._log_start = self._log.stat().st_size
        return subprocess.Popen(  # noqa: S603  # Java, with arguments of our own.
            command,
            cwd=self._data_dir,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _said(self) -> str:
        with self._log.open("rb") as log_file:
            log_file.seek(self._log_start)
            return log_file.read().decode(errors="replace")

    def _failure(self, what: str) -> EmbeddedKafkaError:
        said = self._said()
        error = PortTakenError if PORT_TAKEN in said else EmbeddedKafkaError
        lines = [line for line in said.splitlines() if not line.startswith("\tat ")]
        end = "\n".join(lines[-LAST_LINES:])
        return error(f"Kafka {what}; the end of {self._log}:\n{end}")
