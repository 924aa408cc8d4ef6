"""What Prometheus and Grafana are given fits together, and fits the service."""

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from service.metrics import Metrics
from service.model_file import MANIFEST_FILE, Manifest
from service.settings import CHECKOUT, Settings
from tests.test_compose import SERVICES
from tests.tools import require_tool

MONITORING = CHECKOUT / "service" / "monitoring"
GRAFANA = MONITORING / "grafana"

SCRAPING: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
JOB: dict[str, Any] = SCRAPING["scrape_configs"][0]

DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in GRAFANA.glob("dashboards/*.json")}
PANELS = {
    f"{name}-{panel['id']}": panel
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
}
QUERIES = {
    f"{name}{target['refId']}": (target["expr"], target["legendFormat"])
    for name, panel in PANELS.items()
    for target in panel["targets"]
}

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
each_panel = pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
each_query = pytest.mark.parametrize(("query", "legend"), QUERIES.values(), ids=QUERIES)


def test_prometheus_accepts_its_configuration() -> None:
    subprocess.run(  # noqa: S603, the tool just found
        [require_tool("promtool"), "check", "config", MONITORING / "prometheus.yml"], check=True
    )


def test_prometheus_reads_every_worker() -> None:
    (finding,) = JOB["dns_sd_configs"]

    assert finding["names"] == ["worker"]
    assert finding["port"] == Settings().http_port


def test_grafana_is_given_prometheus_and_the_dashboards() -> None:
    (source,) = read_provisioning("datasources")["datasources"]
    (provider,) = read_provisioning("dashboards")["providers"]
    mounts = [volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"]]

    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == SCRAPING["global"]["scrape_interval"]
    assert ["./service/monitoring/grafana/dashboards", provider["options"]["path"]] in mounts
    for kind in ("datasources", "dashboards"):
        provisioning = f"./service/monitoring/grafana/provisioning/{kind}"
        assert [provisioning, f"/etc/grafana/provisioning/{kind}"] in mounts


def read_provisioning(kind: str) -> Any:
    (path,) = (GRAFANA / "provisioning" / kind).glob("*.yml")
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def series() -> dict[str, dict[str, set[str]]]:
    """Every series Prometheus has of a worker: its metric labels, with the values they take."""
    manifest = Manifest.model_validate_json((CHECKOUT / "models" / MANIFEST_FILE).read_bytes())
    metrics = Metrics(CollectorRegistry(), manifest)
    target = {"job": {JOB["job_name"]}, "instance": set[str]()}
    found: dict[str, dict[str, set[str]]] = {"up": target}
    for sample in (each for family in metrics.registry.collect() for each in family.samples):
        labels = found.setdefault(sample.name, dict(target))
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    return found


def read_query(query: str) -> tuple[set[str], set[str], list[tuple[str, str]]]:
    """The metrics a query names, the metric labels it groups by, and its selectors (label, value).

    Enough of PromQL for the dashboards; that a query is PromQL at all, promtool says.
    """
    selectors = [
        (label, value)
        for braces in re.findall(r"{([^}]*)}", query)
        for label, value in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', braces)
    ]
    grouping = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"
    groups = re.findall(r"\w+", " ".join(re.findall(grouping, query)))
    bare = re.sub(grouping + r"|{[^}]*}|\[[^\]]*\]", " ", query)
    names = set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - {"or", "and", "unless"}
    return names, set(groups), selectors


@each_query
def test_queries_name_what_the_worker_has(
    query: str, legend: str, series: dict[str, dict[str, set[str]]]
) -> None:
    names, groups, selectors = read_query(query)

    assert names
    assert names <= series.keys()
    assert ("job", JOB["job_name"]) in selectors
    for name in names:
        assert groups <= series[name].keys()
        for label, pattern in selectors:
            assert any(re.fullmatch(pattern, value) for value in series[name].get(label, ()))
    assert set(re.findall(r"{{(\w+)}}", legend)) <= groups


@each_query
def test_rates_reach_over_several_scrapes(query: str, legend: str) -> None:
    reaches = re.findall(r"rate\([^[]*\[([^]]*)]", query)

    assert reaches == ["$__rate_interval"] * query.count("rate("), legend


def test_queries_are_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, (query, _) in enumerate(QUERIES.values())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))

    subprocess.run([require_tool("promtool"), "check", "rules", file], check=True)  # noqa: S603, as above


@each_panel
def test_panels_say_what_they_show_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > len(panel["title"])
    assert panel["fieldConfig"]["defaults"]["unit"]


@each_panel
def test_panels_ask_the_data_source_that_the_reader_chose(panel: dict[str, Any]) -> None:
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


@each_dashboard
def test_data_source_is_a_variable(dashboard: dict[str, Any]) -> None:
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}

    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"


@each_dashboard
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    places = [panel["gridPos"] for panel in dashboard["panels"]]

    assert len(set(ids)) == len(ids)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


def test_dashboards_have_uids_of_their_own() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS) > 0
