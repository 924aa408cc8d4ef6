"""One structured line per thing worth knowing: JSON for machines, columns for people."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import stamina.instrumentation
import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

# They write a line per retry and per reconnect, thousands a second while a broker is away; that it
# is away, and back, the worker says itself.
_CHATTY_LIBRARIES = ("aiokafka", "faust", "mode", "asyncio")
_REPEAT_AFTER_SECONDS = 10.0
_KINDS_MAX = 1000
_SHOWN_AS_THEY_ARE = ("event", "exception", "stack")


def configure_logging(log_format: str, level: str) -> None:
    """Send our lines and those of libraries to standard error in one format.

    Args:
        log_format: `json`, `console`, or `auto` (console on a terminal).
        level: least severe level of our own lines; libraries speak from `warning` on.
    """
    on_terminal = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[Processor] = (
        [
            _escape_controls,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default shows what local variables hold: passwords, articles.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
        if on_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            # First: most lines are of articles that nobody is told of, and are not written.
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    handler.addFilter(RepeatFilter(_CHATTY_LIBRARIES))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It would say that it retries, not what: the outbox says both.
    stamina.instrumentation.set_on_retry_hooks([])


def _escape_controls(_logger: Any, _name: str, line: Any) -> Any:
    # What a newsroom sends could command the terminal; structlog escapes only what has spaces too.
    for name, value in line.items():
        if name not in _SHOWN_AS_THEY_ARE and isinstance(value, str) and not value.isprintable():
            line[name] = repr(value)[1:-1]
    return line


class RepeatFilter(logging.Filter):
    """Lets each kind of line of some libraries through once in ten seconds.

    A kind is a logger and the line before its values are filled in.
    """

    def __init__(
        self, libraries: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._libraries = tuple(libraries)
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is to be written."""
        if not record.name.startswith(self._libraries):
            return True
        kind = (record.name, str(record.msg))
        now = self._clock()
        if now - self._said.get(kind, -_REPEAT_AFTER_SECONDS) < _REPEAT_AFTER_SECONDS:
            return False
        if len(self._said) >= _KINDS_MAX:
            self._said.clear()
        self._said[kind] = now
        return True


# One for all, as Python has one handler of last resort.
_LAST_RESORT_FILTER = RepeatFilter(_CHATTY_LIBRARIES)


def configure_command_logging() -> None:
    """Keep standard output for results, and libraries on standard error short, in commands."""
    # Not the factory's own class: it would hold on to the standard error of now.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    if logging.lastResort is not None:
        logging.lastResort.addFilter(_LAST_RESORT_FILTER)
