"""Labelled reports and their grouping -> how good the grouping is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.story_reports import Report


@dataclass(frozen=True, slots=True)
class Rates:
    """Precision, recall and their harmonic mean, 0 to 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class StoryFigures:
    """How good a grouping is.

    Attributes:
        pairs: of pairs of reports in one group, those of one story, and the reverse.
        b_cubed: the same averaged over reports.
        stories: true stories.
        groups: stories found; each is one `new` alert.
        joined: kind of report to the share joined to a lead of its story, and how many there are;
            of reports that lead their story there is nothing to join.
        mixed: groups with reports of another story than their lead's.
    """

    pairs: Rates
    b_cubed: Rates
    stories: int
    groups: int
    joined: dict[str, tuple[float, int]]
    mixed: int


def measure_groups(reports: Sequence[Report], groups: Sequence[int]) -> StoryFigures:
    """Compare a grouping with the true stories.

    Args:
        reports: in the order of their publication.
        groups: for each the number of its lead.
    """
    stories = [report.story for report in reports]
    return StoryFigures(
        pairs=_measure_pairs(stories, groups),
        b_cubed=_measure_b_cubed(stories, groups),
        stories=len(set(stories)),
        groups=len(set(groups)),
        joined=_count_joined(reports, groups),
        mixed=len(
            {group for story, group in zip(stories, groups, strict=True) if stories[group] != story}
        ),
    )


def list_wrong_merges(reports: Sequence[Report], groups: Sequence[int]) -> list[tuple[str, str]]:
    """List (title of the lead, title of the report) where a report went to another story."""
    return [
        (reports[group].title, report.title)
        for report, group in zip(reports, groups, strict=True)
        if reports[group].story != report.story
    ]


def _measure_pairs(stories: Sequence[str], groups: Sequence[int]) -> Rates:
    both = Counter(
        (stories[one] == stories[other], groups[one] == groups[other])
        for one, other in combinations(range(len(stories)), 2)
    )
    right = both[True, True]
    return Rates(
        right / max(1, right + both[False, True]), right / max(1, right + both[True, False])
    )


def _measure_b_cubed(stories: Sequence[str], groups: Sequence[int]) -> Rates:
    together = Counter(zip(stories, groups, strict=True))
    by_story, by_group = Counter(stories), Counter(groups)
    count = len(stories)
    precision = sum(number**2 / by_group[group] for (_, group), number in together.items())
    recall = sum(number**2 / by_story[story] for (story, _), number in together.items())
    return Rates(precision / count, recall / count)


def _count_joined(reports: Sequence[Report], groups: Sequence[int]) -> dict[str, tuple[float, int]]:
    seen: set[str] = set()
    kinds: Counter[str] = Counter()
    joined: Counter[str] = Counter()
    for number, (report, group) in enumerate(zip(reports, groups, strict=True)):
        if report.story in seen:
            kinds[report.kind] += 1
            joined[report.kind] += group != number and reports[group].story == report.story
        seen.add(report.story)
    return {kind: (joined[kind] / kinds[kind], kinds[kind]) for kind in sorted(kinds)}
