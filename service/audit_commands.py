"""The command that proves what became of each article."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from service.alert_commands import check_period, read_when
from service.audit import FAULTS, FOUND_MEANINGS, Finding, Found
from service.audit_books import Books, Spot
from service.auditing import Range, audit_articles, read_books
from service.classifier import Classifier
from service.console import end_with_reader, flatten, open_console
from service.messages import RawArticle
from service.moments import FORMS
from service.settings import Settings, read_settings
from service.topics import read_extents

commands = typer.Typer()


@dataclass
class _Audit:
    model: str
    counts: Counter[Found] = field(default_factory=Counter)
    findings: list[tuple[Spot, Finding]] = field(default_factory=list)
    alerts_read: int = 0
    alert_faults: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.findings and not self.alert_faults

    def note(self, raw: RawArticle, finding: Finding) -> None:
        self.counts[finding.found] += 1
        if finding.found in FAULTS:
            self.findings.append((Spot(raw.partition, raw.offset), finding))


@commands.command()
def audit(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(parser=read_when, metavar="WHEN", help=f"Got then or later: {FORMS}."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=read_when, metavar="WHEN", help="Got before then."),
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Of this partition.")] = None,
    from_offset: Annotated[int, typer.Option(min=0, help="From there on.")] = 0,
    to_offset: Annotated[int | None, typer.Option(min=0, help="Before there.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Prove from the topics that each article has its alert, its rejection, or no label."""
    range_ = Range(since, until, partition, from_offset, to_offset)
    check_period(since, until)
    _check_offsets(range_)
    settings = read_settings()
    done = asyncio.run(_audit(settings, Classifier.load(settings.model_dir), range_))
    with end_with_reader():
        if json_output:
            print(json.dumps(_describe(done)))
        else:
            _show(done)
    if not done.is_clean:
        raise typer.Exit(1)


def _check_offsets(range_: Range) -> None:
    if range_.partition is None and (range_.from_offset or range_.to_offset is not None):
        raise typer.BadParameter("offsets are of one partition: give --partition")
    if range_.to_offset is not None and range_.to_offset <= range_.from_offset:
        raise typer.BadParameter("--to-offset is not after --from-offset")


async def _check_place(settings: Settings, range_: Range) -> None:
    if range_.partition is None:
        return
    topic = settings.articles_topic
    extents = await read_extents(settings, topic)
    if range_.partition not in extents:
        raise typer.BadParameter(
            f"{topic} has no partition {range_.partition}; it has 0 to {max(extents)}"
        )
    end = extents[range_.partition].stop
    # At the end itself the next article will be: whoever audits bit by bit begins there.
    if range_.from_offset > end:
        raise typer.BadParameter(
            f"partition {range_.partition} of {topic} ends at {end}, before {range_.from_offset}"
        )


async def _audit(settings: Settings, classifier: Classifier, range_: Range) -> _Audit:
    await _check_place(settings, range_)
    books = await read_books(settings)
    audited = _Audit(classifier.manifest.version)
    async for raw, finding in audit_articles(settings, classifier, books, range_):
        audited.note(raw, finding)
    audited.alerts_read = books.alerts_read
    audited.alert_faults = _list_faults(settings, books)
    return audited


def _list_faults(settings: Settings, books: Books) -> list[str]:
    return [*books.faults, *books.list_gaps(), *books.list_headless(settings.alerts_topic)]


def _describe(audited: _Audit) -> dict[str, Any]:
    return {
        "clean": audited.is_clean,
        "model": audited.model,
        "articles": audited.counts.total(),
        "found": {found.value: audited.counts[found] for found in Found},
        "findings": [
            {"place": str(spot), "found": each.found, "id": each.article_id, "what": each.what}
            for spot, each in audited.findings
        ],
        "alerts": audited.alerts_read,
        "alert_faults": audited.alert_faults,
    }


def _show(audited: _Audit) -> None:
    table = Table(title=f"{audited.counts.total()} articles, decided again by {audited.model}")
    table.add_column("articles", justify="right")
    table.add_column("found")
    table.add_column("means")
    for found in Found:
        if audited.counts[found]:
            style = "red" if found in FAULTS else ""
            table.add_row(
                str(audited.counts[found]), found.value, FOUND_MEANINGS[found], style=style
            )
    open_console().print(table)
    for spot, each in audited.findings:
        print(flatten(f"{spot} {each.found} {each.article_id}: {each.what}"))
    for fault in audited.alert_faults:
        print(flatten(fault))
    if audited.is_clean:
        proved = "nothing is missing or changed" if audited.counts else "no article in this range"
        print(f"{proved}; {audited.alerts_read} alerts without a fault")
