"""Two opened sketches -> in what they agree and disagree -> how likely they tell the same news."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from service.lexicon import SMALL_NUMBER, Kind
from service.sketches import Features

WEIGHTS_FILE = Path(__file__).with_name("story_weights.json")
_DECIMALS = 4
# Among the names of a lead even the most frequent says something, if it is not in the other report.
_LEAST_NAME = 0.035
# A background name in a text's fiftieth word counts half of one in its first.
_NEAR_WORDS = 50
# "143,000" and "more than 140,000" are one number.
_ROUNDING = 0.03
_NUMBERS_MAX = 2
_DAYS_MAX = 3
# Of what two reports share, in weights: nothing at all is far, not infinitely far.
_LEAST_SHARED = 0.05
# Agencies and papers report an event for some hours; beyond, each hour tells against. And what
# comes the next morning or later is mostly the next news.
_SAME_NEWS_DAYS = 0.3
_NEXT_DAY = 0.75
_ODDS_MAX = 700.0

Floats = NDArray[np.float64]


class Agreement(NamedTuple):
    """In what two reports agree and disagree.

    Attributes:
        lead_shared: how much of either's lead is in both, by rarity (log).
        said: share of what the shorter one says that the other says too, by rarity.
        headline_told: mean share of a headline that the other report tells, and how early.
        names_told: the larger share of a lead's names that the other report has; 0 if the names
            of each lead are foreign to the other.
        names_told_early: the same, by rarity and by how early.
        numbers_shared: how many numbers above twelve are in both, at most 2.
        length: words of the longer one (log): the more words, the more are shared by chance.
        days_between: between the days that they name for what happened, at most 3.
        foretold: 1 if one tells what is to come and the other what has happened.
        late: days from one's publication to the other's, beyond the hours in which all report.
        next_day: 1 if these are most of a day.
        undated: 1 if when one was published is not known; the two before are then 0.
    """

    lead_shared: float
    said: float
    headline_told: float
    names_told: float
    names_told_early: float
    numbers_shared: float
    length: float
    days_between: float
    foretold: float
    late: float
    next_day: float
    undated: float


@dataclass(frozen=True, slots=True)
class Weights:
    """What each agreement adds to the log-odds, in the order of `Agreement`."""

    weights: tuple[float, ...]
    bias: float

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Read weights by name; an agreement without one has no say."""
        weights = tuple(content["weights"].get(name, 0.0) for name in Agreement._fields)
        return cls(weights, content["bias"])


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Agreement -> how likely two reports tell the same news: logistic regressions.

    `benchmarks/stories.py` fits them, on the tuning half of a labelled set.

    Attributes:
        dated: for two reports of which it is known when they were published.
        undated: for others. Not knowing the hours between them, it asks for no disagreement: dates
            that are days apart, or news foretold and news told, are never one story.
        threshold: the probability from which two dated reports are one story.
        undated_threshold: the same for others.
    """

    dated: Weights
    undated: Weights
    threshold: float
    undated_threshold: float

    @classmethod
    def load(cls, path: Path = WEIGHTS_FILE) -> Self:
        """Load weights, by default those that are part of this release."""
        content = json.loads(path.read_bytes())
        return cls(
            Weights.read(content["dated"]),
            Weights.read(content["undated"]),
            content["dated"]["threshold"],
            content["undated"]["threshold"],
        )

    def find_probability(self, agreement: Agreement) -> float:
        """How probable it is that reports which agree so tell the same news."""
        if agreement.undated and contradicts(agreement):
            return 0.0
        chosen = self.undated if agreement.undated else self.dated
        pairs = zip(chosen.weights, agreement, strict=True)
        odds = chosen.bias + sum(weight * value for weight, value in pairs)
        # Beyond, exp() has no number; reports may be centuries apart.
        return round(1 / (1 + math.exp(-max(odds, -_ODDS_MAX))), _DECIMALS)

    def is_same_news(self, agreement: Agreement) -> bool:
        """Whether reports which agree so are one story."""
        threshold = self.undated_threshold if agreement.undated else self.threshold
        return self.find_probability(agreement) >= threshold


def contradicts(agreement: Agreement) -> bool:
    """Whether two reports say that they tell of different days, or of before and after."""
    return agreement.days_between >= _DAYS_MAX or agreement.foretold > 0


class Weighed(NamedTuple):
    """A report with the weights of its features among the reports of these days, squared."""

    features: Features
    telling: Floats


def find_agreement(one: Weighed, other: Weighed, days_apart: float) -> Agreement:
    """Measure in what two reports agree; the same whichever comes first.

    Args:
        one: the report.
        other: the other.
        days_apart: between their publication.
    """
    (first, mine), (second, theirs) = one, other
    _, here, there = np.intersect1d(
        first.hashes, second.hashes, assume_unique=True, return_indices=True
    )
    both = np.minimum(mine[here], theirs[there])
    in_a_lead = first.in_lead[here] | second.in_lead[there]
    sides = _Side(one, here, second.place[there]), _Side(other, there, first.place[here])
    undated = not (first.dated and second.dated)
    return Agreement(
        lead_shared=math.log(_LEAST_SHARED + float(both[in_a_lead].sum())),
        said=_share(float(both.sum()), float(min(mine.sum(), theirs.sum()))),
        headline_told=sum(side.tell_headline() for side in sides) / 2,
        names_told=max(side.tell_names() for side in sides),
        names_told_early=max(side.tell_names_early() for side in sides),
        numbers_shared=_count_numbers(first, second),
        length=math.log(max(first.words, second.words, 1)),
        days_between=min(_DAYS_MAX, abs(first.day - second.day) if first.day and second.day else 0),
        foretold=float(first.foretells != second.foretells),
        late=0.0 if undated else max(0.0, days_apart - _SAME_NEWS_DAYS),
        next_day=float(not undated and days_apart > _NEXT_DAY),
        undated=float(undated),
    )


class _Side:
    """One of two reports: what of its lead does the other tell?"""

    def __init__(self, report: Weighed, told: NDArray[np.intp], place: Floats) -> None:
        self._features, self._telling = report
        self._told = np.zeros(len(self._telling))
        self._told[told] = 1
        self._early = np.zeros(len(self._telling))
        self._early[told] = 1 / (1 + place / _NEAR_WORDS)
        self._lead_names = self._features.in_lead & (self._features.kinds == Kind.NAME)

    def tell_headline(self) -> float:
        headline = self._features.in_headline
        weights = self._telling[headline]
        return _share(float(weights @ self._early[headline]), float(weights.sum()))

    def tell_names(self) -> float:
        names = self._lead_names
        weights = np.maximum(_LEAST_NAME, self._features.rarity[names])
        return _share(float(weights @ self._told[names]), float(weights.sum()), nothing=0.5)

    def tell_names_early(self) -> float:
        names = self._lead_names
        weights = self._telling[names]
        return _share(float(weights @ self._early[names]), float(weights.sum()))


def _count_numbers(one: Features, other: Features) -> float:
    mine, theirs = (
        each.hashes[(each.kinds == Kind.NUMBER) & (each.hashes > SMALL_NUMBER)].astype(np.float64)
        for each in (one, other)
    )
    apart = np.abs(mine[:, None] - theirs)
    near = apart <= _ROUNDING * np.maximum(mine[:, None], theirs)
    # Each number once, whichever side it is counted on.
    return float(min(_NUMBERS_MAX, near.any(axis=1).sum(), near.any(axis=0).sum()))


def _share(part: float, whole: float, nothing: float = 0.0) -> float:
    return part / whole if whole else nothing
