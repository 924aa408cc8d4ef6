"""Who is told of which alert rule, and what is held back; asked of a real Alertmanager."""

import json
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.settings import CHECKOUT
from service.worker_process import find_free_port
from tests.alert_rules import ALERT_RULES, MONITORING
from tests.monitoring_servers import post_json, read_page, start_server
from tests.test_compose import SERVICES
from tests.tools import require_tool

PATIENCE_SECONDS = 30.0
CONFIG_FILE = MONITORING / "alertmanager.yml"
CONFIG: dict[str, Any] = yaml.safe_load(CONFIG_FILE.read_text())
PROMETHEUS: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())


def run_amtool(*arguments: str | Path) -> str:
    ran = subprocess.run(  # noqa: S603, the tool just found
        [require_tool("amtool"), *arguments], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_alertmanager_accepts_its_configuration() -> None:
    assert "SUCCESS" in run_amtool("check-config", CONFIG_FILE)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=page"], "page"),
        (["severity=ticket"], "ticket"),
        (["severity=forgotten"], "ticket"),
        ([], "ticket"),
    ],
)
def test_severity_decides_who_is_told(labels: list[str], receiver: str) -> None:
    routes = ("config", "routes", "test", "--config.file", CONFIG_FILE)

    assert run_amtool(*routes, "alertname=BeatwatchDown", *labels) == receiver


def test_prometheus_tells_the_alertmanager_of_compose() -> None:
    (alertmanager,) = PROMETHEUS["alerting"]["alertmanagers"]
    port = SERVICES["alertmanager"]["ports"][0].rpartition(":")[2]

    assert alertmanager["static_configs"] == [{"targets": [f"alertmanager:{port}"]}]


def test_secrets_are_in_files_that_compose_mounts_and_git_ignores() -> None:
    text = CONFIG_FILE.read_text()
    files = re.findall(r"\w+_file: (\S+)", text)
    volumes = SERVICES["alertmanager"]["volumes"]

    assert {Path(file).parent for file in files} == {Path("/etc/alertmanager/secrets")}
    assert "./secrets:/etc/alertmanager/secrets:ro" in volumes
    assert f"./{CONFIG_FILE.relative_to(CHECKOUT)}:/etc/alertmanager/alertmanager.yml:ro" in volumes
    assert "secrets/" in (CHECKOUT / ".gitignore").read_text().splitlines()
    assert not re.search(r"(routing_key|api_url|password|token|credentials): ", text)


def test_inhibitions_name_alert_rules_that_exist() -> None:
    matchers = [
        matcher
        for rule in CONFIG["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
    ]

    for matcher in set(matchers) - {'alertname =~ "Beatwatch.+"'}:
        pattern = matcher.partition("=")[2].lstrip("~").strip().strip('"')
        alternatives = re.fullmatch(r"(\w+)\(([\w|]+)\)", pattern)
        names = {pattern}
        if alternatives:
            names = {alternatives[1] + each for each in alternatives[2].split("|")}
        assert names <= ALERT_RULES.keys(), matcher


@contextmanager
def start_alertmanager(config: Path, folder: Path) -> Iterator[str]:
    address = f"127.0.0.1:{find_free_port()}"
    command = [
        require_tool("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with start_server(command, f"http://{address}", folder / "alertmanager.log"):
        yield f"http://{address}"


def fire(url: str, names: set[str]) -> None:
    """Tell Alertmanager that these fire, as Prometheus does."""
    post_json(
        f"{url}/api/v2/alerts",
        [
            {
                "labels": {"alertname": name, **ALERT_RULES[name]["labels"], "instance": "one"},
                "annotations": {
                    kind: f"{kind} of {name}" for kind in ALERT_RULES[name]["annotations"]
                },
            }
            for name in names
        ],
    )


def read_alerts(url: str) -> dict[str, list[str]]:
    """Read which alert rules fire, by name without its prefix, and what holds each back."""
    shown = json.loads(read_page(f"{url}/api/v2/alerts"))
    return {
        each["labels"]["alertname"].removeprefix("Beatwatch"): each["status"]["inhibitedBy"]
        for each in shown
    }


def list_free(shown: dict[str, list[str]]) -> set[str]:
    return {name for name, held_back_by in shown.items() if not held_back_by}


FLOW = {"LagGrowing", "Stalled", "NoArticles", "AlertDelayBurnsFast", "AlertDelayBurnsSlowly"}
ALL = {name.removeprefix("Beatwatch") for name in ALERT_RULES}


@pytest.mark.parametrize(
    ("fires", "told"),
    [
        pytest.param(ALL, {"Down"}, id="no worker runs"),
        pytest.param(
            {
                *("BrokerAway", "NotReady", "WorkerNotReady", "PartitionsUnread", "DeskMissing"),
                *("Restarting", "WorkerDown", "RebalanceStorm", "DeadLettersWaiting"),
                *FLOW,
            },
            {"BrokerAway", "DeadLettersWaiting"},
            id="Kafka is away",
        ),
        pytest.param(
            {"NotReady", "WorkerNotReady", "PartitionsUnread", "DeskMissing", *FLOW},
            {"NotReady"},
            id="no worker is ready",
        ),
        pytest.param(
            {"Stalled", "LagGrowing", "NoArticles", "AlertDelayBurnsFast"},
            {"Stalled"},
            id="stalled",
        ),
        pytest.param(
            {"NoArticles", "AlertSilence", "WorkerDown"}, {"NoArticles", "WorkerDown"}, id="quiet"
        ),
        pytest.param(
            {"AlertDelayBurnsFast", "AlertDelayBurnsSlowly", "Rejections", "HandlerFailed"},
            {"AlertDelayBurnsFast", "Rejections", "HandlerFailed"},
            id="slow, and something else",
        ),
    ],
)
def test_what_follows_from_a_cause_is_held_back(
    fires: set[str], told: set[str], tmp_path: Path
) -> None:
    with start_alertmanager(CONFIG_FILE, tmp_path) as url:
        fire(url, {f"Beatwatch{name}" for name in fires})
        shown = read_alerts(url)
        deadline = time.monotonic() + PATIENCE_SECONDS
        # What holds others back has to be seen by Alertmanager's inhibitor first.
        while list_free(shown) != told and time.monotonic() < deadline:
            time.sleep(0.05)
            shown = read_alerts(url)

    assert shown.keys() == fires
    assert list_free(shown) == told


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent, as PagerDuty and Slack would."""

    received: "queue.Queue[dict[str, Any]]" = queue.Queue()

    def do_POST(self) -> None:
        self.received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202 if self.path == "/pager" else 200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the name is inherited
        pass


def test_pages_and_tickets_say_what_is_wrong_and_link_to_the_runbook(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "pagerduty_routing_key").write_text("a-key")
    (tmp_path / "slack_webhook_url").write_text(f"{address}/chat")
    config: dict[str, Any] = yaml.safe_load(
        CONFIG_FILE.read_text().replace("/etc/alertmanager/secrets", str(tmp_path))
    )
    config["receivers"][0]["pagerduty_configs"][0]["url"] = f"{address}/pager"
    config["route"]["group_wait"] = config["route"]["routes"][0]["group_wait"] = "0s"
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))

    try:
        with start_alertmanager(file, tmp_path) as url:
            fire(url, {"BeatwatchBrokerAway"})
            page = Receiver.received.get(timeout=30)
            fire(url, {"BeatwatchRejections"})
            ticket = Receiver.received.get(timeout=30)
    finally:
        server.shutdown()
        server.server_close()

    assert page["routing_key"] == "a-key"
    assert page["event_action"] == "trigger"
    assert page["payload"]["summary"] == "summary of BeatwatchBrokerAway"
    assert "description of BeatwatchBrokerAway" in page["payload"]["custom_details"]["description"]
    assert {link["text"]: link["href"] for link in page["links"]} == {
        "Runbook": "runbook_url of BeatwatchBrokerAway",
        "Dashboard": "dashboard_url of BeatwatchBrokerAway",
    }
    (told,) = ticket["attachments"]
    assert told["title"] == "summary of BeatwatchRejections"
    assert told["title_link"] == "runbook_url of BeatwatchRejections"
    assert "description of BeatwatchRejections" in told["text"]
