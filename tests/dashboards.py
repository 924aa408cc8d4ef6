"""The dashboards as Grafana asks Prometheus for them: panels, queries, variables filled in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.settings import CHECKOUT

MONITORING = CHECKOUT / "service" / "monitoring"
GRAFANA = MONITORING / "grafana"

FILES: dict[str, Path] = {path.stem: path for path in sorted(GRAFANA.glob("dashboards/*.json"))}
DASHBOARDS: dict[str, dict[str, Any]] = {
    name: json.loads(path.read_text(encoding="utf-8")) for name, path in FILES.items()
}
PANELS: dict[str, dict[str, Any]] = {
    f"{name}-{panel['id']}": panel
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel, with Grafana's variables still in it."""

    text: str
    legend: str
    is_instant: bool


QUERIES: dict[str, Query] = {
    f"{name}{target['refId']}": Query(target["expr"], target["legendFormat"], target["instant"])
    for name, panel in PANELS.items()
    for target in panel["targets"]
}


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Fill in variables as Grafana does, `$name` and `${name:raw}` alike.

    Args:
        text: a query, title or URL.
        values: by name, without `$`; no name may begin with another.
    """
    for name, value in values.items():
        for form in (f"${{{name}:raw}}", f"${{{name}}}", f"${name}"):
            text = text.replace(form, value)
    return text


def read_constants(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """Read the values of a dashboard's variables that do not change."""
    return {
        each["name"]: each["query"]
        for each in dashboard["templating"]["list"]
        if each["type"] == "constant"
    }
