"""Labelled reports -> the weights by which the service judges whether two tell the same news."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.story_figures import Rates, measure_groups
from benchmarks.story_reports import WINDOW, Report, group_reports, list_pairs
from service.agreement import Agreement, find_agreements
from service.likelihood import Likelihood, contradicts
from service.sketches import Sketch, Sketcher
from service.story_index import StoryIndex

# Families of stories are held out whole; which with which is shuffled, for a figure from one
# shuffling moves by 0.02.
_FOLDS = 10
_DAY = timedelta(days=1)
_SHUFFLINGS = 5
_DECIMALS = 3
# Log-odds; below, two of three merges would be wrong.
_ODDS = [float(each) for each in np.arange(-2.0, 2.01, 0.25)]
# Weak: three thousand pairs for ten weights. By log-loss of held-out families better than 1 (0.046,
# 0.049), and no worse than 30.
_REGULARISATION_C = 10.0
# In the order of `Agreement`. The day that a report names says little beside when it was published;
# between undated reports it is what contradicts.
_DATED = (
    "lead_shared", "said", "headline_told", "names_told", "names_told_early", "numbers_shared",
    "length", "days_between", "late", "next_day",
)  # fmt: skip
_UNDATED = _DATED[:-3]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of reports within the window, and in what they agree.

    Attributes:
        numbers: of the later and the earlier report.
        agreements: one row per pair, a column per field of `Agreement`.
        same: whether they tell the same story.
        families: of the later report.
    """

    numbers: list[tuple[int, int]]
    agreements: NDArray[np.float64]
    same: NDArray[np.bool_]
    families: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Figures on families that the weights were not fitted on, averaged over the shufflings."""

    threshold: float
    pairs: Rates
    f1: float


def make_sketches(reports: Sequence[Report], sketcher: Sketcher) -> list[Sketch]:
    """Make the sketches of reports."""
    return [sketcher.make_sketch(each.make_article(), each.published_at) for each in reports]


def make_undated_sketches(reports: Sequence[Report], sketcher: Sketcher) -> list[Sketch]:
    """Make the sketches of reports as if they had come without their dates."""
    return [
        sketcher.make_sketch(
            each.make_article().model_copy(update={"published_at": None}), each.published_at
        )
        for each in reports
    ]


def compare_pairs(reports: Sequence[Report], sketches: Sequence[Sketch]) -> Pairs:
    """Measure in what the pairs agree, beside the true leads of the stories open then."""
    index = StoryIndex(Likelihood.load())
    numbers = list_pairs(reports)
    agreements: list[Agreement] = []
    open_leads: dict[str, int] = {}
    for later, report in enumerate(reports):
        for story, lead in list(open_leads.items()):
            if report.published_at - reports[lead].published_at > WINDOW:
                index.discard(reports[open_leads.pop(story)].id)
        beside = [pair[1] for pair in numbers if pair[0] == later]
        agreements += find_agreements(
            index.weigh([sketches[later]]),
            index.weigh([sketches[each] for each in beside]),
            [(report.published_at - reports[each].published_at) / _DAY for each in beside],
        )
        # Every pair is of use to the fit, but only leads make a feature frequent.
        if open_leads.setdefault(report.story, later) == later:
            index.add(report.id, sketches[later], tell_ms(report))
    return Pairs(
        numbers,
        np.array(agreements),
        np.array([reports[one].story == reports[other].story for one, other in numbers]),
        np.array([reports[later].family for later, _ in numbers]),
    )


def tell_ms(report: Report) -> int:
    """When a report was published, in milliseconds since 1970."""
    return round(report.published_at.timestamp() * 1000)


def fit(reports: Sequence[Report], sketcher: Sketcher) -> dict[str, Any]:
    """Fit the weights, as the service keeps them in `story_weights.json`."""
    content: dict[str, Any] = {
        "written_by": f"python -m benchmarks.stories --fit, on {len(reports)} reports of "
        f"{len({report.story for report in reports})} stories in benchmarks/stories/tuning.jsonl"
    }
    for name, columns, make in (
        ("dated", _DATED, make_sketches),
        ("undated", _UNDATED, make_undated_sketches),
    ):
        pairs = compare_pairs(reports, make(reports, sketcher))
        columns_read = [Agreement._fields.index(each) for each in columns]
        steps = _fit_pairs(pairs, columns_read, np.ones(len(pairs.same), bool))
        scaler, regression = steps[0], steps[1]
        weights = regression.coef_[0] / scaler.scale_
        bias = regression.intercept_[0] - weights @ scaler.mean_
        content[name] = {
            "threshold": cross_validate(reports, pairs, columns).threshold,
            "bias": round(float(bias), _DECIMALS),
            "weights": {
                each: round(float(weight), _DECIMALS)
                for each, weight in zip(columns, weights, strict=True)
            },
        }
    return content


def cross_validate_dated(reports: Sequence[Report], sketcher: Sketcher) -> CrossValidated:
    """Measure how well weights do on families that they were not fitted on."""
    return cross_validate(reports, compare_pairs(reports, make_sketches(reports, sketcher)), _DATED)


def cross_validate_undated(reports: Sequence[Report], sketcher: Sketcher) -> CrossValidated:
    """The same for the reports without their dates."""
    sketches = make_undated_sketches(reports, sketcher)
    return cross_validate(reports, compare_pairs(reports, sketches), _UNDATED)


def cross_validate(
    reports: Sequence[Report], pairs: Pairs, columns: Sequence[str]
) -> CrossValidated:
    """Find the threshold that does best without precision below recall, and how well it does."""
    used = [Agreement._fields.index(each) for each in columns]
    shuffled = [_predict_held_out(pairs, used, seed) for seed in range(_SHUFFLINGS)]
    found = []
    for odds in _ODDS:
        figures = [_measure_pairs(reports, each, odds) for each in shuffled]
        rates = Rates(
            float(np.mean([each.precision for each in figures])),
            float(np.mean([each.recall for each in figures])),
        )
        found.append((float(np.mean([each.f1 for each in figures])), odds, rates))
    careful = [each for each in found if each[2].precision >= each[2].recall]
    f1, odds, rates = max(careful or found, key=lambda each: each[:2])
    return CrossValidated(round(1 / (1 + math.exp(-odds)), _DECIMALS), rates, f1)


def _measure_pairs(
    reports: Sequence[Report], odds: dict[tuple[int, int], float], threshold: float
) -> Rates:
    groups = group_reports(reports, lambda later, lead: odds[later, lead], threshold)
    return measure_groups(reports, groups).pairs


def _predict_held_out(pairs: Pairs, columns: list[int], seed: int) -> dict[tuple[int, int], float]:
    generator = np.random.default_rng(seed)
    fold_of = {each: generator.integers(_FOLDS) for each in sorted(set(pairs.families))}
    folds = np.array([fold_of[each] for each in pairs.families])
    odds = np.zeros(len(folds))
    for fold in sorted(set(folds)):
        held_out = folds == fold
        model = _fit_pairs(pairs, columns, ~held_out)
        odds[held_out] = model.decision_function(pairs.agreements[held_out][:, columns])
    odds[_list_contradictions(pairs)] = -np.inf
    return dict(zip(pairs.numbers, odds.tolist(), strict=True))


def _fit_pairs(pairs: Pairs, columns: list[int], chosen: NDArray[np.bool_]) -> Any:
    used = chosen & ~_list_contradictions(pairs)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_REGULARISATION_C, max_iter=1000))
    return model.fit(pairs.agreements[used][:, columns], pairs.same[used])


def _list_contradictions(pairs: Pairs) -> NDArray[np.bool_]:
    agreements = [Agreement(*row) for row in pairs.agreements]
    return np.array([each.undated > 0 and contradicts(each) for each in agreements])
