"""Part 2: articles a second through the broker, beside what a newsroom could write instead.

Run by `make bench`, or alone: `python -m benchmarks.throughput`.
"""

import statistics
import sys
import time
from collections import defaultdict
from typing import NamedTuple

from benchmarks.contenders import (
    BARE_AGENT,
    HAND_WRITTEN,
    OURS,
    Contender,
    NotInstalledError,
    make_quix,
)
from benchmarks.ground import Ground, NoOutcomesError, Outcomes, open_ground
from benchmarks.newsroom import ARTICLE_BYTES, ON_BEAT_ONE_IN
from benchmarks.tables import Bar, Section, hold_at_least, hold_at_most, tell_spread
from benchmarks.usage import read_usage

ROUNDS = 3
SECONDS = 4.0
PARTITIONS = 4
# More than the fastest of them reads in the time that it is given.
ARTICLES = 50_000
_DATED_ARTICLES = 12_000
_DATED = "beatwatch, dated articles"
# What is slower than this in its time is given more; fewer outcomes are no rate.
_LEAST_OUTCOMES = 20
_PATIENCE_SECONDS = 30.0
# A million articles a day.
WORLD_PER_SECOND = 1_000_000 / 86_400

_TEXT = """\
{rounds} rounds, all contenders one after the other in each; each was given {seconds:g} s from its
first outcome (of ours: when its workers had their partitions), or {articles:,} articles of
{size:.1f} KB on {partitions} partitions, all there already. One in {one_in} matches; what is
counted are the outcomes on the broker, by its own clock: alerts of ours, forwarded articles of the
others. All but the bare agent and ours call the stock
scikit-learn pipeline of the model we ship, in batches of up to 200 articles (Quix Streams: one by
one, its own way). Dated articles have `updated_at` and no version number: whatever they say, they
go to the desk, as they may correct what was told before. 1 W is a million articles a day,
{world:.1f}/s. Medians (least-most)."""


class Run(NamedTuple):
    """How a contender did."""

    per_second: float
    cpu_seconds_per_1000: float
    memory_bytes: int
    broker_cores: float


def main() -> None:
    """Measure, and print."""
    with open_ground() as ground:
        sys.stdout.write(measure(ground).write())


def measure(ground: Ground) -> Section:
    """Measure all contenders, in turns."""
    articles = ground.fill_articles(PARTITIONS, ARTICLES)
    contenders = [OURS, BARE_AGENT, *HAND_WRITTEN]
    missing = []
    try:
        contenders.append(make_quix())
    except NotInstalledError as error:
        missing.append(["Quix Streams", str(error), "", "", ""])
    turns = [
        *((contender.name, contender, articles) for contender in contenders),
        (_DATED, OURS, ground.fill_dated_articles(PARTITIONS, _DATED_ARTICLES)),
    ]
    runs: dict[str, list[Run]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, contender, topic in turns:
            runs[name].append(measure_run(ground, contender, topic, PARTITIONS, SECONDS))
    rows = [[name, *_tell(each, runs[OURS.name])] for name, each in runs.items()]
    text = _TEXT.format(
        rounds=ROUNDS,
        seconds=SECONDS,
        articles=ARTICLES,
        size=ARTICLE_BYTES / 1000,
        partitions=PARTITIONS,
        one_in=ON_BEAT_ONE_IN,
        world=WORLD_PER_SECOND,
    )
    headings = [
        "",
        "articles/s",
        "W",
        "of ours",
        "CPU s per 1,000",
        "RSS MB",
    ]
    bars = _hold_to_bars({name: _median(each) for name, each in runs.items()}, runs[OURS.name])
    return Section("Through the broker", text, headings, [*rows, *missing], bars)


def measure_run(
    ground: Ground, contender: Contender, articles: str, partitions: int, seconds: float
) -> Run:
    """Have a contender read a topic from its beginning for so long.

    Raises:
        NoOutcomesError: nothing comes out.
    """
    with contender.start(ground, articles, partitions) as started:
        outcomes = Outcomes(ground, started.outcomes)
        try:
            first = outcomes.wait_for_first(time.time())
            begun, before = time.perf_counter(), read_usage(started.pids)
            broker_before = read_usage([ground.kafka.pid])
            # Those of the first's own batch are not work of the time that is measured.
            later: list[float] = []
            while len(later) < _LEAST_OUTCOMES and time.perf_counter() - begun < _PATIENCE_SECONDS:
                stamps = outcomes.read_for(seconds, ARTICLES // ON_BEAT_ONE_IN - 1)
                later += [stamp for stamp in stamps if stamp > first]
            elapsed, after = time.perf_counter() - begun, read_usage(started.pids)
            broker_after = read_usage([ground.kafka.pid])
        finally:
            outcomes.close()
    if not later:
        raise NoOutcomesError(f"{contender.name} brought nothing out after its first batch")
    per_second = len(later) * ON_BEAT_ONE_IN / (later[-1] - first)
    cpu_cores = (after.cpu_seconds - before.cpu_seconds) / elapsed
    return Run(
        per_second,
        cpu_cores / per_second * 1000,
        after.peak_bytes,
        (broker_after.cpu_seconds - broker_before.cpu_seconds) / elapsed,
    )


def _tell(runs: list[Run], ours: list[Run]) -> list[str]:
    rates = [run.per_second for run in runs]
    return [
        tell_spread(rates),
        f"{statistics.median(rates) / WORLD_PER_SECOND:,.0f}",
        f"{_median(runs) / _median(ours):.2f}",
        tell_spread([run.cpu_seconds_per_1000 for run in runs], 2),
        tell_spread([run.memory_bytes / 1e6 for run in runs]),
    ]


def _median(runs: list[Run]) -> float:
    return statistics.median(run.per_second for run in runs)


def _hold_to_bars(medians: dict[str, float], ours: list[Run]) -> list[Bar]:
    of_bare = medians[OURS.name] / medians[BARE_AGENT.name]
    not_best = (OURS.name, BARE_AGENT.name, _DATED)
    best = max(rate for name, rate in medians.items() if name not in not_best)
    of_best = medians[OURS.name] / best
    memory = max(run.memory_bytes for run in ours) / 1e6
    return [
        hold_at_least("articles/s, of the bare Faust agent's", of_bare, 0.7),
        hold_at_least("articles/s, of the best hand-written loop's", of_best, 3),
        hold_at_most("peak RSS of a worker, MB", memory, 250),
    ]


if __name__ == "__main__":
    main()
