"""The alert rules and their runbook, as tests and README's table read them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from service.metrics import Metrics
from service.model_file import MANIFEST_FILE, Manifest
from service.settings import CHECKOUT

MONITORING = CHECKOUT / "service" / "monitoring"
RUNBOOK = MONITORING / "RUNBOOK.md"
RULE_FILES = sorted((MONITORING / "rules").glob("*.yml"))
UNIT_TESTS = sorted((CHECKOUT / "tests" / "rules").glob("*.yml"))


@dataclass(frozen=True, slots=True)
class Section:
    """What the runbook says of one alert rule."""

    text: str

    @property
    def meaning(self) -> str:
        """Its first sentence."""
        found = re.search(r"\*\*It means\*\* (.*?)[.]\s", self.text, re.DOTALL)
        assert found, self.text
        return " ".join(found[1].split()).removeprefix("that ")

    @property
    def commands(self) -> list[str]:
        """What to run first, a line each."""
        (block,) = re.findall(r"```sh\n(.*?)\n```", self.text, re.DOTALL)
        return str(block).splitlines()


def read_rules(path: Path) -> list[dict[str, Any]]:
    """Read the rules of one file, those that record and those that alert."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def read_runbook() -> dict[str, Section]:
    """Read the runbook's sections by name, in order; what stands before the first is left out."""
    _, *parts = re.split(r"^## (\w+)\n", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: Section(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


RULES = [rule for path in RULE_FILES for rule in read_rules(path)]
ALERT_RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED: dict[str, str] = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
SECTIONS = read_runbook()


def list_series() -> dict[str, dict[str, set[str]]]:
    """List every series Prometheus has of a worker: its metric labels, with what they can say."""
    manifest = Manifest.model_validate_json((CHECKOUT / "models" / MANIFEST_FILE).read_bytes())
    registry = CollectorRegistry()
    Metrics(registry, manifest)
    found: dict[str, dict[str, set[str]]] = {"up": {"job": {"beatwatch"}}}
    for family in registry.collect():
        # A metric without series yet has its name all the same.
        found.setdefault(family.name, {"job": {"beatwatch"}})
        for sample in family.samples:
            labels = found.setdefault(sample.name, {"job": {"beatwatch"}})
            for name, value in sample.labels.items():
                labels[name] = labels.get(name, set()) | {value}
    return found


SERIES = list_series()


def find_unknown_names(query: str) -> list[str]:
    """Find what a query names and neither a worker nor a rule has, in order.

    Enough of PromQL to find names; that it is PromQL at all, promtool says. A value that a
    template fills in (`%s`) is not looked at, nor which instance.
    """
    unknown = []
    for name, braces in re.findall(r"(?<![:\w])([a-zA-Z_][\w:]*)\b({[^}]*})?", query):
        if ":" in name:
            is_known = name in RECORDED
        elif name == "up" or name.startswith(("beatwatch_", "process_")):
            is_known = name in SERIES and all(
                label == "instance" or "%s" in value or value in SERIES[name].get(label, ())
                for label, value in re.findall(r"(\w+)!?=[\"']([^\"']*)[\"']", braces)
            )
        else:
            continue
        if not is_known:
            unknown.append(name + braces)
    return unknown
