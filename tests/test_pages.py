import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from service.health import (
    BROKER_LATE_SECONDS,
    HEARTBEAT_LATE_SECONDS,
    Health,
)
from service.pages import CONNECTIONS_MAX, HttpServer, PortError

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
        "commits": True,
        "desk": True,
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


def test_pages_are_served_while_the_event_loop_is_blocked(server: HttpServer) -> None:
    served = Event()
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(get(server, page)[0] for page in ("/metrics", "/livez", "/readyz"))
        served.set()

    async def block() -> bool:
        asker.start()
        return served.wait(30)  # Not awaited: the loop stands still until the pages were served.

    asker = Thread(target=ask)
    assert asyncio.run(block())
    asker.join()
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


def say(server: HttpServer, said: bytes) -> bytes:
    """Send bytes as they are, and read all that comes until the server hangs up."""
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(said)
        answer = b""
        while received := client.recv(65536):
            answer += received
        return answer


@pytest.mark.parametrize("page", ["/metrics", "/livez", "/readyz", "/", "/other"])
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X"]
)
def test_only_get_and_head_are_answered(server: HttpServer, method: str, page: str) -> None:
    request = f"{method} {page} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}"
    head, _, body = say(server, request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 405 ")
    assert b"\r\nAllow: GET, HEAD" in head
    assert json.loads(body) == {"methods": ["GET", "HEAD"]}


@pytest.mark.parametrize("page", ["/metrics", "/livez", "/other"])
def test_head_is_get_without_the_body(server: HttpServer, page: str) -> None:
    def ask(method: str) -> tuple[bytes, bytes]:
        head, _, body = say(server, f"{method} {page} HTTP/1.0\r\n\r\n".encode()).partition(
            b"\r\n\r\n"
        )
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Date:")]
        return b"\n".join(lines), body

    head_of_get, body = ask("GET")
    assert ask("HEAD") == (head_of_get, b"")
    assert f"Content-Length: {len(body)}".encode() in head_of_get


@pytest.mark.parametrize(
    "page",
    [
        "/metrics/../etc/passwd",
        "/metrics/..",
        "/livez/%2e%2e/metrics",
        "/..%2fmetrics",
        "/%2e/metrics",
        "/metrics%00",
        "/metrics;a",
        "/METRICS",
        "/metrics%20",
        "/%252e%252e/metrics",
        "/static/",
        "/debug/pprof",
        "http://127.0.0.1/metrics",
        "metrics",
        "*",
    ],
)
def test_no_trick_with_paths_finds_another_page(server: HttpServer, page: str) -> None:
    answer = say(server, f"GET {page} HTTP/1.0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 404 ")


def test_doubled_slash_is_one_slash(server: HttpServer) -> None:
    # Python's http.server makes it one (CVE-2021-28861); it must be a page of ours, or none.
    answer = say(server, b"GET //livez HTTP/1.0\r\n\r\n")
    assert answer.endswith(b'{\n  "live": true\n}\n')
    assert say(server, b"GET //example.org/livez HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 404 ")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.0\r\n\r\n", b"414"),
        (b"GET /livez HTTP/1.0\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /livez HTTP/1.0\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"400"),
        (b"GET /livez HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /livez/a b HTTP/1.0\r\n\r\n", b"400"),
    ],
    ids=["long line", "long header", "many headers", "TLS", "HTTP 9.9", "a space"],
)
def test_what_is_no_sound_request_is_refused(
    server: HttpServer, request_: bytes, status: bytes
) -> None:
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(request_)
        assert status in client.recv(200)
    assert get(server, "/livez")[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /metrics HTTP/1.0\r\n\r\n",
        b"GET /livez HTTP/1.0\r\n\r\n",
        b"GET /none HTTP/1.0\r\n\r\n",
        b"POST /livez HTTP/1.0\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"nonsense of four words\r\n\r\n",
    ],
)
def test_no_answer_names_the_version_of_a_server_or_of_python(
    server: HttpServer, request_: bytes
) -> None:
    answer = say(server, request_).lower()
    assert b"python" not in answer
    assert b"wsgi" not in answer
    assert answer.count(b"server: ") == answer.count(b"server: beatwatch\r\n")


def test_clients_that_say_nothing_take_so_many_connections_and_no_more(
    server: HttpServer,
) -> None:
    silent = []
    try:
        for _ in range(CONNECTIONS_MAX):
            silent.append(socket.create_connection((HOST, server.port), timeout=10))
            silent[-1].sendall(b"GET /liv")
        with socket.create_connection((HOST, server.port), timeout=10) as late:
            assert late.recv(10) == b""
    finally:
        for client in silent:
            client.close()
    deadline = time.monotonic() + 30
    while True:
        try:
            assert get(server, "/livez")[0] == 200
        except (http.client.HTTPException, OSError):
            assert time.monotonic() < deadline
        else:
            return
