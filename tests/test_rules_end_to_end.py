"""Real Kafka, worker, Prometheus and Alertmanager: what breaks is told, and what is mended clears.

The rules and both configurations are those of production, but for addresses and times
(`short_rules`): a minute lasts a second.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.embedded_kafka import EmbeddedKafka
from service.worker_process import WorkerProcess, find_free_port, start_worker
from tests.alert_rules import MONITORING, RULE_FILES
from tests.conftest import KAFKA_CACHE, Beat, create_beat
from tests.kafka_client import produce
from tests.monitoring_servers import read_page, start_server
from tests.short_rules import shorten_rules
from tests.test_alertmanager import CONFIG_FILE, start_alertmanager
from tests.test_worker import native
from tests.tools import require_tool

pytestmark = [pytest.mark.broker, pytest.mark.slow]

PATIENCE_SECONDS = 60.0
SCRAPE_INTERVAL = "500ms"
# These say that we are wrong, whatever happens around us.
OUR_FAULT = {
    "BeatwatchLedgerDoesNotBalance",
    "BeatwatchHandlerFailed",
    "BeatwatchModelsDiffer",
    "BeatwatchDeskHeldTwice",
}


@dataclass(frozen=True, slots=True)
class Monitoring:
    """A Prometheus and an Alertmanager that run, and the file that names workers to the former."""

    prometheus: str
    alertmanager: str
    targets: Path

    def watch(self, worker: WorkerProcess) -> None:
        self.targets.write_text(json.dumps([{"targets": [worker.url.removeprefix("http://")]}]))

    def list_firing(self) -> dict[str, dict[str, Any]]:
        """List what fires, as Prometheus says, by alert rule and reason, if there is one."""
        alerts = json.loads(read_page(f"{self.prometheus}/api/v1/alerts"))["data"]["alerts"]
        return {
            each["labels"]["alertname"] + each["labels"].get("reason", ""): each
            for each in alerts
            if each["state"] == "firing"
        }

    def wait_until_firing(self, *names: str) -> dict[str, dict[str, Any]]:
        return self._wait(lambda firing: set(names) <= firing.keys(), f"{names} do not fire")

    def wait_until_cleared(self, *names: str) -> None:
        self._wait(lambda firing: not set(names) & firing.keys(), f"{names} do not clear")

    def wait_until_inhibited(self, name: str) -> dict[str, Any]:
        """Wait until Alertmanager has a firing alert rule and holds it back."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for each in json.loads(read_page(f"{self.alertmanager}/api/v2/alerts")):
                if each["labels"]["alertname"] == name and each["status"]["inhibitedBy"]:
                    return dict(each)
            time.sleep(0.2)
        pytest.fail(f"{name} is not held back")

    def list_ever_fired(self) -> set[str]:
        query = 'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1h]))'
        answer = json.loads(read_page(f"{self.prometheus}/api/v1/query", query=query))
        return {each["metric"]["alertname"] for each in answer["data"]["result"]}

    def _wait(self, is_reached: Any, otherwise: str) -> dict[str, dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        firing: dict[str, dict[str, Any]] = {}
        while time.monotonic() < deadline:
            firing = self.list_firing()
            if is_reached(firing):
                return firing
            time.sleep(0.2)
        pytest.fail(f"{otherwise}; there fire {sorted(firing)}")


@pytest.fixture
def monitoring(tmp_path: Path) -> Iterator[Monitoring]:
    address = f"127.0.0.1:{find_free_port()}"
    targets = tmp_path / "targets.json"
    with start_alertmanager(CONFIG_FILE, tmp_path) as alertmanager:
        config: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
        config["global"] |= {
            "scrape_interval": SCRAPE_INTERVAL,
            "evaluation_interval": SCRAPE_INTERVAL,
        }
        labels = config["global"]["external_labels"]
        labels["runbook"] = labels["runbook"].replace("127.0.0.1:9090", address)
        (told,) = config["alerting"]["alertmanagers"]
        told["static_configs"] = [{"targets": [alertmanager.removeprefix("http://")]}]
        (job,) = config["scrape_configs"]
        del job["dns_sd_configs"]
        job["file_sd_configs"] = [{"files": [str(targets)]}]
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
        (tmp_path / "rules").mkdir()
        for path in RULE_FILES:
            (tmp_path / "rules" / path.name).write_text(shorten_rules(path.read_text()))
        command = [
            require_tool("prometheus"),
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address={address}",
            f"--web.user-assets={MONITORING}",
        ]
        with start_server(command, f"http://{address}", tmp_path / "prometheus.log"):
            yield Monitoring(f"http://{address}", alertmanager, targets)


@dataclass(frozen=True, slots=True)
class Newsroom:
    """Publishes to the articles topic of one beat."""

    beat: Beat

    def publish(self, batch: str, broken: int = 0) -> None:
        """Publish forty articles, and so many messages that are none."""
        good = [native(f"{batch}-{number}") for number in range(40)]
        bad = [(b"broken", b'{"id": "broken')] * broken
        produce(self.beat.bootstrap, self.beat.settings.articles_topic, [*good, *bad])


def read_runbook(alert: dict[str, Any]) -> str:
    """Read the section that a notification leads to, where it says that it is."""
    page, _, fragment = alert["annotations"]["runbook_url"].partition("#")
    anchor = fragment.partition(":~:")[0]
    sections = re.split(r"^## ", read_page(page), flags=re.MULTILINE)
    return {each.partition("\n")[0].lower(): each for each in sections}[anchor]


def test_what_breaks_is_told_and_what_is_mended_clears(
    monitoring: Monitoring, tmp_path: Path
) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka", cache_dir=KAFKA_CACHE)
    with ExitStack() as cleanup:
        cleanup.callback(kafka.stop)
        kafka.start()
        beat = create_beat(kafka, BEATWATCH_INSTANCE_ID="one")
        newsroom = Newsroom(beat)
        worker = cleanup.enter_context(start_worker(beat.environ, tmp_path))
        worker.wait_until_ready()
        monitoring.watch(worker)
        newsroom.publish("quiet")
        worker.wait_for_ledger(40)
        # Before Prometheus has seen the counters at rest, it does not know by how much they grow.
        monitoring.wait_until_cleared("BeatwatchDown", "BeatwatchNotReady")

        newsroom.publish("flood", broken=40)
        alert = monitoring.wait_until_firing("BeatwatchRejectionsinvalid_json")
        assert "invalid_json" in alert["BeatwatchRejectionsinvalid_json"]["annotations"]["summary"]

        kafka.kill()
        firing = monitoring.wait_until_firing("BeatwatchBrokerAway", "BeatwatchNotReady")
        assert "broker (1)" in firing["BeatwatchNotReady"]["annotations"]["description"]
        assert "bring Kafka back" in read_runbook(firing["BeatwatchBrokerAway"]).replace(
            "b", "B", 1
        )
        notified = monitoring.wait_until_inhibited("BeatwatchNotReady")
        assert not {"grafana", "runbook"} & notified["labels"].keys()

        kafka.start()
        newsroom.publish("after")
        monitoring.wait_until_cleared("BeatwatchBrokerAway", "BeatwatchNotReady")
        monitoring.wait_until_cleared("BeatwatchRejectionsinvalid_json", "BeatwatchNoArticles")

        worker.process.kill()
        monitoring.wait_until_firing("BeatwatchDown")
        other = cleanup.enter_context(start_worker(beat.environ, tmp_path))
        other.wait_until_ready()
        monitoring.watch(other)
        newsroom.publish("restarted")
        other.wait_for_ledger(40)
        monitoring.wait_until_cleared("BeatwatchDown", "BeatwatchNotReady", "BeatwatchStalled")
        other.drain()

    assert not OUR_FAULT & monitoring.list_ever_fired()
