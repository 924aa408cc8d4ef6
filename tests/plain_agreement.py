"""In what two reports agree, measured the plain way: the two alone, feature by feature."""

import math

import numpy as np

from service.agreement import Agreement
from service.lexicon import SMALL_NUMBER, Kind
from service.weighed import Floats, Weighed


def agree_plainly(one: Weighed, other: Weighed, days_apart: float) -> Agreement:
    (first, mine), (second, theirs) = one, other
    (head,), (other_head,) = first.heads, second.heads
    _, here, there = np.intersect1d(
        first.hashes, second.hashes, assume_unique=True, return_indices=True
    )
    both = np.minimum(mine[here], theirs[there])
    in_a_lead = first.in_lead[here] | second.in_lead[there]
    early = np.zeros(len(mine)), np.zeros(len(theirs))
    early[0][here] = 1 / (1 + second.place[there] / 50)
    early[1][there] = 1 / (1 + first.place[here] / 50)
    sides = tuple(zip((one, other), early, strict=True))
    dated = head.dated and other_head.dated
    days = abs(head.day - other_head.day) if head.day and other_head.day else 0
    return Agreement(
        lead_shared=math.log(0.05 + float(both[in_a_lead].sum())),
        said=_share(float(both.sum()), float(min(mine.sum(), theirs.sum()))),
        headline_told=sum(_tell_headline(*side) for side in sides) / 2,
        names_told=max(_tell_names(*side) for side in sides),
        names_told_early=max(_tell_names_early(*side) for side in sides),
        numbers_shared=_count_numbers(one, other),
        length=math.log(max(head.words, other_head.words, 1)),
        days_between=min(3, days),
        foretold=float(head.foretells != other_head.foretells),
        late=max(0.0, days_apart - 0.3) if dated else 0.0,
        next_day=float(dated and days_apart > 0.75),
        undated=float(not dated),
    )


def _tell_headline(report: Weighed, early: Floats) -> float:
    headline = report.features.in_headline
    weights = report.telling[headline]
    return _share(float(weights @ early[headline]), float(weights.sum()))


def _tell_names(report: Weighed, early: Floats) -> float:
    names = report.features.in_lead & (report.features.kinds == Kind.NAME)
    weights = np.maximum(0.035, report.features.rarity[names])
    told = (early[names] > 0).astype(float)
    return _share(float(weights @ told), float(weights.sum()), nothing=0.5)


def _tell_names_early(report: Weighed, early: Floats) -> float:
    names = report.features.in_lead & (report.features.kinds == Kind.NAME)
    weights = report.telling[names]
    return _share(float(weights @ early[names]), float(weights.sum()))


def _count_numbers(one: Weighed, other: Weighed) -> float:
    mine, theirs = (
        [
            float(each)
            for each in features.hashes[features.kinds == Kind.NUMBER]
            if each > SMALL_NUMBER
        ]
        for features, _ in (one, other)
    )
    near = [(a, b) for a in mine for b in theirs if abs(a - b) <= 0.03 * max(a, b)]
    return float(min(2, len({a for a, _ in near}), len({b for _, b in near})))


def _share(part: float, whole: float, nothing: float = 0.0) -> float:
    return part / whole if whole else nothing
