"""What the scenarios found, as a table. `python -m tests.faults.report` writes it into README."""

import json
import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from service.settings import CHECKOUT
from tests.faults.judge import Verdict
from tests.faults.scenario import Scenario

README = CHECKOUT / "README.md"
FOUND = CHECKOUT / ".cache" / "faults"
BEGIN, END = "<!-- faults: written by make faults -->", "<!-- end of faults -->"


@dataclass(frozen=True, slots=True)
class Row:
    """What one scenario found; times in seconds."""

    scenario: str
    articles: int
    faults: int
    lost: int
    changed_ids: int
    wrong_commits: int
    audited: int
    repeats: int
    longest_stall_seconds: float
    recovery_median_seconds: float | None
    recovery_longest_seconds: float | None
    remark: str


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """The resident memory of a worker in one scenario, in megabytes."""

    scenario: str
    articles: int
    handled: int
    ready: float
    most: float
    half_way: float
    end: float

    @classmethod
    def summarise(
        cls, scenario: str, articles: int, handled: int, samples: Sequence[float]
    ) -> "MemoryRow":
        """Summarise samples, of which the first was taken when the worker was ready."""
        half_way = samples[len(samples) // 2]
        figures = (samples[0], max(samples), half_way, samples[-1])
        return cls(scenario, articles, handled, *(round(each) for each in figures))


def keep_memory(row: MemoryRow, folder: Path = FOUND) -> None:
    """Keep what a scenario found on memory, for the table."""
    _keep("memory " + row.scenario, asdict(row), folder / "memory")


def _keep(name: str, figures: Mapping[str, object], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.json").write_text(
        json.dumps(figures, indent=1)
    )


def keep_row(scenario: Scenario, verdict: Verdict, folder: Path = FOUND) -> Row:
    """Keep what a scenario found, for the table."""
    recoveries = verdict.recoveries_seconds
    remarks = []
    if scenario.supervisor.ended_by_themselves:
        remarks.append(
            f"workers ended by themselves: {len(scenario.supervisor.ended_by_themselves)}"
        )
    stops = scenario.supervisor.stop_seconds
    if len(stops) > 2:
        remarks.append(
            f"{len(stops)} × SIGTERM: exit codes {sorted(set(scenario.supervisor.stop_codes))}, "
            f"at most {max(stops):.1f} s"
        )
    if verdict.gone_with_the_topic:
        remarks.append(f"{verdict.gone_with_the_topic} alerts were deleted with their topic")
    if verdict.internal_repeats:
        remarks.append(f"{verdict.internal_repeats} matches handed over again")
    row = Row(
        scenario.plan.name,
        verdict.articles,
        len(scenario.faults),
        len(verdict.lost),
        len(verdict.changed_ids) + len(verdict.unowed),
        len(verdict.wrong_commits),
        len(verdict.audited),
        verdict.repeats,
        round(verdict.longest_stall_seconds, 1),
        round(statistics.median(recoveries), 1) if recoveries else None,
        round(max(recoveries), 1) if recoveries else None,
        "; ".join(remarks),
    )
    _keep(row.scenario, asdict(row), folder)
    return row


def write_table(folder: Path = FOUND) -> str:
    """Write the table of what was found last."""
    rows = [Row(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    columns = (
        "scenario | articles | faults | lost | changed ids | wrong commits | audit finds | repeats "
        "| longest stall (s) | recovery, median / longest (s) | remarks"
    )
    lines = [f"| {columns} |", "|---" * 11 + "|"]
    for row in rows:
        recovery = (
            ""
            if row.recovery_median_seconds is None
            else f"{row.recovery_median_seconds:g} / {row.recovery_longest_seconds:g}"
        )
        lines.append(
            f"| {row.scenario} | {row.articles:,} | {row.faults:,} | {row.lost} "
            f"| {row.changed_ids} | {row.wrong_commits} | {row.audited} | {row.repeats} "
            f"| {row.longest_stall_seconds:g} | {recovery} | {row.remark} |"
        )
    total = (
        f"{sum(row.faults for row in rows):,} faults among "
        f"{sum(row.articles for row in rows):,} articles in {len(rows)} scenarios"
    )
    return "\n".join([f"{total} ({describe_machine()}).", "", *lines, "", *_list_memory(folder)])


def _list_memory(folder: Path) -> list[str]:
    columns = (
        "resident memory of a worker (MB) | articles | of them handled | when ready | at most "
        "| half-way | at the end"
    )
    rows = [
        MemoryRow(**json.loads(path.read_text()))
        for path in sorted((folder / "memory").glob("*.json"))
    ]
    return [
        f"| {columns} |",
        "|---" * 7 + "|",
        *(
            f"| {row.scenario} | {row.articles:,} | {row.handled:,} | {row.ready:g} "
            f"| {row.most:g} | {row.half_way:g} | {row.end:g} |"
            for row in rows
        ),
    ]


def describe_machine() -> str:
    """Say on what it was measured."""
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"faust-streaming {version('faust-streaming')}, aiokafka {version('aiokafka')}, "
        "Apache Kafka 4.3.1"
    )


def renew(text: str) -> str:
    """Put the table between its markers."""
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}\n{write_table()}\n{text[end:]}"


if __name__ == "__main__":
    README.write_text(renew(README.read_text(encoding="utf-8")), encoding="utf-8")
