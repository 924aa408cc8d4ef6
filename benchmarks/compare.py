"""What the service adds: its model beside what a newsroom has today, on the same articles.

`python -m benchmarks.compare FILE.jsonl` measures with the code of `beatwatch evaluate`, prints a
table and writes it to a Markdown file.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from benchmarks.boolean_queries import BooleanQueries
from benchmarks.long_articles import FillersError, hide_articles
from benchmarks.naive_model import fit_on_articles, fit_on_articles_and_background
from service.classifier import Classifier
from service.comparison import Comparison, compare_models
from service.console import open_console
from service.model_file import ModelError
from service.report import (
    LabelledArticle,
    LabelledFileError,
    Labeller,
    Report,
    read_labelled_articles,
    write_report,
)
from service.seeds import SeedsError
from service.settings import CHECKOUT

_HEADINGS = (
    "labeller",
    "macro-F1",
    "95 %",
    "micro precision",
    "micro recall",
    "false alerts per 100 hard negatives",
    "per 100 plain",
    "model better by (macro-F1, 95 %)",
)

_INTRODUCTION = """
# The model and what a newsroom has without it

Written by `python -m benchmarks.compare {file}`: model {version}, measured as `beatwatch evaluate`
does. An article has a label where its labeller says so at its own threshold. A false alert is an
article that was given any label it lacks. Intervals are bootstrapped over the articles; where the
last column's holds 0, the two cannot be told apart on these articles.

The boolean queries (`boolean_queries.py`) were written before they were measured and not tuned
since. The naive model (`naive_model.py`) is TF-IDF with logistic regression on whole articles. In
the long articles (`long_articles.py`) each English article stands, its title as a heading above
it, in the middle of 8 to 12 paragraphs of negatives; a false alert on one paragraph is then one on
every article that holds it.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One labeller on one set of articles; `lead` is the model minus it, none for the model."""

    report: Report
    lead: Comparison | None


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("file", type=Path, help="labelled articles, JSONL")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "benchmarks" / "COMPARISON.md")
    options = parser.parse_args(arguments)
    try:
        classifier = Classifier.load(CHECKOUT / "models")
        articles = read_labelled_articles(options.file)
        sets = make_sets(articles)
        labellers = make_labellers(classifier)
        tables = {
            name: compare(labellers, each, file=options.file.name) for name, each in sets.items()
        }
    except (ModelError, SeedsError, LabelledFileError, FillersError, OSError) as error:
        raise SystemExit(str(error)) from error
    for name, rows in tables.items():
        open_console().print(_tabulate(name, rows))
    options.out.write_text(
        write_page(tables, file=options.file.name, version=classifier.manifest.version),
        encoding="utf-8",
    )


def make_sets(articles: Sequence[LabelledArticle]) -> dict[str, list[LabelledArticle]]:
    """Make what is measured on, by name; sets without articles are left out.

    Raises:
        FillersError: there are too few negatives to make long articles.
    """
    english = [article for article in articles if article.language == "en"]
    untitled = [article.model_copy(update={"title": ""}) for article in english]
    sets = {
        "English": english,
        "English, without titles": untitled,
        "Other languages": [article for article in articles if article.language != "en"],
        "Long, among plain negatives": hide_articles(english, filler_kind="plain_negative"),
        "Long, among hard negatives": hide_articles(english, filler_kind="hard_negative"),
    }
    return {name: each for name, each in sets.items() if each}


def make_labellers(model: Labeller) -> dict[str, Labeller]:
    """Put the baselines behind the model, by name.

    Raises:
        SeedsError: the seeds cannot be read.
    """
    seeds_dir = CHECKOUT / "seeds"
    return {
        "beatwatch": model,
        "boolean queries": BooleanQueries(model.names),
        "naive, five articles": fit_on_articles(model.names, seeds_dir),
        "naive, with background": fit_on_articles_and_background(model.names, seeds_dir),
    }


def compare(
    labellers: Mapping[str, Labeller], articles: Sequence[LabelledArticle], *, file: str
) -> dict[str, Row]:
    """Measure labellers on the same articles, and the first against each other one.

    Raises:
        LabelledFileError: an article has a label that they do not know.
    """
    (first, model), *others = labellers.items()
    rows = {first: Row(write_report(model, articles, file=file, model=first), None)}
    for name, other in others:
        rows[name] = Row(
            write_report(other, articles, file=file, model=name),
            compare_models(model, other, articles, model=first, against=name),
        )
    return rows


def write_page(tables: Mapping[str, Mapping[str, Row]], *, file: str, version: str) -> str:
    """Write the comparison in Markdown."""
    parts = [_INTRODUCTION.format(file=file, version=version).strip()]
    for name, rows in tables.items():
        texts = next(iter(rows.values())).report.all.texts
        lines = [_HEADINGS, ("-",) + ("-:",) * (len(_HEADINGS) - 1)]
        lines += [(labeller, *_show(row)) for labeller, row in rows.items()]
        parts += [f"## {name}: {texts} articles"]
        parts += ["\n".join(f"| {' | '.join(cells)} |" for cells in lines)]
    return "\n\n".join(parts) + "\n"


def _tabulate(name: str, rows: Mapping[str, Row]) -> Table:
    table = Table(*_HEADINGS, title=name)
    for labeller, row in rows.items():
        table.add_row(labeller, *_show(row))
    return table


def _show(row: Row) -> tuple[str, ...]:
    report, lead = row.report, row.lead
    interval = report.all.intervals["macro_f1"]
    false = report.false_alerts
    return (
        f"{report.all.macro.f1:.3f}",
        f"{interval.low:.3f} to {interval.high:.3f}",
        f"{report.all.micro.precision:.3f}",
        f"{report.all.micro.recall:.3f}",
        *(
            f"{false[kind].per_100:.1f}" if kind in false else "none"
            for kind in ("hard_negative", "plain_negative")
        ),
        f"{lead.macro_f1:+.3f} ({lead.intervals['macro_f1'].low:+.3f} to "
        f"{lead.intervals['macro_f1'].high:+.3f})"
        if lead
        else "",
    )


if __name__ == "__main__":
    main()
