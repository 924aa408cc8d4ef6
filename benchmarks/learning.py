"""The learning curve: what labelled articles add to the seeds.

`python -m benchmarks.learning FILE.jsonl` deals the file's English articles into two halves, adds
some of one half to the seeds as `labelled_articles.jsonl` would, measures on the other half, and
the other way round. It writes a Markdown file. The models are for this curve alone.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import binomtest

from service.classifier import Classifier
from service.evaluation import Bools, Interval, Verdicts, measure, measure_difference
from service.knowledge import Knowledge
from service.model_card import LEARNING_FILE, write_card_file
from service.model_file import MANIFEST_FILE
from service.report import (
    LabelledArticle,
    LabelledFileError,
    judge_articles,
    read_labelled_articles,
)
from service.seeds import Seeds, SeedsError, read_seeds
from service.settings import CHECKOUT
from service.training import train_model, write_model
from service.whole_articles import WholeArticle

# How many labelled articles are added; last, all of the half.
_ADDED = (0, 10, 25, 50)
_DRAW_SEED = 0

_HEADINGS = (
    "articles added",
    "macro-F1",
    "95 %",
    "gain (95 %)",
    "average precision",
    "false alerts per 100 hard",
)

_PAGE = """# What labelled articles add

Written by `python -m benchmarks.learning {file}`. **The models of this page are for this curve \
alone**: trained, measured and thrown away. What is delivered has never seen these articles.

The {articles} English articles were dealt into two halves (seed {seed}), of every kind as many.
The first articles of one half were added to the seeds as articles labelled as a whole, the others
of it left aside; all of the other half were judged, at the threshold that training chose; then the
other way round. So each article is judged once, and the figures are over all of them: macro-F1 with
its 95 % bootstrap interval, what it gains over none added (paired; where the interval holds 0 there
may be no gain); the mean average precision over the labels, which says how well articles are ranked
whatever the threshold; and of 100 hard negatives how many were given a label they lack (95 % Wilson
interval). The curve is of one draw: differences of a few points mean nothing.

{tables}
"""


@dataclass(frozen=True, slots=True)
class Point:
    """What models that had `added` articles of the other half say of all articles.

    `decided` holds each model's decisions at its own threshold, `ranked` the probabilities.
    """

    added: int
    decided: Verdicts
    ranked: Verdicts


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("file", type=Path, help="labelled articles, JSONL")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "models" / LEARNING_FILE)
    options = parser.parse_args(arguments)
    try:
        labelled = read_labelled_articles(options.file)
        english = [article for article in labelled if article.language == "en"]
        halves = deal_halves(english)
        seeds = read_seeds(CHECKOUT / "seeds")
        curves = {
            "All seeds": draw_curve(seeds, halves),
            "Five articles, background and names alone": draw_curve(strip_seeds(seeds), halves),
        }
    except (SeedsError, LabelledFileError, OSError) as error:
        raise SystemExit(str(error)) from error
    page = write_page(curves, [*halves[0], *halves[1]], file=options.file.name)
    options.out.write_text(page, encoding="utf-8")
    if (options.out.parent / MANIFEST_FILE).exists():
        write_card_file(options.out.parent)


def strip_seeds(seeds: Seeds) -> Seeds:
    """Leave out what was made by hand beyond the articles: all but passages, background, names."""
    return replace(
        seeds,
        knowledge=Knowledge(labels=seeds.labels),
        texts=[
            text
            for text in seeds.texts
            if text.article is not None or text.group.startswith("background.jsonl:")
        ],
        whole_articles=[],
    )


def deal_halves(
    articles: Sequence[LabelledArticle],
) -> tuple[list[LabelledArticle], list[LabelledArticle]]:
    """Deal articles into halves with as many of each kind, each half in an order by lot."""
    draw = np.random.default_rng(_DRAW_SEED)
    lot = [articles[position] for position in draw.permutation(len(articles))]
    by_kind = sorted(lot, key=lambda article: article.kind)
    return _shuffle(by_kind[::2], draw), _shuffle(by_kind[1::2], draw)


def draw_curve(
    seeds: Seeds, halves: tuple[Sequence[LabelledArticle], Sequence[LabelledArticle]]
) -> list[Point]:
    """Train with more and more articles of one half and judge the other, both ways.

    Raises:
        LabelledFileError: an article has a label that the seeds do not have.
    """
    unknown = {label for half in halves for each in half for label in each.labels} - {*seeds.labels}
    if unknown:
        raise LabelledFileError(f"labels that the seeds do not have: {', '.join(sorted(unknown))}")
    most = min(map(len, halves))
    return [
        _judge_both(seeds, halves, added)
        for added in [*(added for added in _ADDED if added < most), most]
    ]


def write_page(
    curves: Mapping[str, Sequence[Point]], articles: Sequence[LabelledArticle], *, file: str
) -> str:
    """Write the curves in Markdown; `articles` in the order of the verdicts."""
    hard = np.array([article.kind == "hard_negative" for article in articles])
    tables = [
        "\n".join(
            [
                f"## {name}\n",
                f"| {' | '.join(_HEADINGS)} |",
                "|-:" * len(_HEADINGS) + "|",
                *(_write_row(point, points[0], hard) for point in points),
            ]
        )
        for name, points in curves.items()
    ]
    return _PAGE.format(
        file=file, articles=len(articles), seed=_DRAW_SEED, tables="\n\n".join(tables)
    )


def _judge_both(
    seeds: Seeds, halves: tuple[Sequence[LabelledArticle], Sequence[LabelledArticle]], added: int
) -> Point:
    one, other = halves
    first, second = _judge(seeds, other[:added], one), _judge(seeds, one[:added], other)
    truth = np.vstack([first.truth, second.truth])
    called = np.vstack([first.called, second.called]).astype(float)
    probabilities = np.vstack([first.probabilities, second.probabilities])
    return Point(
        added,
        decided=Verdicts(first.names, truth, called, threshold=0.5),
        ranked=Verdicts(first.names, truth, probabilities, threshold=0.5),
    )


def _judge(
    seeds: Seeds, added: Sequence[LabelledArticle], judged: Sequence[LabelledArticle]
) -> Verdicts:
    whole = [WholeArticle.model_validate(article.model_dump()) for article in added]
    grown = replace(seeds, whole_articles=[*seeds.whole_articles, *whole])
    with TemporaryDirectory() as folder:
        write_model(train_model(grown), grown, Path(folder))
        return judge_articles(Classifier.load(Path(folder)), judged)


def _write_row(point: Point, none_added: Point, hard: Bools) -> str:
    measured = measure(point.decided)
    gain = measure_difference(point.decided, none_added.decided)["macro_f1"]
    precision = [
        label.average_precision for label in measure(point.ranked).labels.values() if label.support
    ]
    negatives = point.decided.pick(hard)
    false = (negatives.called & ~negatives.truth).any(axis=1)
    cells = (
        str(point.added),
        f"{measured.macro.f1:.3f}",
        _show(measured.intervals["macro_f1"]),
        _show(gain) if point.added else "",
        f"{np.mean(precision):.3f}",
        _show_share(int(np.sum(false)), len(negatives.truth)),
    )
    return f"| {' | '.join(cells)} |"


def _show(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"


def _show_share(count: int, of: int) -> str:
    if not of:
        return "none there"
    interval = binomtest(count, of).proportion_ci(method="wilson")
    return f"{100 * count / of:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _shuffle(articles: list[LabelledArticle], draw: np.random.Generator) -> list[LabelledArticle]:
    return [articles[position] for position in draw.permutation(len(articles))]


if __name__ == "__main__":
    main()
