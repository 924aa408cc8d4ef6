"""What Prometheus and Grafana are given fits together, and fits the service."""

import subprocess
from typing import Any

import yaml

from service.settings import Settings
from tests.dashboards import GRAFANA, MONITORING
from tests.test_compose import SERVICES
from tests.tools import require_tool

SCRAPING: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
JOB: dict[str, Any] = SCRAPING["scrape_configs"][0]


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
