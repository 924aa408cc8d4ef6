"""Real Kafka nodes on this machine, each broker and controller, with settings of the test's."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

from service.kafka_jars import EmbeddedKafkaError, fetch_class_path, find_java
from service.kafka_ports import HOST, choose_ports

START_SECONDS = 120
_POLL_SECONDS = 0.1
_CLUSTER_ID = "YmVhdHdhdGNoLXRocmVlIQ"
# As service/embedded_kafka.py has them for one node.
_JAVA_FLAGS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_STARTED = "Kafka Server started"
_LOG4J = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""
# A broker that anyone may use until a rule denies it.
ACL_PROPERTIES = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
_EVERY_NODE = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": "log",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class Cluster:
    """One node or three; started and stopped like one EmbeddedKafka.

    Args:
        folder: of the nodes' data and logs.
        cache_dir: see fetch_class_path.
        nodes: how many; each partition of Kafka's own topics is on all of them.
        properties: Kafka's settings, over ours.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache_dir: Path,
        nodes: int = 3,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._names = range(1, nodes + 1)
        least = str(min(nodes, 2))
        self._properties = {
            **_EVERY_NODE,
            "offsets.topic.num.partitions": str(nodes),
            "offsets.topic.replication.factor": str(nodes),
            "transaction.state.log.num.partitions": str(nodes),
            "transaction.state.log.replication.factor": str(nodes),
            "transaction.state.log.min.isr": least,
            "min.insync.replicas": least,
            **(properties or {}),
        }
        self._folder = folder
        self._java = [find_java(), *_JAVA_FLAGS, "-Dlog4j2.configurationFile=log4j2.properties"]
        self._java += ["-cp", fetch_class_path(cache_dir)]
        ports = choose_ports(*[0] * 2 * nodes)
        self._ports = dict(zip(self._names, ports[::2], strict=True))
        self._controllers = dict(zip(self._names, ports[1::2], strict=True))
        self._nodes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, separated by commas."""
        return ",".join(f"{HOST}:{port}" for port in self._ports.values())

    @property
    def pid(self) -> int:
        """Process id of the first node."""
        return self._nodes[1].pid

    def start(self) -> None:
        """Start the nodes that do not run, and wait until all serve.

        Raises:
            EmbeddedKafkaError: one does not come up.
        """
        starting = [node for node in self._names if node not in self._nodes]
        said = {node: self._launch(node) for node in starting}
        deadline = monotonic() + START_SECONDS
        for node in starting:
            while _STARTED not in self._log(node).read_text(errors="replace")[said[node] :]:
                if self._nodes[node].poll() is not None or monotonic() > deadline:
                    tail = self._log(node).read_text(errors="replace")[-2000:]
                    raise EmbeddedKafkaError(f"node {node} did not start:\n{tail}")
                sleep(_POLL_SECONDS)

    def kill_node(self, node: int) -> None:
        """End one node with SIGKILL."""
        process = self._nodes.pop(node)
        process.kill()
        process.wait()

    def kill(self) -> None:
        """End all nodes with SIGKILL."""
        for node in list(self._nodes):
            self.kill_node(node)

    def stop(self) -> None:
        """End all nodes; their data is thrown away with the scenario."""
        self.kill()

    def _log(self, node: int) -> Path:
        return self._folder / f"node-{node}" / "kafka.log"

    def _launch(self, node: int) -> int:
        folder = self._log(node).parent
        folder.mkdir(parents=True, exist_ok=True)
        with self._log(node).open("ab") as log:
            if not (folder / "server.properties").exists():
                self._format(node, folder, log)
            said = len(self._log(node).read_text(errors="replace"))
            self._nodes[node] = subprocess.Popen(  # noqa: S603, Java, with arguments of our own
                [*self._java, "kafka.Kafka", "server.properties"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return said

    def _format(self, node: int, folder: Path, log: BinaryIO) -> None:
        voters = ",".join(f"{each}@{HOST}:{port}" for each, port in self._controllers.items())
        properties = {
            **self._properties,
            "node.id": str(node),
            "controller.quorum.voters": voters,
            "listeners": (
                f"PLAINTEXT://{HOST}:{self._ports[node]},"
                f"CONTROLLER://{HOST}:{self._controllers[node]}"
            ),
        }
        (folder / "log4j2.properties").write_text(_LOG4J)
        lines = (f"{name}={value}\n" for name, value in properties.items())
        (folder / "server.properties").write_text("".join(lines))
        arguments = ["format", f"--cluster-id={_CLUSTER_ID}", "--config=server.properties"]
        subprocess.run(  # noqa: S603, Java, with arguments of our own
            [*self._java, "kafka.tools.StorageTool", *arguments],
            cwd=folder,
            stdout=log,
            stderr=log,
            check=True,
        )
