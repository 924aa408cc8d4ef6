"""Serves /metrics, /livez and /readyz from a thread of its own, and nothing else.

A thread, so that the pages answer while the event loop is busy or stuck, which is just when they
are needed.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from service.health import Health

log = structlog.get_logger(__name__)

# A thread each; probes and scrapes need a handful. Who keeps more open is hung up on.
CONNECTIONS_MAX = 64
_SOFTWARE = "beatwatch"  # Not which version of what: that helps only who looks for a way in.


class PortError(Exception):
    """The HTTP pages cannot be served where the settings say."""


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # What comes at once waits its turn; with the five of the standard library, for a second.
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._free = BoundedSemaphore(CONNECTIONS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            log.warning("connection refused: too many at a time", connections=CONNECTIONS_MAX)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)
            return
        log.debug("client went away", client=client_address[0], error=repr(error))


class _QuietHandler(WSGIRequestHandler):
    timeout = 10  # A client that connects and says nothing must not hold a thread for ever.

    def version_string(self) -> str:
        return _SOFTWARE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the name is inherited
        log.debug("page served", request=format % args)


class HttpServer:
    """Serves /metrics, /livez and /readyz, and nothing else."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        pages = {
            "/metrics": make_wsgi_app(registry),
            "/livez": _serve_liveness(health),
            "/readyz": _serve_readiness(health),
        }

        def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            method = environ["REQUEST_METHOD"]
            page = pages.get(environ["PATH_INFO"], _serve_not_found)
            if method not in _METHODS:
                page = _serve_not_allowed
            said: list[tuple[str, list[tuple[str, str]]]] = []
            asked = environ | {"REQUEST_METHOD": "GET"}
            content = b"".join(page(asked, lambda status, headers: said.append((status, headers))))
            ((status, headers),) = said
            own = [("Server", _SOFTWARE), ("Content-Length", str(len(content)))]
            start_response(status, [*headers, *own])
            return [] if method == "HEAD" else [content]

        try:
            self._server = make_server(host, port, serve, _ThreadingServer, _QuietHandler)
        except OSError as error:
            raise PortError(
                f"{host}:{port} cannot be had for the HTTP pages ({error.strerror}); "
                "set BEATWATCH_HTTP_PORT or BEATWATCH_HTTP_HOST"
            ) from error
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


_METHODS = ("GET", "HEAD")


def _respond(start_response: Any, status: str, content: dict[str, Any]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(content, indent=2).encode() + b"\n"]


def _serve_liveness(health: Health) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    def serve(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status = "200 OK" if health.is_live else "503 Service Unavailable"
        return _respond(start_response, status, {"live": health.is_live})

    return serve


def _serve_readiness(health: Health) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    def serve(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        checks = health.check_readiness()
        ready = all(check["ok"] for check in checks.values())
        status = "200 OK" if ready else "503 Service Unavailable"
        return _respond(start_response, status, {"ready": ready, "checks": checks})

    return serve


def _serve_not_found(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    pages = ["/metrics", "/livez", "/readyz"]
    return _respond(start_response, "404 Not Found", {"pages": pages})


def _serve_not_allowed(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("Allow", ", ".join(_METHODS))]
    start_response("405 Method Not Allowed", headers)
    return [json.dumps({"methods": _METHODS}).encode() + b"\n"]
