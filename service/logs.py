"""One structured line per thing worth knowing: JSON for machines, columns for people."""

import logging
import sys
from typing import TYPE_CHECKING

import stamina.instrumentation
import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

# They write a line per retry and per reconnect; what matters of it we say ourselves.
_CHATTY_LIBRARIES = ("aiokafka", "faust", "mode", "asyncio")


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
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if on_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
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
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It would say that it retries, not what: the outbox says both.
    stamina.instrumentation.set_on_retry_hooks([])
