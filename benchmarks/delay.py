"""Part 3: how long from an article's publication until consumers have its alert.

Run by `make bench`, or alone: `python -m benchmarks.delay`.
"""

import math
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import NamedTuple

from confluent_kafka import Consumer, Producer

from benchmarks.ground import Ground, open_ground
from benchmarks.newsroom import Newsroom, write_message
from benchmarks.tables import Section, hold_at_most, tell_spread
from benchmarks.throughput import WORLD_PER_SECOND
from service.formats import parse_article
from service.worker_process import start_worker

ROUNDS = 3
SECONDS = 8
PARTITIONS = 4
# Before it counts: the first articles find nothing warm.
_WARM_SECONDS = 2
_PERCENTS = (50, 95, 99)
_LATE_SECONDS = 20.0
_POLL_SECONDS = 0.01

_TEXT = """\
From the moment at which an article was due to be published until an independent reader of
committed alerts had its alert. {rounds} rounds, in each all loads one after the other: articles
come at even intervals for {seconds} s ({warm} s more before them do not count), whatever becomes
of those before (open loop: an article that had to be
sent late counts from when it was due, so that no delay is omitted). One worker, one broker, the
newsroom and the reader on the same cores. At low loads more articles match than in the realistic
mix, or there would be too few alerts for a 99th percentile. Of each percentile the median of the
rounds (least-most), which is held to the bar; the longest delay is that of all rounds."""


class Load(NamedTuple):
    """Articles at a rate; one of so many matches."""

    worlds: float
    on_beat_one_in: int
    p99_bound_ms: float | None


LOADS = (Load(1, 1, None), Load(10, 5, 50), Load(43, 20, 100))


class _Articles(NamedTuple):
    """What is offered at a rate a second: keys and values, the first of which do not count."""

    messages: list[tuple[bytes, bytes]]
    matching: set[bytes]
    rate: float
    warming: int


def main() -> None:
    """Measure, and print."""
    with open_ground() as ground:
        sys.stdout.write(measure(ground).write())


def measure(ground: Ground) -> Section:
    """Offer one worker each load, in turns."""
    rounds: dict[Load, list[list[float]]] = {load: [] for load in LOADS}
    written = {load: _write_articles(ground, load) for load in LOADS}
    for number in range(ROUNDS):
        for load, articles in written.items():
            topic = f"delay-{load.worlds:g}-{number}"
            rounds[load].append(sorted(_offer(ground, articles, topic)))
    rows, bars = [], []
    for load, delays in rounds.items():
        percentiles = [_find_percentile(delays, percent) for percent in _PERCENTS]
        longest_ms = max(each[-1] for each in delays) * 1000
        rows.append(
            [
                f"{load.worlds:g} W",
                f"{load.worlds * WORLD_PER_SECOND:,.0f}",
                f"1 in {load.on_beat_one_in}",
                str(sum(map(len, delays))),
                *map(tell_spread, percentiles),
                f"{longest_ms:.0f}",
            ]
        )
        if load.p99_bound_ms is not None:
            name = f"99th percentile of the delay at {load.worlds:g} W, ms"
            # An alert that never came is no matter of percentiles.
            p99_ms = longest_ms if math.isinf(longest_ms) else statistics.median(percentiles[-1])
            bars.append(hold_at_most(name, p99_ms, load.p99_bound_ms))
    percents = [f"p{percent} ms" for percent in _PERCENTS]
    headings = ["load", "articles/s", "match", "alerts", *percents, "max ms"]
    text = _TEXT.format(rounds=ROUNDS, seconds=SECONDS, warm=_WARM_SECONDS)
    return Section("From article to alert", text, headings, rows, bars)


def _find_percentile(rounds: list[list[float]], percent: int) -> list[float]:
    # Of each round, in ms.
    return [delays[len(delays) * percent // 100] * 1000 for delays in rounds]


def _write_articles(ground: Ground, load: Load) -> _Articles:
    newsroom = Newsroom(ground.newsroom.classifier, on_beat_one_in=load.on_beat_one_in)
    rate = load.worlds * WORLD_PER_SECOND
    warming = int(rate * _WARM_SECONDS)
    messages = [
        write_message(newsroom.write_article(each)) for each in range(warming + int(rate * SECONDS))
    ]
    matching = {
        key for number, (key, value) in enumerate(messages) if _matches(newsroom, number, value)
    }
    return _Articles(messages, matching, rate, warming)


def _offer(ground: Ground, articles: _Articles, topic: str) -> list[float]:
    """Offer articles, on a topic of their own.

    Returns:
        The delay of each alert, in seconds; infinite where there was none in time.
    """
    messages, matching, rate, warming = articles
    environ = ground.prepare_run(topic, PARTITIONS)
    with start_worker(environ, ground.scratch) as worker:
        worker.wait_until_ready()
        with _note_arrivals(ground, environ["BEATWATCH_ALERTS_TOPIC"]) as arrivals:
            due = _publish_when_due(ground, topic, messages, rate)
            deadline = time.monotonic() + _LATE_SECONDS
            # A digest arrives too, with a key of its own.
            while not matching <= arrivals.keys() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
    return [
        arrivals.get(key, math.inf) - due[key]
        for key, _value in messages[warming:]
        if key in matching
    ]


def _matches(newsroom: Newsroom, number: int, value: bytes) -> bool:
    # Among so many invented names one in thousands on the beat is not found to be.
    return newsroom.is_on_beat(number) and bool(
        newsroom.classifier.label_article(parse_article(value)).alerts
    )


def _publish_when_due(
    ground: Ground, topic: str, messages: list[tuple[bytes, bytes]], rate: float
) -> dict[bytes, float]:
    producer = Producer(
        {"bootstrap.servers": ground.kafka.bootstrap, "linger.ms": 0, "acks": "all"}
    )
    producer.list_topics(topic)
    due = {}
    begun = time.perf_counter() + 0.1
    for number, (key, value) in enumerate(messages):
        due[key] = begun + number / rate
        while (early := due[key] - time.perf_counter()) > 0:
            time.sleep(early)
        producer.produce(topic, value, key)
        producer.poll(0)
    producer.flush()
    return due


@contextmanager
def _note_arrivals(ground: Ground, topic: str) -> Iterator[dict[bytes, float]]:
    """Note when the first alert of each key arrives, on a thread of its own."""
    arrivals: dict[bytes, float] = {}
    ended, ready = Event(), Event()
    consumer = Consumer(
        {
            "bootstrap.servers": ground.kafka.bootstrap,
            "group.id": f"{topic}.delay",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
        }
    )

    def read() -> None:
        consumer.subscribe([topic], on_assign=lambda *_: ready.set())
        while not ended.is_set():
            message = consumer.poll(_POLL_SECONDS)
            if message is not None and message.error() is None:
                arrivals.setdefault(message.key() or b"", time.perf_counter())

    reading = Thread(target=read, name="reader")
    reading.start()
    try:
        ready.wait(_LATE_SECONDS)
        yield arrivals
    finally:
        ended.set()
        reading.join()
        consumer.close()


if __name__ == "__main__":
    main()
