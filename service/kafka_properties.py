"""What the embedded Kafka is told: its listeners, its users, its certificate."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.kafka_jars import EmbeddedKafkaError
from service.kafka_ports import HOST

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
CLUSTER_ID = "YmVhdHdhdGNoLWthZmthIQ"  # Any 16 bytes in base64.
SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
# Needs no quoting in JAAS, in a properties file or for the tool that formats the log.
CREDENTIAL = re.compile(r"[A-Za-z0-9._~!@#%^*+:?/-]+")
# Listener to protocol. SSL takes any client, MUTUAL only those with a certificate.
PROTOCOLS = {
    "PLAINTEXT": "PLAINTEXT",
    "CONTROLLER": "PLAINTEXT",
    "SASL_PLAINTEXT": "SASL_PLAINTEXT",
    "SSL": "SSL",
    "MUTUAL": "SSL",
    "SASL_SSL": "SASL_SSL",
}
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": ",".join(f"{name}:{of}" for name, of in PROTOCOLS.items()),
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


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What the broker shows and whom it trusts, each as PEM text; the key in PKCS #8, no password.

    `certificate`: the broker's, with those between it and its authority. `authority`: who signs
    the certificates that clients may show.
    """

    certificate: str
    key: str
    authority: str


def list_listeners(users: Mapping[str, str], tls: ServerTls | None) -> list[str]:
    """List the listeners that a broker with those users and that certificate has."""
    encrypted = ["SSL", "MUTUAL"] if tls else []
    with_passwords = (["SASL_PLAINTEXT"] if users else []) + (["SASL_SSL"] if users and tls else [])
    return ["PLAINTEXT", *with_passwords, *encrypted, "CONTROLLER"]


def server_properties(
    ports: Mapping[str, int], users: Mapping[str, str], tls: ServerTls | None = None
) -> dict[str, str]:
    """Kafka's settings.

    Args:
        ports: of each listener.
        users: user name to password, for the SASL listeners.
        tls: for the SSL, MUTUAL and SASL_SSL listeners.
    """
    properties = {
        **SINGLE_NODE,
        "listeners": ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items()),
        "controller.quorum.voters": f"1@{HOST}:{ports['CONTROLLER']}",
    }
    if tls:
        properties |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": tls.certificate,
            "ssl.keystore.key": tls.key,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": tls.authority,
            "listener.name.mutual.ssl.client.auth": "required",
        }
    for name in ports:
        if PROTOCOLS[name].startswith("SASL"):
            properties |= _sasl_properties(f"listener.name.{name.lower()}", users)
    return properties


def format_properties(properties: Mapping[str, str]) -> str:
    """Write settings as a Java properties file, one a line."""
    return "".join(
        f"{name}={value.replace(chr(10), chr(92) + 'n')}\n" for name, value in properties.items()
    )


def format_arguments(users: Mapping[str, str]) -> str:
    """The arguments of StorageTool, one a line: Kafka keeps SCRAM users in its log."""
    arguments = ["format", f"--cluster-id={CLUSTER_ID}", "--config=server.properties"]
    for name, password in sorted(users.items()):
        credentials = f"[name={name},password={password}]"
        arguments += [f"--add-scram={mechanism}={credentials}" for mechanism in SCRAM_MECHANISMS]
    return "\n".join(arguments)


def check_users(users: Mapping[str, str]) -> None:
    """Check that names and passwords need no quoting where Kafka reads them.

    Raises:
        EmbeddedKafkaError: one does; names the user, never the password.
    """
    for name, password in users.items():
        if not (CREDENTIAL.fullmatch(name) and CREDENTIAL.fullmatch(password)):
            raise EmbeddedKafkaError(
                f"user {name!r}: name and password may have only A-Z a-z 0-9 ._~!@#%^*+:?/-"
            )


def _sasl_properties(listener: str, users: Mapping[str, str]) -> dict[str, str]:
    modules = "org.apache.kafka.common.security"
    passwords = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    return {
        f"{listener}.sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM_MECHANISMS)),
        f"{listener}.plain.sasl.jaas.config": (
            f"{modules}.plain.PlainLoginModule required {passwords};"
        ),
    } | {
        f"{listener}.{mechanism.lower()}.sasl.jaas.config": (
            f"{modules}.scram.ScramLoginModule required;"
        )
        for mechanism in SCRAM_MECHANISMS
    }
