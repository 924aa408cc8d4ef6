"""The commands. Exit codes: 0 done, 1 it could not go on, 2 wrong usage or settings."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from service import (
    __version__,
    alert_commands,
    audit_commands,
    config_commands,
    dlq_commands,
    model_commands,
    newsroom_commands,
    schema_commands,
)
from service.article_files import ArticleFileError
from service.broker import BrokerError
from service.contracts import DriftError
from service.dlq_commands import LetterNotFoundError
from service.feeds import FeedError
from service.header_names import read_any_header_names
from service.logs import configure_command_logging
from service.model_commands import NotFoundError
from service.model_file import ModelError
from service.pages import PortError
from service.publishing import RefusedArticleError, UntakenArticlesError
from service.report import LabelledFileError
from service.seeds import SeedsError
from service.settings import SettingsError, read_settings
from service.topics import ARTICLES_PARTITIONS, check_topics, create_topics

EXIT_FAILED = 1
EXIT_USAGE = 2

# What cannot go on for a reason that its text says in full.
_FAILURES = (
    ArticleFileError,
    BrokerError,
    DriftError,
    FeedError,
    KafkaError,
    LabelledFileError,
    LetterNotFoundError,
    ModelError,
    NotFoundError,
    OSError,
    PortError,
    RefusedArticleError,
    SeedsError,
    UntakenArticlesError,
)

commands = typer.Typer(
    name="beatwatch",
    help="Streaming news monitoring: articles in, alerts with their evidence out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
topics = typer.Typer(help="Create or check the topics.", no_args_is_help=True)
commands.add_typer(topics, name="topics")
commands.add_typer(newsroom_commands.commands)
commands.add_typer(alert_commands.commands)
commands.add_typer(audit_commands.commands)
commands.add_typer(dlq_commands.commands, name="dlq")
commands.add_typer(model_commands.commands)
commands.add_typer(model_commands.seeds_commands, name="seeds")
commands.add_typer(schema_commands.commands, name="schema")
commands.add_typer(config_commands.commands, name="config")


def run() -> None:
    """Run the command line; what cannot go on says why in one line and exits 1."""
    for stream in (sys.stdout, sys.stderr):
        # Articles come in every script, whatever the locale; names of files may be no text at all.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    configure_command_logging()
    read_any_header_names()
    try:
        commands()
    except SettingsError as error:
        _fail(error, EXIT_USAGE)
    except _FAILURES as error:
        _fail(error, EXIT_FAILED)


@commands.command()
def worker() -> None:
    """Label articles and publish alerts until SIGTERM; settings come from BEATWATCH_*."""
    from service.worker import run_worker  # noqa: PLC0415, loads what other commands spare

    run_worker(read_settings())


@commands.command()
def demo(
    stay: Annotated[bool, typer.Option(help="Keep running and wait for your articles.")] = False,
) -> None:
    """Show and check the whole path on this machine with a real Kafka of its own."""
    from service.demo import DemoError, run_demo  # noqa: PLC0415, as above
    from service.kafka_jars import EmbeddedKafkaError  # noqa: PLC0415, as above
    from service.worker_process import WorkerProcessError  # noqa: PLC0415, as above

    try:
        run_demo(stay=stay)
    except (DemoError, EmbeddedKafkaError, WorkerProcessError) as error:
        _fail(error, EXIT_FAILED)


@topics.command("create")
def create(
    partitions: Annotated[
        int, typer.Option(min=1, help="Of the articles topic.")
    ] = ARTICLES_PARTITIONS,
    replication_factor: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Create those of our topics that do not exist yet."""
    created = asyncio.run(
        create_topics(read_settings(), partitions=partitions, replication_factor=replication_factor)
    )
    print(f"created: {', '.join(created) or 'none, all were there'}")


@topics.command("check")
def check() -> None:
    """Check that the topics exist and fit together."""
    asyncio.run(check_topics(read_settings()))
    print("all topics are there, and the dead letters take whatever articles may be")


@commands.command()
def kafka(
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep its data here; default: a folder that is removed.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 9092,
) -> None:
    """Run the embedded Kafka in the foreground until Ctrl-C, its topics created."""
    from service.demo import KAFKA_CACHE  # noqa: PLC0415, as above
    from service.embedded_kafka import EmbeddedKafka  # noqa: PLC0415, as above
    from service.kafka_jars import EmbeddedKafkaError  # noqa: PLC0415, as above

    with tempfile.TemporaryDirectory(prefix="beatwatch-kafka-") as scratch:
        folder = data_dir or Path(scratch)
        try:
            with EmbeddedKafka(folder, cache_dir=KAFKA_CACHE, port=port) as broker:
                own = {"BEATWATCH_BROKER": f"kafka://{broker.bootstrap}"}
                settings = read_settings({**os.environ, **own})
                asyncio.run(create_topics(settings, partitions=ARTICLES_PARTITIONS))
                print(f"Kafka at {broker.bootstrap}; Ctrl-C ends it", flush=True)
                _wait_for_end()
        except EmbeddedKafkaError as error:
            _fail(error, EXIT_FAILED)


@commands.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _wait_for_end() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        return


def _fail(error: Exception, code: int) -> None:
    print(f"beatwatch: {error}", file=sys.stderr)
    sys.exit(code)
