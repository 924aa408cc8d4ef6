"""The sketches of open stories, and how likely two of them tell the same news.

What counts is how rare a feature is among the reports of these days: a spokesman's name that
stands in thirty of them, or a paragraph of background that an agency puts under each, says little.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, compress, repeat

import numpy as np

from service.agreement import Agreement, bound_agreement, find_agreements
from service.likelihood import Likelihood
from service.sketches import Features, Sketch, list_hashes, open_head, open_sketches
from service.weighed import Weighed

CANDIDATES_MAX = 40
# Looked up by are the rarest features of an article; two reports of one event share some.
_KEYS_MAX = 48
# As if so many other reports had been seen: rarity among the first few says nothing yet.
_UNSEEN_REPORTS = 200
# Being rare among the reports of these days counts for more than being rare in general.
_RARITY_POWER = 1.5
_DAY_MS = 86_400_000
# Of so many reports their postings are remembered, 1.5 KB each: looking them up takes longer than
# all that is done with them.
_REMEMBERED_MAX = 2048


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
        self._reports: dict[str, _Report] = {}
        self._slots: dict[str, int] = {}
        self._names: list[str | None] = []
        self._free: list[int] = []
        # As long as a report has a feature, its postings stay where they are.
        self._postings: dict[int, array[int]] = {}
        # Not a method, which would keep the index itself: one that is let go is large.
        self._find_postings = lru_cache(_REMEMBERED_MAX)(partial(_look_up, self._postings))

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
        for each in list_hashes(sketch):
            self._postings.setdefault(each, array("I")).append(slot)

    def discard(self, article_id: str) -> None:
        """Take a report out, if it is there."""
        report = self._reports.pop(article_id, None)
        if report is None:
            return
        slot = self._slots.pop(article_id)
        self._names[slot] = None
        self._free.append(slot)
        for each in list_hashes(report.sketch):
            postings = self._postings[each]
            postings.remove(slot)
            if not postings:
                del self._postings[each]

    def find_alike(self, sketch: Sketch, told_ms: int) -> list[tuple[float, str]]:
        """List the reports that tell the same news as a sketch, the likeliest first.

        Returns:
            Probabilities, from the threshold on, with the ids of the articles.
        """
        weighed = self.weigh([sketch])
        names = self._find_candidates(weighed)
        if self._is_bounded:
            names = self._leave_out_unlikely(weighed, told_ms, names)
        alike = []
        for name, agreement in self._agree(weighed, told_ms, names):
            probability = self._likelihood.find_probability(agreement)
            if self._likelihood.is_enough(probability, agreement):
                alike.append((probability, name))
        return sorted(alike, key=lambda each: (-each[0], each[1]))

    def measure(self, sketch: Sketch, told_ms: int, article_id: str) -> float:
        """How probable it is that a sketch tells the same news as a report of the index; else 0."""
        if article_id not in self._reports:
            return 0.0
        ((_, agreement),) = self._agree(self.weigh([sketch]), told_ms, [article_id])
        return self._likelihood.find_probability(agreement)

    def weigh(self, sketches: Sequence[Sketch]) -> Weighed:
        """Open sketches and weigh their features by how rare they are in the index's reports."""
        features = open_sketches(sketches)
        return self._weigh(features, map(self._postings.get, features.hashes.tolist(), repeat(())))

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

    def _leave_out_unlikely(
        self, weighed: Weighed, told_ms: int, names: Sequence[str]
    ) -> list[str]:
        (head,) = weighed.features.heads
        bounds = (
            bound_agreement(head, open_head(report.sketch), _count_days(told_ms, report.told_ms))
            for report in map(self._reports.__getitem__, names)
        )
        likely = map(self._likelihood.is_same_news, bounds)
        return [*compress(names, likely)]

    def _agree(
        self, weighed: Weighed, told_ms: int, names: Sequence[str]
    ) -> Iterator[tuple[str, Agreement]]:
        reports = [self._reports[name] for name in names]
        features = open_sketches([report.sketch for report in reports])
        others = self._weigh(features, chain.from_iterable(map(self._find_postings, reports)))
        days_apart = [_count_days(told_ms, report.told_ms) for report in reports]
        return zip(names, find_agreements(weighed, others, days_apart), strict=True)

    def _weigh(self, features: Features, postings: Iterable[Sized]) -> Weighed:
        # 1 for what no report has, 0 for what all have; the report that is asked for counts too.
        counts = np.fromiter(map(len, postings), np.intp, len(features.hashes))
        # Worked out once for all that are in equally many.
        different = np.flatnonzero(np.bincount(counts))
        reports = len(self._reports) + _UNSEEN_REPORTS
        rarity = np.clip(np.log(reports / (different + 1)) / np.log(reports), 0, 1)
        by_count = np.zeros(counts.max(initial=0) + 1)
        by_count[different] = rarity**_RARITY_POWER
        return Weighed(features, (features.weights * by_count[counts]) ** 2)


def _look_up(postings: Mapping[int, Sized], report: _Report) -> list[Sized]:
    return [*map(postings.__getitem__, list_hashes(report.sketch))]


def _count_days(told_ms: int, other_ms: int) -> float:
    return abs(told_ms - other_ms) / _DAY_MS
