"""What it costs to label an article: our serving path beside the stock scikit-learn pipeline.

The serving path is what stands in for `predict_proba`: the probabilities of passages, cut
beforehand for both. Labelling is all that a worker does with an article: `Classifier` finds its
passages, their probabilities, and the evidence. The stock pipeline is `predict_proba` of the very
model we ship. The floor is lower-casing a text and finding its words, once. Run by `make bench`.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple, Self

from sklearn.pipeline import Pipeline

from benchmarks.made_articles import ARTICLE_CHARACTERS, ArticleMaker
from benchmarks.tables import Section, hold_at_least
from benchmarks.wide_models import widen_model
from service.classifier import Classifier
from service.fitted import take_fitted
from service.messages import Article
from service.model_file import Manifest
from service.passages import split_passages
from service.pipeline_file import load_pipeline
from service.scoring import FoldedPipeline
from service.seeds import read_seeds
from service.settings import CHECKOUT

ROUNDS = 5
# Enough that one article in twenty can be on-beat.
_ARTICLES = 40
# More than a worker decides together (16 articles, `service/batches.py`): what could be had by it.
_BATCH = 200
_LENGTHS = (500, 1000, 4000, 16000, 64000)
# The model's four labels, and several times as many.
_TIMES_LABELS = (1, 4, 16)
_WORD = re.compile(r"\w+")


_ALONE, _ON_BEAT, _MIX = "4 KB, one by one", "on-beat", "mix, 5 % on-beat"
_HEADINGS = (
    "group",
    "case",
    "serving path",
    "stock pipeline",
    "stock / serving",
    "labelling",
    "stock / labelling",
    "floor",
)
_TEXT = f"""\
µs of CPU time an article: medians of {ROUNDS} interleaved rounds (least-most). The stock pipeline
is scikit-learn's own `predict_proba` of the very model that we ship; the serving path gives the
same probabilities of the same passages, which are cut beforehand for both. Labelling is all of it:
passages, probabilities, evidence. The floor is lower-casing a text and finding its words once."""


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
    """One case. `serving`, `labelling`, `stock` and `floor` in µs of CPU time an article.

    The ratios are how many times the serving path's and labelling's cost the stock pipeline's is,
    of each round by itself.
    """

    group: str
    case: str
    serving: Spread
    labelling: Spread
    stock: Spread
    floor: Spread
    ratio: Spread
    labelling_ratio: Spread


class _Model(NamedTuple):
    pipeline: Pipeline
    folded: FoldedPipeline
    classifier: Classifier


@dataclass(frozen=True, slots=True)
class _Case:
    """`make_articles` makes others each time: nothing is found in a cache but single words."""

    group: str
    name: str
    make_articles: Callable[[], list[Article]]
    model: _Model
    together: bool = False

    def time_serving(self) -> float:
        articles = self.make_articles()
        calls = self._cut(articles)
        read = self.model.folded.read
        return _time(lambda: [read(call).log_odds for call in calls], articles)

    def time_labelling(self) -> float:
        articles = self.make_articles()
        calls = [articles] if self.together else [[each] for each in articles]
        label = self.model.classifier.label_articles
        return _time(lambda: [label(call) for call in calls], articles)

    def time_stock(self) -> float:
        articles = self.make_articles()
        calls = self._cut(articles)
        predict = self.model.pipeline.predict_proba
        return _time(lambda: [predict(call) for call in calls], articles)

    def time_floor(self) -> float:
        articles = self.make_articles()
        return _time(lambda: [_WORD.findall(each.text.lower()) for each in articles], articles)

    def _cut(self, articles: Sequence[Article]) -> list[list[str]]:
        calls = [
            [article.text[span.start : span.end] for span in split_passages(article.text)]
            for article in articles
        ]
        return [list(chain.from_iterable(calls))] if self.together else calls


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
    return [
        row.group,
        row.case,
        *(_write(spread, 0) for spread in (row.serving, row.stock)),
        _write(row.ratio, 1),
        _write(row.labelling, 0),
        _write(row.labelling_ratio, 1),
        _write(row.floor, 0),
    ]


def _list_cases() -> Iterator[_Case]:
    pipeline, manifest = load_pipeline(CHECKOUT / "models")
    model = _fold(pipeline, manifest)
    maker = ArticleMaker(read_seeds(CHECKOUT / "seeds"))
    kinds = {
        _ON_BEAT: maker.make_on_beat,
        "off-beat": maker.make_off_beat,
        _MIX: maker.make_mix,
    }
    for name, make in kinds.items():
        make_few = partial(make, _ARTICLES)
        yield _Case(_ALONE, name, make_few, model)
    for name, make in kinds.items():
        make_batch = partial(make, _BATCH)
        group = f"4 KB, {_BATCH} together"
        yield _Case(group, name, make_batch, model, together=True)
    for length in _LENGTHS:
        few = max(2, _ARTICLES * ARTICLE_CHARACTERS // length // 8)
        make_long = partial(maker.make_off_beat, few, length)
        yield _Case("length", f"{length / 1000:g} KB", make_long, model)
    for times in _TIMES_LABELS:
        wide, wide_manifest = widen_model(pipeline, manifest, times)
        name = f"{len(wide_manifest.labels)} labels"
        make_few = partial(maker.make_off_beat, _ARTICLES // 4)
        yield _Case("labels", name, make_few, _fold(wide, wide_manifest))


def _fold(pipeline: Pipeline, manifest: Manifest) -> _Model:
    fitted = take_fitted(pipeline)
    return _Model(pipeline, FoldedPipeline(fitted), Classifier(fitted, manifest))


def _measure_case(case: _Case) -> Row:
    ways = (case.time_serving, case.time_stock, case.time_labelling, case.time_floor)
    for way in ways:
        way()  # Unmeasured: the words in use are remembered from then on.
    rounds = [[way() for way in ways] for _ in range(ROUNDS)]
    serving, stock, labelling, floor = map(Spread.of, zip(*rounds, strict=True))
    return Row(
        case.group,
        case.name,
        serving,
        labelling,
        stock,
        floor,
        ratio=Spread.of([stock / serving for serving, stock, *_ in rounds]),
        labelling_ratio=Spread.of([stock / labelling for _, stock, labelling, _ in rounds]),
    )


def _time(label: Callable[[], object], articles: Sequence[Article]) -> float:
    begun = time.process_time()
    label()
    return (time.process_time() - begun) / len(articles) * 1e6


def _write(spread: Spread, decimals: int) -> str:
    median, least, most = (
        f"{each:.{decimals}f}" for each in (spread.median, spread.least, spread.most)
    )
    return f"{median} ({least}-{most})"


if __name__ == "__main__":
    main()
