"""Servers of the monitoring in processes of their own, and their HTTP interfaces."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PATIENCE_SECONDS = 30.0
# Nobody tells when another process is so far: it is asked again and again.
_LOOK_EVERY_SECONDS = 0.1


class MonitoringServerError(Exception):
    """A server did not come up; says what it logged last."""


@contextmanager
def start_server(command: Sequence[str | Path], url: str, log: Path) -> Iterator[None]:
    """Start a server, wait until `url`/-/ready says 200; end it at the end.

    Args:
        command: program and arguments.
        url: where it will answer.
        log: file for what it says.

    Raises:
        MonitoringServerError: it ends, or is not ready in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603, the tool just found
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise MonitoringServerError(log.read_text(errors="replace")[-2000:])
            time.sleep(_LOOK_EVERY_SECONDS)
        yield
    finally:
        process.terminate()
        process.wait()


def read_page(url: str, **parameters: str) -> str:
    """Read a page."""
    asked = f"{url}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(asked, timeout=_PATIENCE_SECONDS) as page:  # noqa: S310, ours
        return str(page.read().decode())


def post_json(url: str, content: Any) -> None:
    """Post something as JSON."""
    request = urllib.request.Request(  # noqa: S310, ours
        url, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):  # noqa: S310, ours
        pass


def _is_ready(url: str) -> bool:
    try:
        read_page(f"{url}/-/ready")
    except OSError:
        return False
    return True
