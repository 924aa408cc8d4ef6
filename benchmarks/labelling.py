"""What it costs to label an article: our serving path beside the stock scikit-learn pipeline.

The serving path is all of `Classifier.label_article`: passages, probabilities, evidence. The stock
pipeline is `predict_proba` of the very model we ship, on passages that are cut beforehand, for
free. The floor is lower-casing a text and finding its words, once. Run by `make bench`.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Self

from sklearn.pipeline import Pipeline

from benchmarks.made_articles import ARTICLE_CHARACTERS, ArticleMaker
from benchmarks.tables import Section, hold_at_least
from benchmarks.wide_models import widen_model
from service.classifier import Classifier
from service.fitted import take_fitted
from service.messages import Article
from service.passages import split_passages
from service.pipeline_file import load_pipeline
from service.seeds import read_seeds
from service.settings import CHECKOUT

ROUNDS = 5
# Enough that one article in twenty can be on-beat.
_ARTICLES = 60
# What a worker takes from the broker at once.
_BATCH = 200
_LENGTHS = (500, 1000, 2000, 4000, 8000, 16000, 32000, 64000)
# The model's four labels, and several times as many.
_TIMES_LABELS = (1, 2, 4, 8, 16)
_WORD = re.compile(r"\w+")


_ALONE, _ON_BEAT, _MIX = "4 KB, one by one", "on-beat", "mix, 5 % on-beat"
_HEADINGS = ("group", "case", "serving path", "stock pipeline", "floor", "stock / serving")
_TEXT = f"""\
µs of CPU time an article: medians of {ROUNDS} interleaved rounds (least-most). The stock pipeline
is scikit-learn's own `predict_proba` of the very model that we ship, on the passages of the
article; the floor is lower-casing a text and finding its words once."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of all rounds, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Self:
        """Take it from the rounds."""
        return cls(statistics.median(rounds), min(rounds), max(rounds))


@dataclass(frozen=True, slots=True)
class Row:
    """One case. `serving`, `stock` and `floor` in µs of CPU time an article.

    `ratio` is how many times the serving path's cost the stock pipeline's is, of each round by
    itself.
    """

    group: str
    case: str
    serving: Spread
    stock: Spread
    floor: Spread
    ratio: Spread


@dataclass(frozen=True, slots=True)
class _Case:
    """`make_articles` makes others each time: nothing is found in a cache but single words."""

    group: str
    name: str
    make_articles: Callable[[], list[Article]]
    classifier: Classifier
    pipeline: Pipeline
    together: bool = False

    def time_serving(self) -> float:
        articles = self.make_articles()
        return _time(lambda: [self.classifier.label_article(each) for each in articles], articles)

    def time_stock(self) -> float:
        articles = self.make_articles()
        calls = [_cut(article.text) for article in articles]
        if self.together:
            calls = [list(chain.from_iterable(calls))]
        return _time(lambda: [self.pipeline.predict_proba(call) for call in calls], articles)

    def time_floor(self) -> float:
        articles = self.make_articles()
        return _time(lambda: [_WORD.findall(each.text.lower()) for each in articles], articles)


def measure() -> Section:
    """Measure every case; about a minute on an idle machine."""
    rows = [_measure_case(case) for case in _list_cases()]
    ratios = {(row.group, row.case): row.ratio.median for row in rows}
    bars = [
        hold_at_least("stock pipeline / serving path, mix", ratios[_ALONE, _MIX], 8, 1),
        hold_at_least("stock pipeline / serving path, on-beat", ratios[_ALONE, _ON_BEAT], 2.5, 1),
    ]
    return Section("Labelling alone", _TEXT, _HEADINGS, [_tell(row) for row in rows], bars)


def main() -> None:
    """Measure and print."""
    sys.stdout.write(measure().write())


def _tell(row: Row) -> list[str]:
    costs = (_write(spread, 0) for spread in (row.serving, row.stock, row.floor))
    return [row.group, row.case, *costs, _write(row.ratio, 1)]


def _list_cases() -> Iterator[_Case]:
    pipeline, manifest = load_pipeline(CHECKOUT / "models")
    classifier = Classifier(take_fitted(pipeline), manifest)
    maker = ArticleMaker(read_seeds(CHECKOUT / "seeds"))
    kinds = {
        _ON_BEAT: maker.make_on_beat,
        "off-beat": maker.make_off_beat,
        _MIX: maker.make_mix,
    }
    for name, make in kinds.items():
        make_few = partial(make, _ARTICLES)
        yield _Case(_ALONE, name, make_few, classifier, pipeline)
    for name, make in kinds.items():
        make_batch = partial(make, _BATCH)
        group = f"4 KB, {_BATCH} together"
        yield _Case(group, name, make_batch, classifier, pipeline, together=True)
    for length in _LENGTHS:
        few = max(2, _ARTICLES * ARTICLE_CHARACTERS // length // 8)
        make_long = partial(maker.make_off_beat, few, length)
        yield _Case("length", f"{length / 1000:g} KB", make_long, classifier, pipeline)
    for times in _TIMES_LABELS:
        wide, wide_manifest = widen_model(pipeline, manifest, times)
        name = f"{len(wide_manifest.labels)} labels"
        make_few = partial(maker.make_off_beat, _ARTICLES // 4)
        widened = Classifier(take_fitted(wide), wide_manifest)
        yield _Case("labels", name, make_few, widened, wide)


def _measure_case(case: _Case) -> Row:
    ways = (case.time_serving, case.time_stock, case.time_floor)
    for way in ways:
        way()  # Unmeasured: the words in use are remembered from then on.
    rounds = [[way() for way in ways] for _ in range(ROUNDS)]
    serving, stock, floor = map(Spread.of, zip(*rounds, strict=True))
    ratio = Spread.of([theirs / ours for ours, theirs, _ in rounds])
    return Row(case.group, case.name, serving, stock, floor, ratio)


def _time(label: Callable[[], object], articles: Sequence[Article]) -> float:
    begun = time.process_time()
    label()
    return (time.process_time() - begun) / len(articles) * 1e6


def _cut(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split_passages(text)]


def _write(spread: Spread, decimals: int) -> str:
    median, least, most = (
        f"{each:.{decimals}f}" for each in (spread.median, spread.least, spread.most)
    )
    return f"{median} ({least}-{most})"


if __name__ == "__main__":
    main()
