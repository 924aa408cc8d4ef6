import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from service.health import (
    BROKER_LATE_SECONDS,
    HEARTBEAT_LATE_SECONDS,
    Health,
    HttpServer,
    PortError,
)

HOST = "127.0.0.1"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Serving:
    server: HttpServer
    health: Health
    clock: Clock


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    registry = CollectorRegistry()
    Counter("beatwatch_pages", "For the page to show.", registry=registry).inc(7)
    clock = Clock()
    health = Health(clock=clock)
    server = HttpServer(HOST, 0, registry, health)
    server.start()
    yield Serving(server, health, clock)
    server.stop()


@pytest.fixture
def server(serving: Serving) -> HttpServer:
    return serving.server


@pytest.fixture
def clock(serving: Serving) -> Clock:
    return serving.clock


@pytest.fixture(autouse=True)
def health(serving: Serving) -> Health:
    """A worker that has its model and has not joined its group."""
    serving.health.model_version = "0.1.0+abcdef12"
    serving.health.joined_group = False
    serving.health.assigned_partitions = 0
    serving.health.stopping = False
    serving.health.beat()
    serving.health.note_broker_answer()
    return serving.health


def get(server: HttpServer, page: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    try:
        connection.request("GET", page)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def get_json(server: HttpServer, page: str) -> tuple[int, dict[str, Any]]:
    status, body = get(server, page)
    return status, json.loads(body)


def test_metrics_are_those_of_the_registry(server: HttpServer) -> None:
    status, body = get(server, "/metrics")
    assert status == 200
    assert "beatwatch_pages_total 7.0\n" in body


def test_worker_that_has_not_joined_its_group_is_live_and_not_ready(server: HttpServer) -> None:
    assert get_json(server, "/livez") == (200, {"live": True})
    status, body = get_json(server, "/readyz")
    assert status == 503
    assert body["ready"] is False
    assert {name: check["ok"] for name, check in body["checks"].items()} == {
        "event_loop": True,
        "model": True,
        "broker": True,
        "consumer_group": False,
        "not_stopping": True,
    }


def test_worker_that_has_joined_is_ready_with_or_without_partitions(
    server: HttpServer, health: Health
) -> None:
    health.joined_group = True
    for partitions in (0, 4):
        health.assigned_partitions = partitions
        status, body = get_json(server, "/readyz")
        assert (status, body["ready"]) == (200, True)
        assert body["checks"]["consumer_group"]["assigned_partitions"] == partitions
        assert body["checks"]["model"]["version"] == "0.1.0+abcdef12"


def test_worker_that_stops_is_live_and_not_ready(server: HttpServer, health: Health) -> None:
    health.joined_group = True
    health.stopping = True
    assert get(server, "/livez")[0] == 200
    status, body = get_json(server, "/readyz")
    assert status == 503
    assert body["checks"]["not_stopping"] == {"ok": False}


def test_worker_without_a_model_is_not_ready(server: HttpServer, health: Health) -> None:
    health.joined_group = True
    health.model_version = ""
    assert get(server, "/readyz")[0] == 503


def test_worker_whose_broker_is_silent_is_live_and_not_ready(
    server: HttpServer, health: Health, clock: Clock
) -> None:
    health.joined_group = True
    clock.seconds += BROKER_LATE_SECONDS
    health.beat()
    assert get(server, "/livez")[0] == 200
    status, body = get_json(server, "/readyz")
    assert status == 503
    assert body["checks"]["broker"] == {"ok": False, "answered_seconds_ago": BROKER_LATE_SECONDS}


def test_taken_port_is_named_with_its_setting(server: HttpServer) -> None:
    with pytest.raises(PortError, match=f"{HOST}:{server.port} .*BEATWATCH_HTTP_PORT"):
        HttpServer(HOST, server.port, CollectorRegistry(), Health())


def test_worker_is_live_until_its_event_loop_is_late(
    server: HttpServer, health: Health, clock: Clock
) -> None:
    health.joined_group = True
    clock.seconds += HEARTBEAT_LATE_SECONDS - 0.001
    health.note_broker_answer()
    assert (get(server, "/livez")[0], get(server, "/readyz")[0]) == (200, 200)
    clock.seconds += 0.001
    assert get_json(server, "/livez") == (503, {"live": False})
    status, body = get_json(server, "/readyz")
    assert status == 503
    assert body["checks"]["event_loop"] == {
        "ok": False,
        "heartbeat_age_seconds": HEARTBEAT_LATE_SECONDS,
    }
    health.beat()
    assert (get(server, "/livez")[0], get(server, "/readyz")[0]) == (200, 200)


@pytest.mark.parametrize("page", ["/", "/metrics/", "/healthz", "/livez/../metrics", "/%00"])
def test_other_pages_are_not_found_and_told_which_there_are(server: HttpServer, page: str) -> None:
    assert get_json(server, page) == (404, {"pages": ["/metrics", "/livez", "/readyz"]})


def test_query_does_not_make_another_page(server: HttpServer) -> None:
    assert get(server, "/livez?probe=1")[0] == 200


def test_pages_are_served_while_the_main_thread_is_busy(server: HttpServer) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(get(server, page)[0] for page in ("/metrics", "/livez", "/readyz"))

    asker = Thread(target=ask)
    asker.start()
    while asker.is_alive():
        pass
    assert statuses == [200, 200, 503]


def test_client_that_says_nothing_keeps_nobody_else_waiting(server: HttpServer) -> None:
    with socket.create_connection((HOST, server.port)):
        assert get(server, "/livez")[0] == 200


def test_stopped_server_answers_nobody(health: Health) -> None:
    stopped = HttpServer(HOST, 0, CollectorRegistry(), health)
    stopped.start()
    assert get(stopped, "/livez")[0] == 200
    stopped.stop()
    with pytest.raises(ConnectionRefusedError):
        get(stopped, "/livez")
