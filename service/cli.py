"""The commands. Exit codes: 0 done, 1 it could not go on, 2 wrong usage or settings."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from service import __version__
from service.broker import BrokerError
from service.classifier import Classifier
from service.clients import follow_topic, publish_articles, read_articles, split_lines
from service.console import describe_alert, describe_article, open_console
from service.formats import RejectedArticleError, parse_article
from service.health import PortError
from service.messages import Alert
from service.model_file import ModelError
from service.seeds import SeedsError, read_seeds
from service.settings import CHECKOUT, SettingsError, read_settings
from service.topics import check_topics, create_topics

EXIT_FAILED = 1
EXIT_USAGE = 2

commands = typer.Typer(
    name="beatwatch",
    help="Streaming news monitoring: articles in, alerts with their evidence out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
topics = typer.Typer(help="Create or check the topics.", no_args_is_help=True)
commands.add_typer(topics, name="topics")


def run() -> None:
    """Run the command line; what cannot go on says why in one line and exits 1."""
    for stream in (sys.stdout, sys.stderr):
        # Articles come in every script, whatever the locale.
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        commands()
    except SettingsError as error:
        _fail(error, EXIT_USAGE)
    except (BrokerError, ModelError, PortError, SeedsError, KafkaError, OSError) as error:
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


@commands.command()
def train(
    seeds: Annotated[Path, typer.Option(help="Folder of the seeds.")] = CHECKOUT / "seeds",
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = CHECKOUT / "models",
) -> None:
    """Train the model from the seeds; the same seeds give the same file."""
    from service.training import train_model, write_model  # noqa: PLC0415, as above

    begun = time.monotonic()
    knowledge = read_seeds(seeds)
    trained = train_model(knowledge)
    manifest = write_model(trained, knowledge, out)
    print(
        f"{out}: model {manifest.version}, {len(manifest.labels)} labels from "
        f"{len(knowledge.texts)} texts, threshold {trained.evaluation.threshold}, "
        f"{time.monotonic() - begun:.1f} s"
    )


@commands.command()
def classify(
    files: Annotated[list[Path] | None, typer.Argument(help=".txt, .json or .jsonl")] = None,
    jsonl: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="One article a line in, one JSON object a line out."),
    ] = None,
) -> None:
    """Label articles without a broker: for people, or with --jsonl for programs."""
    if bool(files) == bool(jsonl):
        raise typer.BadParameter("give either files or --jsonl FILE|-")
    classifier = Classifier.load(read_settings().model_dir)
    if jsonl:
        with sys.stdin.buffer if jsonl == "-" else Path(jsonl).open("rb") as lines:
            for line in lines:
                labelled = _classify_line(line.removesuffix(b"\n"), classifier)
                print(json.dumps(labelled, ensure_ascii=False), flush=True)
        return
    console = open_console()
    for path in files or []:
        for value in read_articles(path):
            try:
                article = parse_article(value)
            except RejectedArticleError as rejection:
                console.print(f"{path}: rejected, {rejection}", style="red", markup=False)
            else:
                console.print(describe_article(article, classifier.label_article(article)), "\n")


@commands.command()
def publish(
    files: Annotated[
        list[str], typer.Argument(help=".txt, .json or .jsonl files; - for JSONL on standard input")
    ],
) -> None:
    """Publish articles to the articles topic, keyed by their id."""
    values = [
        value
        for name in files
        for value in (
            split_lines(sys.stdin.buffer.read()) if name == "-" else read_articles(Path(name))
        )
    ]
    settings = read_settings()
    print(f"{asyncio.run(publish_articles(settings, values))} articles published")


@commands.command()
def alerts(
    since_start: Annotated[bool, typer.Option(help="From the oldest alert on.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="The alerts as they are.")] = False,
) -> None:
    """Follow the alerts topic until Ctrl-C."""
    settings = read_settings()
    console = open_console()

    async def show() -> None:
        messages = follow_topic(settings, settings.alerts_topic, since_start=since_start)
        async for message in messages:
            try:
                alert = Alert.model_validate_json(message.value or b"")
            except ValidationError:
                print(f"not an alert: partition {message.partition}, offset {message.offset}",
                      file=sys.stderr)  # fmt: skip
                continue
            if json_lines:
                print(message.value.decode(), flush=True)
            else:
                console.print(describe_alert(alert))

    try:
        asyncio.run(show())
    except KeyboardInterrupt:
        return


@topics.command("create")
def create(
    partitions: Annotated[int, typer.Option(min=1, help="Of the articles topic.")] = 4,
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
                asyncio.run(create_topics(settings, partitions=4))
                print(f"Kafka at {broker.bootstrap}; Ctrl-C ends it", flush=True)
                _wait_for_end()
        except EmbeddedKafkaError as error:
            _fail(error, EXIT_FAILED)


@commands.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _classify_line(line: bytes, classifier: Classifier) -> dict[str, Any]:
    try:
        article = parse_article(line)
    except RejectedArticleError as rejection:
        rejected = {"reason": rejection.reason, "detail": rejection.detail}
        return {"id": None, "labels": [], "rejected": rejected}
    labels = [label.model_dump(mode="json") for label in classifier.label_article(article).labels]
    return {"id": article.id, "labels": labels, "rejected": None}


def _wait_for_end() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        return


def _fail(error: Exception, code: int) -> None:
    print(f"beatwatch: {error}", file=sys.stderr)
    sys.exit(code)
