"""What Docker is given fits together, and fits the service."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from service.health import Health
from service.kafka_jars import KAFKA_VERSION, fetch_class_path, find_java
from service.pages import HttpServer
from service.settings import CHECKOUT, Settings, read_settings
from tests.conftest import KAFKA_CACHE
from tests.tools import require_tool

COMPOSE_FILE = CHECKOUT / "docker-compose.yml"
PINNED = re.compile(r"[a-z/]+:v?\d+\.\d+[\w.-]*")

COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def run_compose(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603, the tool just found
        [require_tool("docker-compose"), "--file", COMPOSE_FILE, "config", "--quiet"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_compose_file_is_accepted() -> None:
    accepted = run_compose(GRAFANA_ADMIN_PASSWORD="chosen-for-this-test")  # noqa: S106, a test's

    assert accepted.returncode == 0, accepted.stderr


def test_there_is_no_default_password() -> None:
    refused = run_compose()

    assert refused.returncode != 0
    assert "choose one, in the environment or in .env" in refused.stderr


@pytest.mark.parametrize("name", ["topics", "worker"])
def test_settings_of_the_service_are_real(name: str) -> None:
    given = SERVICES[name]["environment"]

    assert all(variable.startswith("BEATWATCH_") for variable in given)
    host, _, port = read_settings(given).broker_addresses[0].partition(":")
    assert f"{host}:{port}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_every_image_is_pinned() -> None:
    fetched = {name: each["image"] for name, each in SERVICES.items() if "build" not in each}

    assert fetched.keys() == SERVICES.keys() - {"topics", "worker"}
    assert [image for image in fetched.values() if not PINNED.fullmatch(image)] == []


def test_kafka_is_the_version_of_the_tests() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]

    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_whatever_keeps_running_has_a_health_check_and_is_restarted() -> None:
    for name in SERVICES.keys() - {"topics"}:
        # The worker's is in its image.
        assert ("build" in SERVICES[name]) != ("healthcheck" in SERVICES[name]), name
        assert SERVICES[name].get("healthcheck", {"test": ["CMD"]})["test"][0] == "CMD", name
        assert SERVICES[name]["restart"] == "unless-stopped", name
    assert SERVICES["topics"]["healthcheck"] == {"disable": True}


def test_worker_writes_only_to_its_data_dir_and_waits_for_the_topics() -> None:
    worker = SERVICES["worker"]

    assert worker["read_only"]
    folder, _, options = worker["tmpfs"][0].partition(":")
    assert folder == worker["environment"]["BEATWATCH_DATA_DIR"]
    user, _, group = read_instructions("USER")[-1].partition(":")
    assert {f"uid={user}", f"gid={group}"} < set(options.split(","))
    assert worker["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


@pytest.mark.broker
def test_kafka_of_the_image_takes_its_settings(tmp_path: Path) -> None:
    """Runs the class with which the image turns KAFKA_* into its settings and formats its log."""
    environment = {name: str(value) for name, value in SERVICES["kafka"]["environment"].items()}
    (volume,) = SERVICES["kafka"]["volumes"]
    assert volume == f"kafka-data:{environment['KAFKA_LOG_DIRS']}"
    for folder in ("default", "mounted", "final"):
        (tmp_path / folder).mkdir()

    subprocess.run(  # noqa: S603, our own Java
        [
            *(find_java(), "-cp", fetch_class_path(KAFKA_CACHE)),
            *("kafka.docker.KafkaDockerWrapper", "setup"),
            *("--default-configs-dir", "default", "--mounted-configs-dir", "mounted"),
            *("--final-configs-dir", "final"),
        ],
        env=environment | {"KAFKA_LOG_DIRS": str(tmp_path / "log")},
        cwd=tmp_path,
        check=True,
    )

    assert f"cluster.id={environment['CLUSTER_ID']}" in (
        (tmp_path / "log" / "meta.properties").read_text().splitlines()
    )


def read_instructions(keyword: str) -> list[str]:
    """The arguments of every instruction of one kind, in order."""
    lines = re.sub(r"\\\n\s*", "", (CHECKOUT / "Dockerfile").read_text()).splitlines()
    instructions = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    known = {"FROM", "RUN", "ENV", "COPY", "WORKDIR", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}
    known |= {"HEALTHCHECK"}
    assert {word for word, _, _ in instructions} <= known
    return [arguments.strip() for word, _, arguments in instructions if word == keyword]


def test_every_base_image_is_pinned() -> None:
    images = [image.split()[0] for image in read_instructions("FROM")]

    assert len(images) == 2
    assert len(set(images)) == 1, "the copied venv needs the Python that made it"
    assert PINNED.fullmatch(images[0])


def test_image_does_not_run_as_root() -> None:
    assert int(read_instructions("USER")[-1].partition(":")[0]) > 0


def test_entry_point_is_in_exec_form_so_that_signals_reach_it() -> None:
    assert json.loads(read_instructions("ENTRYPOINT")[-1]) == ["beatwatch"]
    assert json.loads(read_instructions("CMD")[-1]) == ["worker"]


def test_health_check_of_the_image_passes_when_the_worker_is_ready_and_not_before() -> None:
    (check,) = read_instructions("HEALTHCHECK")
    program, *arguments = json.loads(check.partition("CMD ")[2])
    assert program == "python"
    health = Health(model_version="1")
    server = HttpServer("127.0.0.1", 0, CollectorRegistry(), health)
    server.start()

    def is_healthy() -> bool:
        ran = subprocess.run(  # noqa: S603, our own interpreter
            [sys.executable, *arguments],
            env={"BEATWATCH_HTTP_PORT": str(server.port)},
            capture_output=True,
            check=False,
        )
        return ran.returncode == 0

    try:
        assert not is_healthy()
        health.joined_group = True
        health.note_broker_answer()
        assert is_healthy()
    finally:
        server.stop()
    assert not is_healthy()
    assert f"'{Settings().http_port}'" in check
    assert read_instructions("EXPOSE") == [str(Settings().http_port)]


def test_every_install_checks_hashes() -> None:
    installs = [run for run in read_instructions("RUN") if "pip install" in run]

    assert installs
    assert all("--require-hashes" in install for install in installs)


def test_image_has_the_service_beside_its_model() -> None:
    copied = dict(each.split() for each in read_instructions("COPY") if "--from" not in each)
    kept = (CHECKOUT / ".dockerignore").read_text().splitlines()

    assert Path(copied["service"]).parent == Path(copied["models"]).parent
    assert all((CHECKOUT / source).exists() and f"!{source}" in kept for source in copied)
