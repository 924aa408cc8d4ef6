"""Part 6: a day of the world's news, read again after a model change.

Run by `make bench`, or alone: `python -m benchmarks.backfill`.
"""

import sys
import time

from benchmarks.ground import Ground, open_ground
from benchmarks.newsroom import ON_BEAT_ONE_IN
from benchmarks.tables import Section
from benchmarks.usage import read_usage
from service.worker_process import start_worker

PARTITIONS = 4
ARTICLES = 100_000
DAY = 1_000_000
# A worker that is slower than planned ends the part early, and the table says so.
SECONDS = 145.0
_LOOK_EVERY_SECONDS = 0.5

_TEXT = """\
One worker from its start on, for {seconds:g} s or until {articles:,} articles of the realistic mix
have their outcomes, on {partitions} partitions; a day of a million is extrapolated from them. One
in {one_in} alerts."""


def main() -> None:
    """Measure, and print."""
    with open_ground() as ground:
        sys.stdout.write(measure(ground).write())


def measure(ground: Ground) -> Section:
    """Measure one worker that reads what a newsroom has published."""
    environ = ground.prepare_run(ground.fill_articles(PARTITIONS, ARTICLES), PARTITIONS)
    begun = time.perf_counter()
    with start_worker(environ, ground.scratch) as worker:
        worker.wait_until_ready()
        done, ledger = 0, worker.read_ledger()
        while done < ARTICLES and time.perf_counter() - begun < SECONDS:
            time.sleep(_LOOK_EVERY_SECONDS)
            ledger = worker.read_ledger()
            done = sum(ledger.values())
        seconds = time.perf_counter() - begun
        usage = read_usage([worker.process.pid])
        worker.drain()
    rate = done / seconds
    rows = [
        ["articles", f"{done:,}"],
        ["outcomes", ", ".join(f"{name} {count:,}" for name, count in ledger.items() if count)],
        ["seconds, start included", f"{seconds:,.0f}"],
        ["articles/s", f"{rate:,.0f}"],
        ["a day of the world's news, minutes", f"{DAY / rate / 60:,.1f}"],
        ["a year of it, hours", f"{365 * DAY / rate / 3600:,.0f}"],
        ["CPU s per 1,000 articles", f"{usage.cpu_seconds / done * 1000:.2f}"],
        ["peak RSS, MB", f"{usage.peak_bytes / 1e6:.0f}"],
    ]
    text = _TEXT.format(
        seconds=SECONDS, articles=ARTICLES, partitions=PARTITIONS, one_in=ON_BEAT_ONE_IN
    )
    return Section("A day of the world's news", text, ["", ""], rows)


if __name__ == "__main__":
    main()
