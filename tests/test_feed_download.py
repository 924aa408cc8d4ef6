import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service import __version__
from service.feed_download import fetch_feed
from service.feeds import FEED_MAX_BYTES, FeedError
from service.worker_process import find_free_port

Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve an answer on this machine; returns its address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    answer(self)
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *_arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/feed"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def void(_result: object) -> None:
    pass


def redirect_to(address: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.end_headers()

    return answer


def send_without_end(handler: BaseHTTPRequestHandler, piece: bytes, pause: float = 0) -> None:
    gone = threading.Event()
    handler.send_response(200)
    handler.end_headers()
    while not gone.wait(pause):
        handler.wfile.write(piece)


def test_feed_is_what_the_server_sends_and_we_say_who_we_are(serve: Serve) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(handler.headers["User-Agent"].encode())

    url = serve(answer)
    assert fetch_feed(url) == (f"beatwatch/{__version__}".encode(), url)
    assert fetch_feed(serve(redirect_to(url))) == (f"beatwatch/{__version__}".encode(), url)


@pytest.mark.parametrize("scheme", ["file", "ftp", "data", "gopher"])
def test_redirect_leads_only_to_http(serve: Serve, tmp_path: Path, scheme: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("Zanzibar")
    with pytest.raises(FeedError) as refused:
        fetch_feed(serve(redirect_to(f"{scheme}://{secret}")))
    assert "Zanzibar" not in str(refused.value)
    assert "redirect" in str(refused.value).lower() or "unknown url" in str(refused.value)


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_other_schemes_are_not_opened(tmp_path: Path, scheme: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("Zanzibar")
    with pytest.raises(FeedError, match="unknown url type"):
        fetch_feed(f"{scheme}://{secret}")


def test_redirects_in_a_circle_end(serve: Serve) -> None:
    with pytest.raises(FeedError, match="302"):
        fetch_feed(serve(redirect_to("/feed")))


def test_endless_answer_is_cut_at_the_limit(serve: Serve) -> None:
    url = serve(lambda handler: send_without_end(handler, b"x" * 1_000_000))
    with pytest.raises(FeedError, match=f"{FEED_MAX_BYTES:,} bytes"):
        fetch_feed(url)


def test_answer_that_drips_is_cut_at_the_time_limit(serve: Serve) -> None:
    url = serve(lambda handler: send_without_end(handler, b"x", pause=0.01))
    with pytest.raises(FeedError, match=r"not read to its end in 0\.3 s"):
        fetch_feed(url, limit_seconds=0.3)


def test_server_that_does_not_answer_is_left_at_the_time_limit(serve: Serve) -> None:
    answered = threading.Event()
    url = serve(lambda _handler: void(answered.wait(30)))
    with pytest.raises(FeedError, match="timed out"):
        fetch_feed(url, limit_seconds=0.2)
    answered.set()


def test_what_the_server_refuses_is_said(serve: Serve) -> None:
    with pytest.raises(FeedError, match="the server answers 404 Not Found"):
        fetch_feed(serve(lambda handler: handler.send_error(404)))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://", "http://[::/", "http://127.0.0.1:x/", "http:///x"],
)
def test_address_where_nobody_is_is_an_error_of_one_line(url: str) -> None:
    with pytest.raises(FeedError, match="cannot be fetched: ") as refused:
        fetch_feed(url.format(port=find_free_port()))
    assert "\n" not in str(refused.value)
