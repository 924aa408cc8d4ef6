"""A report on a model, for people to read."""

from rich.console import Group
from rich.table import Table

from service.comparison import Comparison
from service.evaluation import Quality
from service.report import Report


def tabulate_report(report: Report) -> Group:
    """Set a report in tables."""
    labels = Table(title=f"{report.model} on {report.file}, {report.all.texts} articles")
    for heading in ("label", "precision", "recall", "F1", "average precision", "true", "called"):
        labels.add_column(heading, justify="left" if heading == "label" else "right")
    for name, quality in report.all.labels.items():
        labels.add_row(
            name,
            *_show(quality),
            f"{quality.average_precision:.3f}",
            str(quality.support),
            str(quality.called),
        )
    labels.add_section()
    labels.add_row("macro", *_show(report.all.macro))
    labels.add_row("micro", *_show(report.all.micro))
    for name, interval in report.all.intervals.items():
        labels.caption = (
            f"{labels.caption or '95 %:'} {name} {interval.low:.2f}-{interval.high:.2f} "
        )
    groups = Table("articles", "number", "macro-F1", "micro precision", "micro recall")
    for name, part in [*report.by_language.items(), *report.by_length.items()]:
        groups.add_row(
            name,
            str(part.texts),
            f"{part.macro.f1:.3f}",
            f"{part.micro.precision:.3f}",
            f"{part.micro.recall:.3f}",
        )
    false = Table("kind", "articles", "false alerts", "per 100")
    for kind, counted in report.false_alerts.items():
        false.add_row(kind, str(counted.articles), str(counted.alerted), f"{counted.per_100:.1f}")
    bins = Table(
        "probability", "pairs", "promised", "came true",
        caption=f"calibration error {report.reliability.error:.3f}",
    )  # fmt: skip
    for each in report.reliability.bins:
        bins.add_row(
            f"{each.low}-{each.high}",
            str(each.count),
            f"{each.promised:.2f}",
            f"{each.came_true:.2f}",
        )
    worst = Table("article", "label", "mistake", "probability", "passage")
    for mistake in report.worst:
        worst.add_row(
            mistake.id, mistake.label, mistake.mistake, f"{mistake.probability:.2f}", mistake.quote
        )
    return Group(labels, groups, false, bins, worst)


def tabulate_comparison(comparison: Comparison) -> Group:
    """Set the difference of two models in tables."""
    difference = Table(
        "figure", "difference", "95 %",
        title=f"{comparison.model} minus {comparison.against}, on the same articles",
    )  # fmt: skip
    for name, value in (("macro_f1", comparison.macro_f1), ("micro_f1", comparison.micro_f1)):
        interval = comparison.intervals[name]
        difference.add_row(name, f"{value:+.3f}", f"{interval.low:+.3f} to {interval.high:+.3f}")
    changes = Table("article", "label", comparison.model, comparison.against, "right now")
    for change in comparison.changes:
        now, before = ("yes" if each else "no" for each in (change.now, change.against))
        changes.add_row(change.id, change.label, now, before, "yes" if change.right else "no")
    return Group(difference, changes)


def _show(quality: Quality) -> tuple[str, str, str]:
    return f"{quality.precision:.3f}", f"{quality.recall:.3f}", f"{quality.f1:.3f}"
