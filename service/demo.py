"""The whole path on this machine, checked: broker, topics, worker, articles, alerts.

The worker is the same command in a process of its own that users run.
"""

import asyncio
import json
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from service.alerts import Alert
from service.article_files import read_articles
from service.clients import follow_topic, read_topic
from service.console import (
    describe_alert,
    open_console,
    tabulate_alerts,
    tabulate_rejections,
)
from service.dead_letters import RejectionHeader
from service.embedded_kafka import EmbeddedKafka
from service.messages import RejectionReason
from service.publishing import publish_articles
from service.seeds import read_seeds
from service.settings import CHECKOUT, Settings, read_settings
from service.topics import create_topics
from service.worker_process import WorkerProcess, start_worker

KAFKA_CACHE = CHECKOUT / ".cache" / "kafka"
SEEDS = CHECKOUT / "seeds"
OFF_BEAT_ARTICLES = Path(__file__).with_name("demo_articles.jsonl")
# As far as their texts tell: 001 of a meeting on Monday, March 11, of which 000 tells, too; 002
# looks ahead to Wednesday, January 3, of which 003 tells. Of 004 nobody knows.
PUBLISHED_AT = {
    "000": "2024-03-13T09:00:00Z",
    "001": "2024-03-13T12:00:00Z",
    "002": "2024-01-02T09:00:00Z",
    "003": "2024-01-03T18:00:00Z",
}
# Which of the seed articles, in the order of their names.
CORRECTED, KILLED = 4, 0
BROKEN_MESSAGES = {
    b'{"id": "demo-broken-json", "text": "The line was cut in the mid': (
        RejectionReason.INVALID_JSON
    ),
    b'{"id": "demo-wrong-type", "title": ["Not", "a", "text"]}': RejectionReason.INVALID_ARTICLE,
    b'{"headline": "No id, no text", "byline": "A. Nonymous"}': RejectionReason.UNKNOWN_FORMAT,
}


class DemoError(Exception):
    """Something did not come out as it must; says what."""


def run_demo(*, stay: bool) -> None:
    """Show and check the whole path.

    Args:
        stay: keep everything running afterwards, and show what comes, until Ctrl-C.

    Raises:
        DemoError: an alert, a rejection or the ledger is not what it must be.
    """
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # Raised, so that worker and Kafka are stopped on the way out.
        signal.signal(ending, lambda number, _frame: sys.exit(128 + number))
    console = open_console()
    with tempfile.TemporaryDirectory(prefix="beatwatch-") as folder:
        scratch = Path(folder)
        console.print("Starting Apache Kafka (the first time it is fetched, about 45 MB) …")
        with EmbeddedKafka(scratch / "kafka", cache_dir=KAFKA_CACHE) as kafka:
            environment = {"BEATWATCH_BROKER": f"kafka://{kafka.bootstrap}"}
            settings = read_settings(environment)
            topics = asyncio.run(create_topics(settings, partitions=4))
            console.print(f"Kafka at {kafka.bootstrap}, topics {', '.join(topics)}")
            with start_worker(environment, scratch) as worker:
                worker.wait_until_ready()
                console.print(f"Worker ready, metrics at {worker.url}/metrics")
                _show_and_check(settings, worker, console)
                if stay:
                    _stay(settings, worker, console)
                worker.drain()
    console.print("[bold green]All as it must be.[/] Worker drained, Kafka stopped.")


def read_seed_articles() -> list[bytes]:
    """Read the seed articles as a newsroom sends them: in the native form, and dated."""
    articles = []
    for path in sorted((SEEDS / "articles").glob("*.txt")):
        for value in read_articles(path):
            dated = {**json.loads(value), "published_at": PUBLISHED_AT.get(path.stem[:3])}
            articles.append(json.dumps(dated, ensure_ascii=False).encode())
    return articles


def _show_and_check(settings: Settings, worker: WorkerProcess, console: Console) -> None:
    seed_articles = read_seed_articles()
    off_beat = list(read_articles(OFF_BEAT_ARTICLES))
    values = [*off_beat, *seed_articles, *BROKEN_MESSAGES]
    publish_articles(settings, values)
    console.print(
        f"Published {len(seed_articles)} seed articles, {len(off_beat)} off-beat articles, "
        f"{len(BROKEN_MESSAGES)} broken messages"
    )
    worker.wait_for_ledger(len(values))
    alerts = _read_alerts(settings)
    console.print(tabulate_alerts(alerts))
    rejections = asyncio.run(read_topic(settings, settings.dlq_topic))
    console.print(tabulate_rejections([(each.value, each.headers) for each in rejections]))

    later = [_correct(seed_articles[CORRECTED]), _kill(seed_articles[KILLED])]
    publish_articles(settings, later)
    console.print("The newsroom corrects one article and kills another; consumers are told:")
    ledger = worker.wait_for_ledger(len(values) + len(later))
    news = _read_alerts(settings)[len(alerts) :]
    for alert in news:
        console.print(describe_alert(alert))
    published = len(values) + len(later)
    counts = ", ".join(f"{outcome} {count}" for outcome, count in ledger.items() if count)
    console.print(f"Ledger: {counts}; {sum(ledger.values())} of {published} articles")
    problems = [
        *_check_alerts(alerts),
        *_check_stories(alerts),
        *_check_news(alerts, news),
        *_check_rejections(rejections),
        *_check_ledger(ledger, published),
    ]
    if problems:
        raise DemoError("not as it must be:\n" + "\n".join(f"- {each}" for each in problems))


def _read_alerts(settings: Settings) -> list[Alert]:
    """Read the alerts in the order in which the desk, which has one clock, published them."""
    messages = asyncio.run(read_topic(settings, settings.alerts_topic))
    in_order = sorted(messages, key=lambda message: message.timestamp)
    return [Alert.model_validate_json(message.value) for message in in_order]


def _correct(value: bytes) -> bytes:
    article = json.loads(value)
    corrected = f"CORRECTION: 23 people were hurt, not 17.\n\n{article['text']}"
    return json.dumps({**article, "version": 2, "text": corrected}).encode()


def _kill(value: bytes) -> bytes:
    return json.dumps({"id": json.loads(value)["id"], "status": "canceled"}).encode()


def _check_alerts(alerts: list[Alert]) -> Iterator[str]:
    seeds = read_seeds(SEEDS)
    found = {
        alert.article.id: {label.label for label in alert.labels if label.band == "alert"}
        for alert in alerts
    }
    for article in seeds.articles:
        missing = seeds.labels_of(article) - found.pop(article, set())
        if missing:
            yield f"seed {article} lacks {', '.join(sorted(missing))}"
    for article, labels in found.items():
        yield f"off-beat article {article} was alerted as {', '.join(sorted(labels))}"


def _check_stories(alerts: list[Alert]) -> Iterator[str]:
    stories: dict[str, set[str]] = defaultdict(set)
    for alert in alerts:
        stories[str(alert.story.story_id)].add(alert.article.id[:3])
    if sorted(map(sorted, stories.values())) != [["000", "001"], ["002"], ["003"], ["004"]]:
        yield f"the stories are {sorted(map(sorted, stories.values()))}"


def _check_news(alerts: list[Alert], news: list[Alert]) -> Iterator[str]:
    before = {alert.article.id: alert for alert in alerts}
    told = [(alert.alert_id, alert.revision, alert.status) for alert in news]
    ids = sorted(before)
    for article, status in ((ids[CORRECTED], "updated"), (ids[KILLED], "withdrawn")):
        if (before[article].alert_id, 2, status) not in told:
            yield f"{article} is not {status} as revision 2 of its alert"


def _check_rejections(rejections: list[Any]) -> Iterator[str]:
    reasons = {
        each.value: dict(each.headers)[RejectionHeader.REASON].decode() for each in rejections
    }
    for value, reason in BROKEN_MESSAGES.items():
        if reasons.get(value) != reason:
            yield f"{value!r} ended as {reasons.get(value)}, not {reason}"
    if len(rejections) != len(BROKEN_MESSAGES):
        yield f"{len(rejections)} rejections, not {len(BROKEN_MESSAGES)}"


def _check_ledger(ledger: dict[str, int], published: int) -> Iterator[str]:
    if sum(ledger.values()) != published:
        yield f"the ledger has {sum(ledger.values())} articles, {published} were published"


def _stay(settings: Settings, worker: WorkerProcess, console: Console) -> None:
    console.print(
        "\nStill running, waiting for your articles. In another terminal:\n\n"
        f"  export BEATWATCH_BROKER={settings.broker}\n"
        "  .venv/bin/beatwatch publish YOUR.txt YOUR.json YOUR.jsonl\n"
        f"  curl {worker.url}/metrics\n\n"
        "Alerts appear here. Ctrl-C ends it.\n",
        markup=False,
    )

    async def show_alerts() -> None:
        async for message in follow_topic(settings, settings.alerts_topic):
            console.print(describe_alert(Alert.model_validate_json(message.value)))

    try:
        asyncio.run(show_alerts())
    except KeyboardInterrupt:
        console.print("Stopping …")
