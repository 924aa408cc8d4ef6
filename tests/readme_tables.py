"""The README's tables, written from the code. `python -m tests.readme_tables` renews them."""

import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from prometheus_client import CollectorRegistry
from pydantic.fields import FieldInfo

from service.audit import FAULTS, FOUND_MEANINGS
from service.cli import commands
from service.health import Health
from service.metrics import Metrics
from service.model_card import REPORT_FILE
from service.model_file import MANIFEST_FILE, Manifest
from service.outcomes import OUTCOME_MEANINGS
from service.report import Report
from service.seeds import read_seeds
from service.settings import CHECKOUT, PREFIX, Settings
from tests.alert_rules import ALERT_RULES, RUNBOOK, SECTIONS

README = CHECKOUT / "README.md"


def write_settings() -> str:
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field.get_default())} | {_bounds(field)} "
        f"| {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _table("variable | default | bounds | what it sets", rows)


def write_metrics() -> str:
    manifest = Manifest.model_validate_json((CHECKOUT / "models" / MANIFEST_FILE).read_bytes())
    registry = CollectorRegistry()
    metrics = Metrics(registry, manifest)
    # Shown while there are partitions.
    metrics.consumer_lag.labels("news.articles", "0")
    metrics.worker.show_health(Health(), ["news.articles"])
    rows = []
    for family in registry.collect():
        # Those of the process are prometheus_client's, and not on every system the same.
        if family.name.startswith("process_"):
            continue
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        shown = ", ".join(f"`{label}`" for label in labels)
        rows.append(f"| `{name}` | {family.type} | {shown} | {family.documentation} |")
    return _table("metric | type | metric labels | what it shows", rows)


def write_labels() -> str:
    seeds = read_seeds(CHECKOUT / "seeds")
    rows = [
        f"| `{name}` | {label.title} | {label.definition} |" for name, label in seeds.labels.items()
    ]
    return _table("label | title | what it means", rows)


def write_commands() -> str:
    rows = []
    top: Any = typer.main.get_command(commands)
    for name, command in top.commands.items():
        nested = getattr(command, "commands", {})
        rows += [f"| `beatwatch {name} {sub}` | {each.help} |" for sub, each in nested.items()]
        if not nested:
            rows.append(f"| `beatwatch {name}` | {command.help} |")
    return _table("command | what it does", rows)


def write_quality() -> str:
    path = CHECKOUT / "models" / REPORT_FILE
    report = Report.model_validate_json(path.read_bytes())
    rows = [
        f"| `{name}` | {label.support} | {label.precision:.2f} | {label.recall:.2f} "
        f"| {label.f1:.2f} |"
        for name, label in report.all.labels.items()
    ]
    average, interval = report.all.macro, report.all.intervals["macro_f1"]
    rows.append(
        f"| mean | {report.all.texts} articles | {average.precision:.2f} | {average.recall:.2f} "
        f"| {average.f1:.2f} (95 %: {interval.low:.2f}-{interval.high:.2f}) |"
    )
    return _table(f"`{report.file}` | articles with it | precision | recall | F1", rows)


def write_outcomes() -> str:
    rows = [f"| `{outcome}` | {meaning} |" for outcome, meaning in OUTCOME_MEANINGS.items()]
    return _table("outcome | what it means", rows)


def write_findings() -> str:
    rows = [
        f"| `{found}` | {meaning} | {'1' if found in FAULTS else '0'} |"
        for found, meaning in FOUND_MEANINGS.items()
    ]
    return _table("found | what it means | exit code", rows)


def write_alert_rules() -> str:
    runbook = RUNBOOK.relative_to(CHECKOUT)
    rows = [
        f"| [`{name}`]({runbook}#{name.lower()}) | {ALERT_RULES[name]['labels']['severity']} "
        f"| {section.meaning} |"
        for name, section in SECTIONS.items()
    ]
    return _table("alert rule | severity | what it means", rows)


TABLES: dict[str, Callable[[], str]] = {
    "alert rules": write_alert_rules,
    "commands": write_commands,
    "findings": write_findings,
    "labels": write_labels,
    "metrics": write_metrics,
    "outcomes": write_outcomes,
    "quality": write_quality,
    "settings": write_settings,
}


def renew(text: str) -> str:
    """Put the tables of today between their markers."""
    for name, write in TABLES.items():
        begin, end = f"<!-- {name}: written by the code -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        table = f"{begin}\n{write()}\n{end}"
        text, found = pattern.subn(lambda _match, table=table: table, text)  # type: ignore[misc]
        assert found == 1, f"README has {found} places for the table of {name}"
    return text


def _table(heading: str, rows: list[str]) -> str:
    columns = heading.count("|") + 1
    return "\n".join([f"| {heading} |", "|---" * columns + "|", *rows])


def _bounds(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    limits: dict[str, Any] = {}
    for each in field.metadata:
        limits |= {name: getattr(each, name) for name in ("gt", "ge", "le") if hasattr(each, name)}
    least = f"{limits['ge']:,} to " if "ge" in limits else "over 0, to " if "gt" in limits else ""
    return f"{least}{limits['le']:,}" if limits else ""


def _default(value: Any) -> str:
    if value is None or value in (frozenset(), {}, ()):
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path) and value.is_relative_to(CHECKOUT):
        value = value.relative_to(CHECKOUT)
    if isinstance(value, float):
        value = f"{value:g}"
    return f"`{value}`"


if __name__ == "__main__":
    README.write_text(renew(README.read_text(encoding="utf-8")), encoding="utf-8")
