"""The sketches of open stories, and how likely two of them tell the same news.

What counts is how rare a feature is among the reports of these days: a spokesman's name that
stands in thirty of them, or a paragraph of background that an agency puts under each, says little.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from service.agreement import (
    SHARED,
    Agreement,
    bound_agreements,
    bound_by_heads,
    find_agreements,
)
from service.likelihood import Likelihood, Weights
from service.sketches import Sketch, list_hashes, open_heads, open_sketches
from service.weighed import Floats, Weighed, find_shared, weigh

CANDIDATES_MAX = 40
# Looked up by are the rarest features of an article; two reports of one event share some.
_KEYS_MAX = 48
# As if so many other reports had been seen: rarity among the first few says nothing yet.
_UNSEEN_REPORTS = 200
# Being rare among the reports of these days counts for more than being rare in general.
_RARITY_POWER = 1.5
# One in so many reports is enough to tell which of all cannot be among the candidates.
_SAMPLED = 16
# Where it will do to know in how many reports a feature is at most, it is told by so many bits of
# its hash: half a megabyte. A quarter of that would leave one report in twenty more to measure.
_BUCKET = np.uint32(0x1FFFF)
# Probabilities are rounded to four decimals; this is half of one, and more than sums are off by.
_ROUNDED_AWAY = 0.00006
_DAY_MS = 86_400_000


# Reports are told apart, be they equal.
@dataclass(frozen=True, slots=True, eq=False)
class _Report:
    told_ms: int
    # Closed: opened it is five times as large, and opening forty costs a tenth of a millisecond.
    sketch: Sketch


class StoryIndex:
    """The sketches of reports that a new one may tell the same news as."""

    def __init__(self, likelihood: Likelihood) -> None:
        self._likelihood = likelihood
        # Then what cannot be the same news shows before all is measured.
        self._is_bounded = likelihood.rises
        ruled = (
            (likelihood.dated, likelihood.threshold),
            (likelihood.undated, likelihood.undated_threshold),
        )
        self._weights = np.array([weights.weights for weights, _ in ruled])
        self._least = np.array([[_find_least_sum(*each)] for each in ruled])
        self._reports: dict[str, _Report] = {}
        self._slots: dict[str, int] = {}
        self._names: list[str | None] = []
        self._free: list[int] = []
        self._postings: dict[int, array[int]] = {}
        # How many reports have any of the features whose hashes end alike. Postings are all over
        # the memory: to ask thousands how long they are takes longer than all that is done with it.
        self._most = np.zeros(_BUCKET + 1, np.uint32)

    def __len__(self) -> int:
        return len(self._reports)

    def add(self, article_id: str, sketch: Sketch, told_ms: int) -> None:
        """Add a report, in the place of an earlier version of it."""
        self.discard(article_id)
        if self._free:
            slot = self._free.pop()
            self._names[slot] = article_id
        else:
            slot = len(self._names)
            self._names.append(article_id)
        self._slots[article_id] = slot
        self._reports[article_id] = _Report(told_ms, sketch)
        hashes = list_hashes(sketch)
        for each in hashes:
            self._postings.setdefault(each, array("I")).append(slot)
        self._most[np.array(hashes, np.uint32) & _BUCKET] += 1

    def discard(self, article_id: str) -> None:
        """Take a report out, if it is there."""
        report = self._reports.pop(article_id, None)
        if report is None:
            return
        slot = self._slots.pop(article_id)
        self._names[slot] = None
        self._free.append(slot)
        hashes = list_hashes(report.sketch)
        for each in hashes:
            postings = self._postings[each]
            postings.remove(slot)
            if not postings:
                del self._postings[each]
        self._most[np.array(hashes, np.uint32) & _BUCKET] -= 1

    def find_alike(self, sketch: Sketch, told_ms: int) -> list[tuple[float, str]]:
        """List the reports that tell the same news as a sketch, the likeliest first.

        Returns:
            Probabilities, from the threshold on, with the ids of the articles.
        """
        features = open_sketches([sketch])
        rarity = self._find_rarity(self._count_reports(features.hashes))
        weighed = weigh(features, rarity)
        names = self._find_candidates(weighed)
        if names and self._is_bounded:
            names = self._leave_out_unlikely(weighed, rarity, told_ms, names)
        alike = []
        for name, agreement in zip(names, self._agree(weighed, told_ms, names), strict=True):
            probability = self._likelihood.find_probability(agreement)
            if self._likelihood.is_enough(probability, agreement):
                alike.append((probability, name))
        return sorted(alike, key=lambda each: (-each[0], each[1]))

    def measure(self, sketch: Sketch, told_ms: int, article_id: str) -> float:
        """How probable it is that a sketch tells the same news as a report of the index; else 0."""
        if article_id not in self._reports:
            return 0.0
        (agreement,) = self._agree(self.weigh([sketch]), told_ms, [article_id])
        return self._likelihood.find_probability(agreement)

    def weigh(self, sketches: Sequence[Sketch]) -> Weighed:
        """Open sketches and weigh their features by how rare they are in the index's reports."""
        features = open_sketches(sketches)
        return weigh(features, self._find_rarity(self._count_reports(features.hashes)))

    def _find_candidates(self, weighed: Weighed) -> list[str]:
        # Those that share most; of equals, the first by id, whatever came first into the index.
        keys = np.argsort(-weighed.telling, kind="stable")[:_KEYS_MAX]
        postings = [self._postings.get(key, b"") for key in weighed.features.hashes[keys].tolist()]
        slots = np.frombuffer(b"".join(postings), np.uint32)
        weights = np.repeat(weighed.telling[keys], [*map(len, postings)])
        shared = np.bincount(slots, weights).astype(np.float64, copy=False)
        # What is too little among some is too little among all.
        least = _find_least(shared[::_SAMPLED])
        found = np.flatnonzero(shared >= least if least else shared)
        found = found[shared[found] >= _find_least(shared[found])]
        names = (self._names[slot] or "" for slot in found.tolist())
        best = sorted(zip((-shared[found]).tolist(), names, strict=True))
        return [name for _, name in best[:CANDIDATES_MAX]]

    def _leave_out_unlikely(
        self, weighed: Weighed, rarity: Floats, told_ms: int, names: Sequence[str]
    ) -> list[str]:
        reports = [self._reports[name] for name in names]
        heads = open_heads([report.sketch for report in reports])
        days_apart = [_count_days(told_ms, report.told_ms) for report in reports]
        bounds = bound_by_heads(weighed.features.heads[0], heads, np.array(days_apart))
        likely = np.flatnonzero(self._may_be_same_news(bounds))
        others = open_sketches([reports[at].sketch for at in likely])
        shared = find_shared(weighed.features, others)
        # What is not shared weighs too little at worst, and so too much of it is shared.
        least_rarity = self._find_rarity(self._most.take(others.hashes & _BUCKET))
        least_rarity[shared.there] = rarity[shared.here]
        bounds = bounds.take(likely, axis=1)
        bounds[: len(SHARED)] = bound_agreements(weighed, weigh(others, least_rarity), shared)
        return [names[at] for at in likely[self._may_be_same_news(bounds)]]

    def _may_be_same_news(self, bounds: Floats) -> NDArray[np.bool_]:
        dated, undated = self._weights @ bounds >= self._least
        may_be: NDArray[np.bool_] = np.where(bounds[-1] > 0, undated, dated)
        return may_be

    def _agree(self, weighed: Weighed, told_ms: int, names: Sequence[str]) -> list[Agreement]:
        if not names:
            return []
        reports = [self._reports[name] for name in names]
        others = self.weigh([report.sketch for report in reports])
        days_apart = [_count_days(told_ms, report.told_ms) for report in reports]
        return find_agreements(weighed, others, days_apart)

    def _count_reports(self, hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        postings = map(self._postings.get, hashes.tolist(), repeat(()))
        return np.fromiter(map(len, postings), np.uint32, len(hashes))

    def _find_rarity(self, counts: NDArray[np.uint32]) -> Floats:
        # 1 for what no report has, 0 for what all have; the report that is asked for counts too.
        reports = len(self._reports) + _UNSEEN_REPORTS
        rarity: Floats = np.log(reports / (counts + 1.0)) / np.log(reports)
        return rarity**_RARITY_POWER


def _count_days(told_ms: int, other_ms: int) -> float:
    return abs(told_ms - other_ms) / _DAY_MS


def _find_least(shared: Floats) -> float:
    # What a candidate shares at least.
    if len(shared) <= CANDIDATES_MAX:
        return 0.0
    return float(np.partition(shared, -CANDIDATES_MAX)[-CANDIDATES_MAX])


def _find_least_sum(weights: Weights, threshold: float) -> float:
    # Of agreements by their weights, below which no probability comes to the threshold.
    least = threshold - _ROUNDED_AWAY
    odds = math.log(least / (1 - least)) if 0 < least < 1 else -math.inf
    return odds - weights.bias
