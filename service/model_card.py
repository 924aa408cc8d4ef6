"""The model card: what the model is, how good, and what it cannot do; written by command."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from service.evaluation import Measurement, Reliability
from service.model_file import EVALUATION_FILE, MANIFEST_FILE, MODEL_FILE, Manifest
from service.report import Report

CARD_FILE = "README.md"
REPORT_FILE = "report.json"
LEARNING_FILE = "learning.md"


class SeedCounts(BaseModel):
    """What the model was trained on, in numbers."""

    model_config = ConfigDict(frozen=True)

    articles: int
    texts: int
    written: int
    with_a_label: int


class ModelEvaluation(BaseModel):
    """evaluation.json: every hand-written text judged by a model that has not seen it."""

    model_config = ConfigDict(frozen=True)

    threshold: float
    review_threshold: float
    seeds: SeedCounts
    passages: Measurement
    articles: Measurement
    article_decisions: int
    article_decisions_right: int
    reliability: Reliability


def write_card_file(model_dir: Path) -> None:
    """Write README.md of a model folder from the files beside it."""
    manifest = Manifest.model_validate_json((model_dir / MANIFEST_FILE).read_bytes())
    evaluation = ModelEvaluation.model_validate_json((model_dir / EVALUATION_FILE).read_bytes())
    size_bytes = (model_dir / MODEL_FILE).stat().st_size
    report_file = model_dir / REPORT_FILE
    report = Report.model_validate_json(report_file.read_bytes()) if report_file.exists() else None
    learning_file = model_dir / LEARNING_FILE
    learning = learning_file.read_text(encoding="utf-8") if learning_file.exists() else None
    card = write_card(evaluation, manifest, size_bytes, report, learning)
    (model_dir / CARD_FILE).write_text(card, encoding="utf-8")


def write_card(
    evaluation: ModelEvaluation,
    manifest: Manifest,
    size_bytes: int,
    report: Report | None,
    learning: str | None,
) -> str:
    """Write the card in Markdown.

    Args:
        evaluation: of left-out seeds.
        manifest: of the model.
        size_bytes: of the model file.
        report: on labelled articles that it was not trained on, of this model or an older one.
        learning: the page of the learning curve.
    """
    seeds = evaluation.seeds
    return f"""# Model card

Written by command; do not edit.

| | |
|---|---|
| version | {manifest.version} |
| file | `{MODEL_FILE}`, {size_bytes / 1000:.0f} kB, SHA-256 `{manifest.sha256}` |
| trained with | scikit-learn {manifest.sklearn} |
| seeds | {seeds.articles} articles; {seeds.texts} texts, {seeds.with_a_label} with a label, \
{seeds.texts - seeds.written} of them filled templates |
| alert threshold | {evaluation.threshold} for every label |
| review band | from {evaluation.review_threshold} up to the alert threshold |

**What it does.** Tells for each passage of a news article which of the watched labels it has. The
article has a label when one of its passages has it (max over passages).

**How.** TF-IDF of words and word pairs, beside the concepts and conjunctions of
`seeds/labels.toml`; one logistic regression a label. One sigmoid, fitted on left-out texts, turns
log-odds into probabilities and is folded into the weights, so that the weights of a passage's terms
and the bias add up to its log-odds.

## Left-out seeds (written by `make train`)

Every hand-written text judged by a model trained without it: a whole seed article is left out at a
time, the rest dealt over the folds. Of {evaluation.article_decisions} article decisions (seeds x
labels) {evaluation.article_decisions_right} are right. The sigmoid was
fitted and the thresholds were chosen on these same texts, so the figures flatter a little.

{_tabulate(evaluation.passages)}

{_tabulate_reliability(evaluation.reliability)}

## Labelled articles it was not trained on (written by `beatwatch evaluate FILE --card`)

{_describe_report(report, manifest)}

## What labelled articles add (written by `make bench-learning`)

{_embed_page(learning) if learning else "Not measured."}

## Limits

Trained on {seeds.articles} articles of one beat and on texts and terms written by hand: it finds
what its `labels.toml` has words for, and misses what is said in others, above all deportation and
border news that never names the act. Of languages other than English it has seen a few dozen
short texts each at most; there it rests mainly on term lists.
"""


def _tabulate(measured: Measurement) -> str:
    rows = [
        f"| `{name}` | {label.support} | {label.precision:.3f} | {label.recall:.3f} | "
        f"{label.f1:.3f} | {label.average_precision:.3f} |"
        for name, label in measured.labels.items()
    ]
    for name, average in (("macro", measured.macro), ("micro", measured.micro)):
        rows.append(
            f"| {name} | | {average.precision:.3f} | {average.recall:.3f} | {average.f1:.3f} | |"
        )
    intervals = ", ".join(
        f"{name.replace('_', ' ')} {interval.low:.3f}-{interval.high:.3f}"
        for name, interval in measured.intervals.items()
    )
    heading = (
        "| label | texts | precision | recall | F1 | average precision |\n|---|---|---|---|---|---|"
    )
    return "\n".join([heading, *rows, "", f"95 % bootstrap intervals: {intervals}."])


def _tabulate_reliability(reliability: Reliability) -> str:
    rows = [
        f"| {each.low}-{each.high} | {each.count} | {each.promised:.3f} | {each.came_true:.3f} |"
        for each in reliability.bins
    ]
    heading = "| probability | pairs of text and label | promised | came true |\n|---|---|---|---|"
    error = f"Expected calibration error: {reliability.error:.4f}."
    return "\n".join([heading, *rows, "", error])


def _describe_report(report: Report | None, manifest: Manifest) -> str:
    if report is None or report.model != manifest.version:
        return "Not measured for this model."
    languages = "\n".join(
        f"| {name} | {part.texts} | {_show_quality(part)} |"
        for name, part in report.by_language.items()
    )
    false = "\n".join(
        f"| {kind} | {counted.articles} | {counted.alerted} | {counted.per_100:.1f} |"
        for kind, counted in report.false_alerts.items()
    )
    return f"""`{report.file}`, {report.all.texts} articles. Nothing was trained on them, and no \
threshold chosen on them; but their mistakes were looked at while the seeds were written, to find
classes of error. Expect somewhat less on articles that nobody has looked at.

{_tabulate(report.all)}

| language | articles | macro-F1 | micro precision | micro recall |
|---|---|---|---|---|
{languages}

| kind | articles | with a false alert | per 100 |
|---|---|---|---|
{false}

{_tabulate_reliability(report.reliability)}"""


def _embed_page(page: str) -> str:
    _title, _, body = page.partition("\n")
    return body.replace("\n## ", "\n### ").strip()


def _show_quality(part: Measurement) -> str:
    if not any(label.support for label in part.labels.values()):
        return "none has a label | |"
    return f"{part.macro.f1:.3f} | {part.micro.precision:.3f} | {part.micro.recall:.3f}"
