"""What it costs to label an article, beside the floor: lower-casing its text and finding words.

Run by `make bench`. Prints medians and spread over interleaved rounds of one run, as ratios too:
the absolute numbers are this machine's.
"""

import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from service.article_files import read_articles
from service.classifier import Classifier
from service.console import open_console
from service.formats import parse_article
from service.messages import Article
from service.seeds import read_seeds
from service.settings import CHECKOUT

ROUNDS = 15
ARTICLES_A_ROUND = 200
_WORD = re.compile(r"\w+")


def main() -> None:
    """Measure and print."""
    classifier = Classifier.load(CHECKOUT / "models")
    seeds = read_seeds(CHECKOUT / "seeds")
    on_beat = [Article(id=name, text=text) for name, text in seeds.articles.items()]
    demo_file = Path(CHECKOUT, "service", "demo_articles.jsonl")
    off_beat = [parse_article(value) for value in read_articles(demo_file)]
    mixed = off_beat * 4 + on_beat  # 5 in 109: the few per cent of real traffic
    cases: dict[str, Callable[[], float]] = {}
    for name, articles in (("on-beat", on_beat), ("off-beat", off_beat), ("mixed", mixed)):
        cases[f"floor, {name}"] = _time(_scan, articles)
        cases[f"label, {name}"] = _time(classifier.label_article, articles)
    measured: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, run in cases.items():
            measured[name].append(run())
    table = Table(title=f"Labelling an article, {ROUNDS} interleaved rounds")
    for heading in ("case", "median µs", "spread µs", "times the floor"):
        table.add_column(heading)
    for name, times in measured.items():
        floor = statistics.median(measured[f"floor, {name.split(', ')[1]}"])
        median = statistics.median(times)
        table.add_row(
            name, f"{median:.0f}", f"{min(times):.0f}-{max(times):.0f}", f"{median / floor:.1f}"
        )
    open_console().print(table)


def _time(label: Callable[[Article], object], articles: list[Article]) -> Callable[[], float]:
    def run() -> float:
        begun = time.perf_counter()
        for number in range(ARTICLES_A_ROUND):
            label(articles[number % len(articles)])
        return (time.perf_counter() - begun) / ARTICLES_A_ROUND * 1e6

    return run


def _scan(article: Article) -> int:
    return len(_WORD.findall(article.text.lower()))


if __name__ == "__main__":
    main()
