"""The dashboards fit the service, the alert rules and the runbook, and can be read at night."""

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from service.health import Health
from service.metrics import Metrics
from service.model_file import MANIFEST_FILE, Manifest
from service.settings import CHECKOUT
from tests.alert_rules import ALERT_RULES, SECTIONS
from tests.dashboards import (
    DASHBOARDS,
    FILES,
    MONITORING,
    PANELS,
    QUERIES,
    Query,
    fill_in,
    read_constants,
)
from tests.readme_tables import README
from tests.tools import require_tool

SCRAPING: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
JOB: str = SCRAPING["scrape_configs"][0]["job_name"]
# What Prometheus has besides what it reads from workers.
OF_PROMETHEUS = {
    "up": {"job": {JOB}, "instance": set[str]()},
    "ALERTS": {"alertname": {"BeatwatchDown"}, "alertstate": {"firing"}, "severity": set[str]()},
}
# Panels where no value is better than another: a threshold would colour what nobody need act on.
WITHOUT_JUDGEMENT = {"blue", "text"}

each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
each_panel = pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
each_query = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)

Known = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def series() -> Known:
    """Every series Prometheus has of a worker: its metric labels, with the values they take."""
    manifest = Manifest.model_validate_json((CHECKOUT / "models" / MANIFEST_FILE).read_bytes())
    metrics = Metrics(CollectorRegistry(), manifest)
    metrics.consumer_lag.labels("news.articles", "0")
    metrics.worker.show_health(Health(), ["news.articles"])
    target = {"job": {JOB}, "instance": set[str]()}
    found: Known = dict(OF_PROMETHEUS)
    for sample in (each for family in metrics.registry.collect() for each in family.samples):
        labels = found.setdefault(sample.name, dict(target))
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    return found


def read_query(query: str) -> tuple[list[tuple[str, str]], set[str]]:
    """The selectors of a query (metric, what is in braces), the metric labels it groups by.

    Enough of PromQL for the dashboards; that a query is PromQL at all, promtool says.
    """
    selectors = re.findall(r"\b([a-zA-Z_:][\w:]*){([^}]*)}", query)
    grouping = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"
    groups = re.findall(r"\w+", " ".join(re.findall(grouping, query)))
    bare = re.sub(grouping + r"|{[^}]*}|\[[^\]]*\]", " ", query)
    names = set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare))
    assert names - {"or", "and", "unless", "bool"} == {name for name, _ in selectors}
    return selectors, set(groups)


@each_query
def test_queries_name_what_the_worker_has(query: Query, series: Known) -> None:
    selectors, groups = read_query(query.text)

    assert selectors
    for name, braces in selectors:
        assert name in series
        matchers = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', braces)
        assert "job" not in series[name] or ("job", JOB) in matchers
        for label, pattern in matchers:
            wanted = fill_in(pattern, {"label": ".+"})
            assert any(re.fullmatch(wanted, value) for value in series[name].get(label, ()))
    assert groups <= set().union(*(series[name] for name, _ in selectors))
    assert set(re.findall(r"{{(\w+)}}", query.legend)) <= groups


@each_query
def test_rates_reach_over_several_scrapes_and_totals_over_the_time_shown(query: Query) -> None:
    reaches = re.findall(r"\b(?:rate|increase)\([^[]*\[([^\]]*)]", query.text)

    assert len(reaches) == len(re.findall(r"\b(?:i?rate|increase|i?delta|deriv)\(", query.text))
    # A total of the time shown is one number, not a line.
    assert set(reaches) <= {"$__rate_interval"} | ({"$__range"} if query.is_instant else set())


def test_queries_are_promql(tmp_path: Path) -> None:
    values = {"__rate_interval": "1m", "__range": "1h", "label": "ttp|border"}
    rules = [
        {"record": f"query:{number}", "expr": fill_in(query.text, values)}
        for number, query in enumerate(QUERIES.values())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))

    subprocess.run([require_tool("promtool"), "check", "rules", file], check=True)  # noqa: S603, the tool just found


@each_panel
def test_panels_say_what_good_looks_like_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert "Good:" in panel["description"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]


@each_panel
def test_panels_that_are_coloured_by_value_say_from_which_on(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    styled = "thresholdsStyle" in defaults.get("custom", {})
    if defaults["color"]["mode"] != "thresholds" and not styled:
        return
    steps = defaults["thresholds"]["steps"]
    values = [step["value"] for step in steps]

    assert values[0] is None
    assert values[1:] == sorted(values[1:])
    assert len(steps) > 1 or {step["color"] for step in steps} <= WITHOUT_JUDGEMENT


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
def test_variables_that_are_used_exist(dashboard: dict[str, Any]) -> None:
    named = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard)))
    variables = {each["name"] for each in dashboard["templating"]["list"]}

    assert named <= variables | {"__rate_interval", "__range", "__all"}
    assert variables <= named


@each_dashboard
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    places = [
        # Its copies, one for each label, fill the row.
        panel["gridPos"] | ({"x": 0, "w": 24} if "repeat" in panel else {})
        for panel in dashboard["panels"]
    ]

    assert len(set(ids)) == len(ids)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


@each_dashboard
def test_rows_are_full_and_of_few_panels(dashboard: dict[str, Any]) -> None:
    rows: dict[int, list[int]] = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        rows.setdefault(place["y"], []).append(24 if "repeat" in panel else place["w"])

    assert all(sum(widths) == 24 and len(widths) <= 4 for widths in rows.values()), rows


def test_dashboards_have_uids_of_their_own() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS) == 2


@pytest.mark.parametrize("name", FILES)
def test_files_are_formatted_alike(name: str) -> None:
    text = json.dumps(DASHBOARDS[name], indent=2, ensure_ascii=False) + "\n"

    assert FILES[name].read_text(encoding="utf-8") == text


@each_dashboard
def test_links_lead_to_the_other_dashboard_and_to_sections_of_the_runbook(
    dashboard: dict[str, Any],
) -> None:
    boards = {f"/d/{each['uid']}" for each in DASHBOARDS.values()} - {f"/d/{dashboard['uid']}"}
    pages = [each["url"] for each in dashboard["links"]]
    sections = list_sections(dashboard)

    assert set(pages) == {*boards, "${runbook:raw}"}
    assert sections
    for section in sections:
        page, _, anchor = section.partition("#")
        assert page == "${runbook:raw}"
        assert anchor in {f"{name.lower()}:~:text=%23%23%20{name}" for name in SECTIONS}


@each_dashboard
def test_runbook_is_where_the_rules_say_it_is(dashboard: dict[str, Any]) -> None:
    (runbook,) = read_constants(dashboard).values()

    assert runbook == SCRAPING["global"]["external_labels"]["runbook"]


@pytest.mark.parametrize("rule", ALERT_RULES.values(), ids=ALERT_RULES)
def test_rules_lead_to_the_panel_that_leads_back_to_their_section(rule: dict[str, Any]) -> None:
    page, _, number = rule["annotations"]["dashboard_url"].rpartition("/d/")[2].partition("?")
    (dashboard,) = (each for each in DASHBOARDS.values() if each["uid"] == page)
    (panel,) = (each for each in dashboard["panels"] if f"viewPanel={each['id']}" == number)
    anchor = rule["annotations"]["runbook_url"].rpartition("#")[2]

    assert f"${{runbook:raw}}#{anchor}" in [each["url"] for each in panel["links"]]


def list_sections(dashboard: dict[str, Any]) -> list[str]:
    """The sections of the runbook that a dashboard's panels lead to."""
    return [each["url"] for panel in dashboard["panels"] for each in panel.get("links", [])]


@pytest.mark.parametrize("name", FILES)
def test_readme_shows_its_picture(name: str) -> None:
    picture = MONITORING / "pictures" / f"{name}.png"

    assert picture.stat().st_size < 400_000
    assert f"]({picture.relative_to(CHECKOUT)})" in README.read_text(encoding="utf-8")
