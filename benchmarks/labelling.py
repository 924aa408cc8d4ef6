"""What it costs to label an article, beside the floor: lower-casing its text and finding words.

Run by `make bench`. Prints medians and spread over interleaved rounds of one run, as ratios too:
the absolute numbers are this machine's.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import tell_spread, write_table
from service.article_files import read_articles
from service.classifier import Classifier
from service.formats import parse_article
from service.messages import Article
from service.seeds import read_seeds
from service.settings import CHECKOUT

ROUNDS = 15
ARTICLES_A_ROUND = 200
_WORD = re.compile(r"\w+")


HEADINGS = ("case", "µs an article", "times the floor")
TEXT = f"""\
{ROUNDS} interleaved rounds; medians (least-most). The floor is lower-casing a text and finding its
words once."""


def main() -> None:
    """Measure and print."""
    sys.stdout.write(f"{write_table(HEADINGS, measure())}\n")


def measure() -> list[list[str]]:
    """Measure each case, in turns.

    Returns:
        A row for each.
    """
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
    medians = {name: statistics.median(times) for name, times in measured.items()}
    return [
        [name, tell_spread(times), f"{medians[name] / medians[f'floor, {name[7:]}']:.1f}"]
        for name, times in measured.items()
    ]


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
