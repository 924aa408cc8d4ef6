"""The commands about the model: train, evaluate, classify, explain."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from service.alerts import Alert
from service.article_files import read_articles, read_lines
from service.classifier import Classifier
from service.clients import find_alert, find_article
from service.console import describe_article, describe_evidence, end_with_reader, open_console
from service.explaining import Explanation, explain_alert
from service.formats import RejectedArticleError, parse_article
from service.handling import HandlingRules, read_article, select_labels
from service.settings import CHECKOUT, Settings, read_settings

commands = typer.Typer()
seeds_commands = typer.Typer(help="Look after the seeds.", no_args_is_help=True)


class NotFoundError(Exception):
    """What was asked for is not there."""


@commands.command()
def train(
    seeds: Annotated[Path, typer.Option(help="Folder of the seeds.")] = CHECKOUT / "seeds",
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = CHECKOUT / "models",
) -> None:
    """Train the model from the seeds; the same seeds give the same file."""
    from service.seeds import read_seeds  # noqa: PLC0415, loads what other commands spare
    from service.training import train_model, write_model  # noqa: PLC0415, as above

    begun = time.monotonic()
    knowledge = read_seeds(seeds)
    trained = train_model(knowledge)
    manifest = write_model(trained, knowledge, out)
    print(
        f"{out}: model {manifest.version}, {len(manifest.labels)} labels from "
        f"{len(knowledge.texts)} texts, threshold {trained.evaluation.threshold}, "
        f"{time.monotonic() - begun:.1f} s"
    )


@commands.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled articles: JSONL with id, text, labels.")],
    model: Annotated[Path | None, typer.Option(help="Folder of the model.")] = None,
    against: Annotated[Path | None, typer.Option(help="Folder of another model.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    card: Annotated[bool, typer.Option(help="Write the figures into the model's card.")] = False,
) -> None:
    """Measure the model on labelled articles that it was not trained on."""
    from service.comparison import compare_models  # noqa: PLC0415, as above
    from service.model_card import REPORT_FILE, write_card_file  # noqa: PLC0415, as above
    from service.report import read_labelled_articles, write_report  # noqa: PLC0415, as above
    from service.report_tables import tabulate_comparison, tabulate_report  # noqa: PLC0415

    model_dir = model or read_settings().model_dir
    classifier = Classifier.load(model_dir)
    articles = read_labelled_articles(file)
    version = classifier.manifest.version
    report = write_report(classifier, articles, file=file.name, model=version)
    comparison = None
    if against:
        other = Classifier.load(against)
        comparison = compare_models(
            classifier, other, articles, model=version, against=other.manifest.version
        )
    if card:
        # Without the mistakes, which quote the articles: whoever reads them here may train on them.
        figures = report.model_copy(update={"worst": []}).model_dump_json(indent=2)
        (model_dir / REPORT_FILE).write_text(figures + "\n", encoding="utf-8")
        write_card_file(model_dir)
    if json_output:
        compared = comparison.model_dump(mode="json") if comparison else None
        print(json.dumps({**report.model_dump(mode="json"), "comparison": compared}))
        return
    console = open_console()
    console.print(tabulate_report(report))
    if comparison:
        console.print(tabulate_comparison(comparison))


@commands.command()
def classify(
    files: Annotated[list[Path] | None, typer.Argument(help=".txt, .json or .jsonl")] = None,
    jsonl: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="One article a line in, one JSON object a line out."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="With every passage's terms and their weights.")
    ] = False,
) -> None:
    """Label articles without a broker: for people, or with --jsonl for programs."""
    if bool(files) == bool(jsonl):
        raise typer.BadParameter("give either files or --jsonl FILE|-")
    settings = read_settings()
    classifier = Classifier.load(settings.model_dir)
    if jsonl:
        rules = _read_rules(settings)
        with (
            sys.stdin.buffer if jsonl == "-" else Path(jsonl).open("rb") as stream,
            end_with_reader(),
        ):
            for line in read_lines(stream, jsonl):
                labelled = _classify_line(line, classifier, rules)
                print(json.dumps(labelled, ensure_ascii=False), flush=True)
        return
    with end_with_reader():
        for path in files or []:
            _classify_file(path, classifier, explain=explain)


@commands.command()
def explain(
    alert: Annotated[str, typer.Argument(help="Id of an alert on the topic, or a file with one.")],
    article: Annotated[
        Path | None, typer.Option(help="File of its article; default: from the articles topic.")
    ] = None,
) -> None:
    """Make a published alert again from its article: the same bit for bit, or what differs."""
    settings = read_settings()
    classifier = Classifier.load(settings.model_dir)
    published = _read_alert(alert, settings)
    try:
        about = Alert.model_validate_json(published).article
    except ValidationError as error:
        raise NotFoundError(f"{alert} holds no alert: {error.errors()[0]['msg']}") from error
    if article:
        values = [value for value in read_articles(article) if value.strip()]
        if len(values) != 1:
            raise NotFoundError(f"{article} has {len(values)} articles; give one with the one")
        value = values[0]
    else:
        found = asyncio.run(find_article(settings, about.id, about.version))
        if found is None:
            raise NotFoundError(
                f"article {about.id}, version {about.version}, is not on "
                f"{settings.articles_topic} any more; give --article FILE"
            )
        value = found
    explanation = explain_alert(published, value, classifier, _read_rules(settings))
    with end_with_reader():
        _show_explanation(explanation)
    if not explanation.identical:
        raise typer.Exit(1)


@seeds_commands.command("check")
def check(
    seeds: Annotated[Path, typer.Option(help="Folder of the seeds.")] = CHECKOUT / "seeds",
) -> None:
    """Look for what will make the model worse: conflicts, missing negatives, loose terms."""
    from service.seeds import read_seeds  # noqa: PLC0415, as above
    from service.seeds_check import check_seeds  # noqa: PLC0415, as above

    findings = check_seeds(read_seeds(seeds))
    for finding in findings:
        print(finding)
    problems = sum(finding.level == "problem" for finding in findings)
    print(f"{problems} problems, {len(findings) - problems} hints")
    if problems:
        raise typer.Exit(1)


def _classify_file(path: Path, classifier: Classifier, *, explain: bool) -> None:
    console = open_console()
    for value in read_articles(path):
        try:
            article = parse_article(value)
        except RejectedArticleError as rejection:
            console.print(f"{path}: rejected, {rejection}", style="red", markup=False)
            continue
        labelling = classifier.label_article(article)
        console.print(describe_article(article, labelling), "\n")
        if explain:
            console.print(*describe_evidence(labelling.labels), sep="\n")


def _classify_line(line: bytes, classifier: Classifier, rules: HandlingRules) -> dict[str, Any]:
    try:
        article = read_article(line, (), rules.article_max_bytes)
    except RejectedArticleError as rejection:
        rejected = {"reason": rejection.reason, "detail": rejection.detail}
        return {"id": None, "labels": [], "rejected": rejected}
    labels = select_labels(classifier.label_article(article), rules)
    return {
        "id": article.id,
        "labels": [label.model_dump(mode="json") for label in labels],
        "rejected": None,
    }


def _read_rules(settings: Settings) -> HandlingRules:
    return HandlingRules(settings.article_max_bytes, settings.review)


def _show_explanation(explanation: Explanation) -> None:
    console = open_console()
    if explanation.again:
        console.print(*describe_evidence(explanation.again.labels), sep="\n")
    if explanation.identical:
        console.print("Made again from its article, bit for bit.", style="bold green")
        return
    console.print("It cannot be made again as it was:", style="bold red")
    for difference in explanation.differences:
        console.print(f"- {difference}", markup=False)


def _read_alert(alert: str, settings: Settings) -> bytes:
    try:
        alert_id = UUID(alert)
    except ValueError:
        return Path(alert).read_bytes().strip()
    found = asyncio.run(find_alert(settings, alert_id))
    if found is None:
        raise NotFoundError(f"no alert {alert_id} on {settings.alerts_topic}")
    return found
