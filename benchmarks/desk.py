"""What the desk costs: how soon alerts and kills are told, what it bears, how it comes back.

Run by `make bench-desk`, which writes benchmarks/DESK.md: on a Kafka of its own, with workers as
users run them. The numbers are this machine's.
"""

import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.usage import read_usage
from service.alerts import derive_alert_id
from service.broker import client_options
from service.classifier import Classifier
from service.desk_state import Entry
from service.desk_store import DeskStore
from service.embedded_kafka import EmbeddedKafka
from service.messages import Article
from service.settings import CHECKOUT, Settings, read_settings
from service.topics import create_topics
from service.worker_process import WorkerProcess, start_worker

REPORT = Path(__file__).with_name("DESK.md")
ROUNDS = 200
MATCHES = 6000
# 72 hours of a million articles a day, of which 1 % and 5 % match.
REMEMBERED = (30_000, 150_000)
_SKETCHES = 5000
_WORDS = 250
# A compressed alert with evidence of three passages.
_KEPT_BYTES = 1200
_TRANSACTION_ENTRIES = 500
_DAY_MS = 86_400_000
_WINDOW_MS = 3 * _DAY_MS
_PATIENCE_SECONDS = 120.0
_REPORTED = (
    "The Tehreek-e-Taliban Pakistan (TTP) attacked a police post near {} and {}; {} policemen "
    "were killed, said {}."
)

_REPORT = """\
# What the desk costs

Written by `make bench-desk`, on a machine with {cores} cores that also ran Kafka and the reader.
When it began, {load:.1f} processes were waiting for a core or had one (mean of five minutes).

## How soon consumers are told

From publishing an article to a reader of committed alerts having its alert; one article at a time,
{rounds} of each.

| | p50 ms | p95 ms | max ms |
|---|---|---|---|
| raise | {raises} |
| kill | {kills} |

## How much it bears

One desk brought {per_second:,.0f} matches a second to their alerts: {matches:,} short reports that
were all there already, in batches of 64, a transaction each.

## How it comes back

A worker that finds so many entries on the stories topic: 72 hours of a million articles a day, of
which 1 % and 5 % match. Half of them lead a story, half repeat one and keep their alert
({kept_bytes} bytes). Texts of {words} words; {sketches:,} sketches that differ. Memory is that of
the whole process, and what it has more than one with nothing to remember.

| entries | MB on the topic | bytes an entry | take-over s | memory MB | more MB | peak MB |
|---|---|---|---|---|---|---|
{rows}

While they read, the workers {heartbeats} their partitions.
"""

Environ = dict[str, str]


class Recovery(NamedTuple):
    """How a worker came to have a desk that remembers so much."""

    entries: int
    topic_bytes: int
    seconds: float
    memory_bytes: int
    peak_bytes: int
    assignments: int


def main() -> None:
    """Measure, and write the report."""
    load_processes = os.getloadavg()[1]
    with tempfile.TemporaryDirectory(prefix="beatwatch-bench-") as folder:
        scratch = Path(folder)
        cache = CHECKOUT / ".cache" / "kafka"
        with EmbeddedKafka(scratch / "kafka", cache_dir=cache) as kafka:
            environ = _create_topics(kafka, "latency")
            raises, kills = asyncio.run(_measure_latency(environ, scratch))
            per_second = _measure_rate(kafka, scratch)
            empty = _measure_recovery(kafka, scratch, 0)
            recoveries = [_measure_recovery(kafka, scratch, count) for count in REMEMBERED]
    text = _write_report(
        raises, kills, per_second, empty, recoveries, load_processes=load_processes
    )
    REPORT.write_text(text, encoding="utf-8")
    print(text)  # noqa: T201, what it prints is its result


async def _measure_latency(environ: Environ, scratch: Path) -> tuple[list[float], list[float]]:
    settings = read_settings(environ)
    raises, kills = [], []
    with start_worker(environ, scratch) as worker:
        worker.wait_until_ready()
        async with _open_clients(settings) as (producer, consumer):
            # The first finds nothing warm.
            for number in range(-5, ROUNDS):
                raised = _report(f"a-{number}", number)
                took = await _publish_and_wait(settings, producer, consumer, raised)
                kill = {"id": f"a-{number}", "status": "canceled"}
                gone = await _publish_and_wait(settings, producer, consumer, kill)
                if number >= 0:
                    raises.append(took)
                    kills.append(gone)
        worker.drain()
    return raises, kills


@asynccontextmanager
async def _open_clients(
    settings: Settings,
) -> AsyncIterator[tuple[AIOKafkaProducer, AIOKafkaConsumer]]:
    options = client_options(settings)
    async with (
        AIOKafkaProducer(**options, acks="all") as producer,
        AIOKafkaConsumer(
            settings.alerts_topic, **options, isolation_level="read_committed"
        ) as consumer,
    ):
        await consumer.seek_to_end()
        # `seek_to_end` is lazy: without a position, what comes first would be passed over.
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield producer, consumer


async def _publish_and_wait(
    settings: Settings,
    producer: AIOKafkaProducer,
    consumer: AIOKafkaConsumer,
    article: dict[str, Any],
) -> float:
    begun = time.perf_counter()
    key = article["id"].encode()
    await producer.send(settings.articles_topic, json.dumps(article).encode(), key=key)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while (await consumer.getone()).key != key:
            pass
    return time.perf_counter() - begun


def _measure_rate(kafka: EmbeddedKafka, scratch: Path) -> float:
    """Measure the matches a second of a desk whose matches are all there already."""
    source = _create_topics(kafka, "rate-source")
    articles = [_report(f"a-{number}", number) for number in range(MATCHES)]
    asyncio.run(_publish(read_settings(source), articles))
    with start_worker(source, scratch) as worker:
        worker.wait_until_ready()
        _wait_for_ledger(worker, MATCHES)
        worker.drain()
    matches = source["BEATWATCH_MATCHES_TOPIC"]
    again = _create_topics(kafka, "rate") | {"BEATWATCH_MATCHES_TOPIC": matches}
    with start_worker(again, scratch) as worker:
        worker.wait_until_ready()
        begun = time.perf_counter()
        before = sum(worker.read_ledger().values())
        _wait_for_ledger(worker, MATCHES)
        seconds = time.perf_counter() - begun
        worker.drain()
    return (MATCHES - before) / seconds


def _wait_for_ledger(worker: WorkerProcess, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while sum(worker.read_ledger().values()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(worker.tail())
        time.sleep(0.05)


def _measure_recovery(kafka: EmbeddedKafka, scratch: Path, count: int) -> Recovery:
    environ = _create_topics(kafka, f"recovery-{count}")
    settings = read_settings(environ)
    asyncio.run(_fill(settings, count))
    files = scratch.glob(f"kafka/**/{settings.stories_topic}-0/*.log")
    topic_bytes = sum(file.stat().st_size for file in files)
    with start_worker(environ, scratch) as worker:
        taken_over = _wait_for_line(worker, "desk taken over")
        usage = read_usage([worker.process.pid])
        assignments = worker.log_file.read_text().count('"partitions assigned"')
        worker.drain()
    return Recovery(
        taken_over["remembered"],
        topic_bytes,
        taken_over["seconds"],
        usage.memory_bytes,
        usage.peak_bytes,
        assignments,
    )


def _wait_for_line(worker: WorkerProcess, event: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for line in worker.log_file.read_text().splitlines(keepends=True):
            if f'"{event}"' in line and line.endswith("\n"):
                found: dict[str, Any] = json.loads(line)
                return found
        time.sleep(0.05)
    raise TimeoutError(worker.tail())


async def _fill(settings: Settings, count: int) -> None:
    store = DeskStore(
        client_options(settings),
        stories=TopicPartition(settings.stories_topic, 0),
        transactional_id=f"{settings.group}.desk.0",
        retry_seconds=_PATIENCE_SECONDS,
    )
    await store.take_over(lambda _entry: None)
    entries: list[Entry] = []
    for entry in _invent_entries(count):
        entries.append(entry)
        if len(entries) == _TRANSACTION_ENTRIES:
            await store.write([], entries)
            entries = []
    await store.let_go()


def _invent_entries(count: int) -> Iterator[Entry]:
    chance = random.Random(count)  # noqa: S311, no secret
    sketches = list(_make_sketches(min(count, _SKETCHES), chance))
    now_ms = int(time.time() * 1000)
    for number in range(count):
        at_ms = now_ms - _WINDOW_MS + _WINDOW_MS * number // count
        is_repeat = number % 2 == 1
        name = f"urn:newsroom:example.org:{number:012}"
        lead = f"urn:newsroom:example.org:{number - is_repeat:012}"
        yield Entry(
            article_id=name,
            version=1,
            killed=False,
            handled_ms=at_ms,
            handled_partition=number % 4,
            handled_offset=number,
            joined_ms=at_ms,
            told_ms=at_ms,
            revision=1,
            standing="published",
            labels=("ttp",),
            face=f"{chance.getrandbits(64):016x}",
            story_id=derive_alert_id(lead),
            role="repeat" if is_repeat else "lead",
            similarity=0.9 if is_repeat else 1.0,
            raised=() if is_repeat else ("ttp",),
            raised_ms=at_ms,
            digested=0,
            sketch=sketches[number % len(sketches)],
            kept=chance.randbytes(_KEPT_BYTES) if is_repeat else None,
        )


def _make_sketches(count: int, chance: random.Random) -> Iterator[bytes]:
    classifier = Classifier.load(CHECKOUT / "models")
    told_at = datetime(2026, 3, 12, tzinfo=UTC)
    vocabulary = [_invent_name(chance) for _ in range(20_000)]
    ranks = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    for number in range(count):
        words = chance.choices(vocabulary, ranks, k=_WORDS)
        text = f"{_report('', number)['text']}\n\n{' '.join(words)}."
        yield classifier.sketcher.make_sketch(Article(id="a", text=text), told_at)


def _report(name: str, number: int) -> dict[str, Any]:
    chance = random.Random(number)  # noqa: S311, as above
    places = [_invent_name(chance).capitalize() for _ in range(3)]
    text = _REPORTED.format(places[0], places[1], chance.randint(20, 9000), places[2])
    return {"id": name, "text": text}


def _invent_name(chance: random.Random) -> str:
    syllables = (
        chance.choice("bdfgklmnprstvz") + chance.choice("aeiou")
        for _ in range(chance.randint(2, 4))
    )
    return "".join(syllables)


async def _publish(settings: Settings, articles: list[dict[str, Any]]) -> None:
    async with AIOKafkaProducer(**client_options(settings), acks="all") as producer:
        for article in articles:
            value, key = json.dumps(article).encode(), article["id"].encode()
            await producer.send(settings.articles_topic, value, key=key)


def _create_topics(kafka: EmbeddedKafka, name: str) -> Environ:
    environ = {
        "BEATWATCH_BROKER": f"kafka://{kafka.bootstrap}",
        "BEATWATCH_GROUP": name,
        **{
            f"BEATWATCH_{topic}_TOPIC": f"{name}.{topic.lower()}"
            for topic in ("ARTICLES", "MATCHES", "STORIES", "ALERTS", "DLQ")
        },
    }
    asyncio.run(create_topics(read_settings(environ), partitions=4))
    return environ


def _write_report(
    raises: list[float],
    kills: list[float],
    per_second: float,
    empty: Recovery,
    recoveries: list[Recovery],
    *,
    load_processes: float,
) -> str:
    kept_partitions = all(each.assignments == 1 for each in recoveries)
    return _REPORT.format(
        cores=os.cpu_count(),
        load=load_processes,
        rounds=ROUNDS,
        raises=_quantiles(raises),
        kills=_quantiles(kills),
        per_second=per_second,
        matches=MATCHES,
        kept_bytes=_KEPT_BYTES,
        words=_WORDS,
        sketches=_SKETCHES,
        rows="\n".join(_write_row(each, empty) for each in (empty, *recoveries)),
        heartbeats="kept" if kept_partitions else "lost",
    )


def _write_row(recovery: Recovery, empty: Recovery) -> str:
    more_bytes = recovery.memory_bytes - empty.memory_bytes
    cells = (
        f"{recovery.entries:,}",
        f"{recovery.topic_bytes / 1e6:,.0f}",
        f"{recovery.topic_bytes / recovery.entries:,.0f}" if recovery.entries else "",
        f"{recovery.seconds:.1f}",
        *(
            f"{size / 1e6:,.0f}"
            for size in (recovery.memory_bytes, more_bytes, recovery.peak_bytes)
        ),
    )
    return f"| {' | '.join(cells)} |"


def _quantiles(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return " | ".join(f"{each * 1000:.0f}" for each in (cuts[49], cuts[94], max(seconds)))


if __name__ == "__main__":
    main()
