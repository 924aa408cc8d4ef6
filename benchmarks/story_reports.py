"""Labelled reports of stories, and how reports are grouped into stories: each beside the leads."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from service.messages import Article

# As long as the desk keeps a story open.
WINDOW = timedelta(hours=72)


class StoryFileError(Exception):
    """A file of labelled reports cannot be read."""


class Report(BaseModel):
    """A report, and which story it tells.

    `family` names stories that are easily taken for each other; `kind` is how it relates to its
    story: first, wire (copied), retold, brief or developed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    story: str
    family: str
    kind: str
    published_at: AwareDatetime
    source: str
    title: str
    text: str

    def make_article(self) -> Article:
        """Make the article that the service would see."""
        return Article(id=self.id, title=self.title, text=self.text, published_at=self.published_at)


def read_reports(path: Path) -> list[Report]:
    """Read labelled reports, in the order of their publication.

    Raises:
        StoryFileError: a line is no report.
        OSError: the file cannot be read.
    """
    reports = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            reports.append(Report.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise StoryFileError(f"{path.name}, line {number}: {place} {first['msg']}") from error
    return sorted(reports, key=lambda report: (report.published_at, report.id))


# Two reports by their numbers in the list, the later first -> how alike they are.
Similarity = Callable[[int, int], float]


def list_pairs(reports: Sequence[Report]) -> list[tuple[int, int]]:
    """List the pairs within the window, the later report first, by their numbers in the list."""
    return [
        (later, earlier)
        for later, report in enumerate(reports)
        for earlier in range(later)
        if report.published_at - reports[earlier].published_at <= WINDOW
    ]


def group_reports(reports: Sequence[Report], similarity: Similarity, threshold: float) -> list[int]:
    """Group reports as the desk does: with the most alike lead, or as the lead of a new story.

    Returns:
        For each report the number of its lead; a lead has its own.
    """
    leads: list[int] = []
    groups = []
    for number, report in enumerate(reports):
        leads = [
            lead for lead in leads if report.published_at - reports[lead].published_at <= WINDOW
        ]
        alike = [(similarity(number, lead), -lead) for lead in leads]
        best, found = max(alike, default=(0.0, 0))
        joins = bool(alike) and best >= threshold
        groups.append(-found if joins else number)
        if not joins:
            leads.append(number)
    return groups
