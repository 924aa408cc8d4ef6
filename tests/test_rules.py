"""The alert rules fire when they must, stay quiet when they must, and lead to their runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import CHECKOUT
from tests.alert_rules import (
    ALERT_RULES,
    MONITORING,
    RECORDED,
    RULE_FILES,
    RULES,
    RUNBOOK,
    SECTIONS,
    UNIT_TESTS,
    find_unknown_names,
)
from tests.test_compose import SERVICES
from tests.tools import require_tool

PROMETHEUS: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
EXTERNAL_LABELS: dict[str, str] = PROMETHEUS["global"]["external_labels"]

each_rule = pytest.mark.parametrize("name", ALERT_RULES)


@pytest.mark.parametrize("tests", UNIT_TESTS, ids=lambda path: path.stem)
def test_rules_fire_and_stay_quiet_as_their_unit_tests_say(tests: Path) -> None:
    ran = subprocess.run(  # noqa: S603, the tool just found
        [require_tool("promtool"), "test", "rules", tests.name],
        cwd=tests.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_reads_every_file_of_rules_and_each_has_its_unit_tests() -> None:
    (pattern,) = PROMETHEUS["rule_files"]

    assert sorted(MONITORING.glob(pattern)) == RULE_FILES
    assert [path.name for path in UNIT_TESTS] == [path.name for path in RULE_FILES]


def test_every_rule_has_a_unit_test_that_fires_and_one_that_stays_quiet() -> None:
    fires: set[str] = set()
    quiet: set[str] = set()
    for path in UNIT_TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for looked in test["alert_rule_test"]:
                (fires if looked["exp_alerts"] else quiet).add(looked["alertname"])

    assert fires == ALERT_RULES.keys()
    assert quiet == ALERT_RULES.keys()


@each_rule
def test_notification_says_what_is_wrong_with_numbers_and_where_to_read_on(name: str) -> None:
    rule = ALERT_RULES[name]
    told = rule["annotations"]

    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert told.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" in told["description"]
    # The anchor is for a rendered page; a raw one, as Prometheus serves it, has only its text.
    assert told["runbook_url"] == (
        f"{{{{ $externalLabels.runbook }}}}#{name.lower()}:~:text=%23%23%20{name}"
    )
    assert re.fullmatch(
        r"{{ \$externalLabels\.grafana }}/d/beatwatch-(on-call|desk)\?viewPanel=\d+",
        told["dashboard_url"],
    )


def test_addresses_in_notifications_are_those_of_compose() -> None:
    prometheus = SERVICES["prometheus"]
    address = f"http://{prometheus['ports'][0].rpartition(':')[0]}"
    (assets,) = (
        option.partition("=")[2]
        for option in prometheus["command"]
        if option.startswith("--web.user-assets=")
    )

    assert f"--web.external-url={address}" in prometheus["command"]
    assert EXTERNAL_LABELS["runbook"] == f"{address}/user/{RUNBOOK.name}"
    mounted = f"./{RUNBOOK.relative_to(CHECKOUT)}:{assets}/{RUNBOOK.name}:ro"
    assert mounted in prometheus["volumes"]
    grafana = SERVICES["grafana"]["ports"][0].rpartition(":")[0]
    assert EXTERNAL_LABELS["grafana"] == f"http://{grafana}"


def test_addresses_are_taken_off_the_labels_of_notifications() -> None:
    (relabelling,) = PROMETHEUS["alerting"]["alert_relabel_configs"]

    assert relabelling["action"] == "labeldrop"
    assert set(relabelling["regex"].split("|")) == EXTERNAL_LABELS.keys()


def test_runbook_has_a_section_for_every_rule_in_their_order() -> None:
    order = ["availability", "flow", "alert_delay", "content"]
    wanted = [
        rule["alert"]
        for stem in order
        for group in yaml.safe_load((MONITORING / "rules" / f"{stem}.yml").read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]

    assert list(SECTIONS) == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_name_what_there_is(rule: dict[str, Any]) -> None:
    queries = [rule["expr"], *rule.get("annotations", {}).values()]

    assert [name for query in queries for name in find_unknown_names(query)] == []


def test_a_name_that_nothing_has_is_found() -> None:
    query = (
        "up{job='beatwatch'} + sum(beatwatch_articles_total{outcome='alerted'}) + beatwatch_none"
        " + beatwatch_articles_total{outcome='forgotten'} + beatwatch:none:sum"
    )

    assert find_unknown_names(query) == [
        "beatwatch_none",
        "beatwatch_articles_total{outcome='forgotten'}",
        "beatwatch:none:sum",
    ]


def test_whatever_is_recorded_is_used_by_an_alert_rule() -> None:
    asked = " ".join(
        text
        for rule in ALERT_RULES.values()
        for text in (rule["expr"], *rule["annotations"].values())
    )
    used = {name for name in RECORDED if name in asked}
    used |= {name for name in RECORDED for other in used if name in RECORDED[other]}

    assert used == RECORDED.keys()


def test_prometheus_keeps_twice_what_the_rules_look_back() -> None:
    (kept,) = re.findall(
        r"--storage\.tsdb\.retention\.time=(\d+)d", " ".join(SERVICES["prometheus"]["command"])
    )
    weeks = [int(each) for rule in RULES for each in re.findall(r"\[(\d+)w]", rule["expr"])]

    assert int(kept) >= 2 * 7 * max(weeks)
