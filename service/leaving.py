"""How a worker ends that must not go on: at once, and nothing acknowledged."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import structlog

from service.health import Health

log = structlog.get_logger(__name__)


@contextmanager
def stopping_on_error() -> Iterator[None]:
    """Leave the process on whatever was not foreseen."""
    try:
        yield
    except Exception as error:  # noqa: BLE001, Faust would acknowledge, idle or go on without
        stop_unacknowledged(error)


def stop_unacknowledged(error: Exception) -> NoReturn:
    """Leave the process at once with exit code 1, acknowledging nothing more.

    The supervisor starts a new worker, which reads the same articles again. A tidy stop would
    let Faust commit, or wait for ever for articles that nobody handles.
    """
    log.critical(
        "worker stops, nothing acknowledged; its articles will be read again",
        error=type(error).__name__,
        why=str(error),
        exc_info=error,
    )
    leave_process()


def stop_with_part(error: BaseException | None, health: Health) -> None:
    """Leave the process when a part of the worker died of what nobody foresaw.

    Without that part it would work on, and not as it should. One that stops anyway stops in order.
    """
    if isinstance(error, Exception) and not health.stopping:
        stop_unacknowledged(error)


def leave_process() -> NoReturn:
    """End the process with exit code 1, waiting for nobody."""
    sys.stderr.flush()
    os._exit(1)
