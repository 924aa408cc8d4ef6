"""A real Apache Kafka on this machine, for the demo and the tests: no Docker, no Maven.

One node in KRaft mode, on Linux or macOS. Extra: `kafka`.
"""

import fcntl
import random
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Self

from service.kafka_jars import EmbeddedKafkaError, fetch_class_path, find_java

HOST = "127.0.0.1"
# Below the ports that Linux (32768) and macOS (49152) lend to outgoing connections: there, a
# client that reconnects to a broker which is down can take the broker's port for itself.
PORTS = range(20_000, 32_000)
PORT_CANDIDATES = 100
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
LOG4J = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""
STARTED = "Kafka Server started"  # Said by KafkaRaftServer when all listeners serve clients.
PORT_TAKEN = "Address already in use"
# Waits for the end of a pipe that only our process holds open, and so notices even our kill -9.
# prctl(PR_SET_PDEATHSIG) would be Linux only, and fires when the starting *thread* ends.
WATCHDOG = 'read -r _; kill -9 "$0" 2>/dev/null'

CLUSTER_ID = "YmVhdHdhdGNoLWthZmthIQ"  # Any 16 bytes in base64.
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
# Needs no quoting in JAAS, in a properties file or for the tool that formats the log.
CREDENTIAL = re.compile(r"[A-Za-z0-9._~!@#%^*+:?/-]+")
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
    ),
    "log.dirs": "log",  # Relative to the data directory, as all paths here.
    "auto.create.topics.enable": "false",
    # One node has one replica, and needs no 50 partitions, nor 128 MB to compact them.
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "log.cleaner.dedupe.buffer.size": "2097152",
    # By default the first member of a group waits 3 s for others, and a broker that was killed 9 s
    # until the controller takes its old self for dead (measured: 11 s to start, instead of 1 s).
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class PortTakenError(EmbeddedKafkaError):
    """Something listens on a port that the broker was to have."""


def choose_ports(*wanted: int) -> list[int]:
    """The ports wanted, with a free one for each 0; all different, and free when looked at."""
    chosen: list[int] = []
    for want in wanted:
        for port in [want] if want else random.sample(PORTS, k=PORT_CANDIDATES):
            with socket.socket() as probe, suppress(OSError):
                # As Kafka: what is left of closed connections does not make a port taken.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
                if port not in chosen:
                    chosen.append(port)
                    break
        else:
            raise PortTakenError(f"port {want or PORTS} is taken: free it, or give another port")
    return chosen


def server_properties(
    port: int, sasl_port: int, controller_port: int, users: Mapping[str, str]
) -> dict[str, str]:
    """Kafka's settings; with users there is a SASL_PLAINTEXT listener, too."""
    listeners = [f"PLAINTEXT://{HOST}:{port}", f"CONTROLLER://{HOST}:{controller_port}"]
    properties = {**SINGLE_NODE, "controller.quorum.voters": f"1@{HOST}:{controller_port}"}
    if users:
        listeners.append(f"SASL_PLAINTEXT://{HOST}:{sasl_port}")
        sasl, modules = "listener.name.sasl_plaintext", "org.apache.kafka.common.security"
        passwords = " ".join(f'user_{name}="{password}"' for name, password in users.items())
        properties |= {
            f"{sasl}.sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM_MECHANISMS)),
            f"{sasl}.plain.sasl.jaas.config": (
                f"{modules}.plain.PlainLoginModule required {passwords};"
            ),
        } | {
            f"{sasl}.{mechanism.lower()}.sasl.jaas.config": (
                f"{modules}.scram.ScramLoginModule required;"
            )
            for mechanism in SCRAM_MECHANISMS
        }
    return {**properties, "listeners": ",".join(listeners)}


def format_arguments(users: Mapping[str, str]) -> str:
    """The arguments of StorageTool, one a line: Kafka keeps SCRAM users in its log."""
    arguments = ["format", f"--cluster-id={CLUSTER_ID}", "--config=server.properties"]
    for name, password in sorted(users.items()):
        credentials = f"[name={name},password={password}]"
        arguments += [f"--add-scram={mechanism}={credentials}" for mechanism in SCRAM_MECHANISMS]
    return "\n".join(arguments)


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
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        cache_dir: Path,
        port: int = 0,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._log = data_dir / "kafka.log"
        self._log_start = 0
        self._cache_dir = cache_dir
        self._port = port
        self._sasl_port = 0
        self._users = dict(users or {})
        self._broker: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        for name, password in self._users.items():
            if not (CREDENTIAL.fullmatch(name) and CREDENTIAL.fullmatch(password)):
                raise EmbeddedKafkaError(
                    f"user {name!r}: name and password may have only A-Z a-z 0-9 ._~!@#%^*+:?/-"
                )

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT` of the PLAINTEXT listener, once started."""
        return f"{HOST}:{self._port}"

    @property
    def sasl_bootstrap(self) -> str:
        """`127.0.0.1:PORT` of the SASL_PLAINTEXT listener, once started."""
        if not self._users:
            raise EmbeddedKafkaError("no SASL listener without users: give EmbeddedKafka users")
        return f"{HOST}:{self._sasl_port}"

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
            port, sasl_port, controller_port = choose_ports(self._port, self._sasl_port, 0)
            properties = server_properties(port, sasl_port, controller_port, self._users)
            try:
                self._write_settings(properties)
                self._format(java, log_file)
                self._launch(java, log_file)
            except PortTakenError:
                if not attempts_left:
                    raise
            else:
                self._port, self._sasl_port = port, sasl_port
                return

    def _write_settings(self, properties: Mapping[str, str]) -> None:
        (self._data_dir / "log4j2.properties").write_text(LOG4J, encoding="ascii")
        write_secret(
            self._data_dir / "server.properties",
            "".join(f"{name}={value}\n" for name, value in properties.items()),
        )

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
