"""The sketches of open stories, and how likely two of them tell the same news.

What counts is how rare a feature is among the reports of these days: a spokesman's name that
stands in thirty of them, or a paragraph of background that an agency puts under each, says little.
"""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.agreement import Agreement, Likelihood, Weighed, find_agreement
from service.sketches import Features, Sketch, open_sketch

CANDIDATES_MAX = 40
# Looked up by are the rarest features of an article; two reports of one event share some.
_KEYS_MAX = 48
# As if so many other reports had been seen: rarity among the first few says nothing yet.
_UNSEEN_REPORTS = 200
# Being rare among the reports of these days counts for more than being rare in general.
_RARITY_POWER = 1.5
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class _Report:
    told_ms: int
    # Closed: opened it is five times as large, and opening forty costs half a millisecond.
    sketch: Sketch


class StoryIndex:
    """The sketches of reports that a new one may tell the same news as."""

    def __init__(self, likelihood: Likelihood) -> None:
        self._likelihood = likelihood
        self._reports: dict[str, _Report] = {}
        self._slots: dict[str, int] = {}
        self._names: list[str | None] = []
        self._free: list[int] = []
        self._postings: dict[int, array[int]] = {}

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
        for each in open_sketch(sketch).hashes.tolist():
            self._postings.setdefault(each, array("I")).append(slot)

    def discard(self, article_id: str) -> None:
        """Take a report out, if it is there."""
        report = self._reports.pop(article_id, None)
        if report is None:
            return
        slot = self._slots.pop(article_id)
        self._names[slot] = None
        self._free.append(slot)
        for each in open_sketch(report.sketch).hashes.tolist():
            postings = self._postings[each]
            postings.remove(slot)
            if not postings:
                del self._postings[each]

    def find_alike(self, sketch: Sketch, told_ms: int) -> list[tuple[float, str]]:
        """List the reports that tell the same news as a sketch, the likeliest first.

        Returns:
            Probabilities, from the threshold on, with the ids of the articles.
        """
        weighed = self.weigh(sketch)
        likelihood = self._likelihood
        found = (
            (name, self._agree(weighed, told_ms, self._reports[name]))
            for name in self._find_candidates(weighed)
        )
        alike = [
            (likelihood.find_probability(agreement), name)
            for name, agreement in found
            if likelihood.is_same_news(agreement)
        ]
        return sorted(alike, key=lambda each: (-each[0], each[1]))

    def measure(self, sketch: Sketch, told_ms: int, article_id: str) -> float:
        """How probable it is that a sketch tells the same news as a report of the index; else 0."""
        report = self._reports.get(article_id)
        if report is None:
            return 0.0
        agreement = self._agree(self.weigh(sketch), told_ms, report)
        return self._likelihood.find_probability(agreement)

    def weigh(self, sketch: Sketch) -> Weighed:
        """Open a sketch and weigh its features by how rare they are among the index's reports."""
        features = open_sketch(sketch)
        return Weighed(features, (features.weights * self._measure_rarity(features)) ** 2)

    def _find_candidates(self, weighed: Weighed) -> list[str]:
        # Those that share most; of equals, the first by id, whatever came first into the index.
        shared = np.zeros(len(self._names), np.float64)
        for key in np.argsort(-weighed.telling, kind="stable")[:_KEYS_MAX]:
            postings = self._postings.get(int(weighed.features.hashes[key]))
            if postings is not None:
                shared[np.frombuffer(postings, np.uint32)] += weighed.telling[key]
        found = np.flatnonzero(shared)
        if len(found) > CANDIDATES_MAX:
            least = np.partition(shared[found], -CANDIDATES_MAX)[-CANDIDATES_MAX]
            found = found[shared[found] >= least]
        best = sorted((-shared[slot], name) for slot in found if (name := self._names[slot]))
        return [name for _, name in best[:CANDIDATES_MAX]]

    def _agree(self, weighed: Weighed, told_ms: int, report: _Report) -> Agreement:
        days_apart = abs(told_ms - report.told_ms) / _DAY_MS
        return find_agreement(weighed, self.weigh(report.sketch), days_apart)

    def _measure_rarity(self, features: Features) -> NDArray[np.float64]:
        # 1 for what no report has, 0 for what all have; the report that is asked for counts too.
        postings = self._postings
        counts = np.array([len(postings.get(each, ())) for each in features.hashes.tolist()])
        reports = len(self._reports) + _UNSEEN_REPORTS
        rarity = np.clip(np.log(reports / (counts + 1)) / np.log(reports), 0, 1)
        return np.asarray(rarity**_RARITY_POWER)
