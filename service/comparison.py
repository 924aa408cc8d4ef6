"""Two models on the same labelled articles -> which is better, and what changed."""

from collections.abc import Sequence

import numpy as np

from service.evaluation import Figures, Interval, measure, measure_difference
from service.report import LabelledArticle, Labeller, judge_articles


class Change(Figures):
    """A decision that differs between two models."""

    id: str
    label: str
    now: bool
    against: bool
    right: bool


class Comparison(Figures):
    """First minus second: positive is better for the first."""

    model: str
    against: str
    macro_f1: float
    micro_f1: float
    intervals: dict[str, Interval]
    changes: list[Change]


def compare_models(
    first: Labeller,
    second: Labeller,
    articles: Sequence[LabelledArticle],
    *,
    model: str,
    against: str,
) -> Comparison:
    """Compare two models on the same articles."""
    ours, theirs = judge_articles(first, articles), judge_articles(second, articles)
    ours_all, theirs_all = measure(ours), measure(theirs)
    rows, columns = np.nonzero(ours.called != theirs.called)
    return Comparison(
        model=model,
        against=against,
        macro_f1=round(ours_all.macro.f1 - theirs_all.macro.f1, 4),
        micro_f1=round(ours_all.micro.f1 - theirs_all.micro.f1, 4),
        intervals=measure_difference(ours, theirs),
        changes=[
            Change(
                id=articles[int(row)].id,
                label=ours.names[int(column)],
                now=bool(ours.called[row, column]),
                against=bool(theirs.called[row, column]),
                right=bool(ours.called[row, column] == ours.truth[row, column]),
            )
            for row, column in zip(rows, columns, strict=True)
        ],
    )
