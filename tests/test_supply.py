"""What the service is made of is listed, and what is known against it is told honestly."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from tests.bill_of_materials import LOCKED, find_licence, write_bill
from tests.dependency_audit import judge_report
from tests.tools import REQUIRE_ALL


def test_bill_lists_every_locked_package_with_its_version_and_licence(tmp_path: Path) -> None:
    if importlib.util.find_spec("cyclonedx_py") is None and not REQUIRE_ALL:
        pytest.skip("cyclonedx-bom is not installed")
    bill = write_bill(tmp_path / "sbom.json")
    lines = LOCKED.read_text(encoding="utf-8").splitlines()
    pins = [re.match(r"([\w.-]+)(?:\[.*\])?==([\w.!+-]+)", line) for line in lines]
    locked = {pin[1]: pin[2] for pin in pins if pin}
    assert len(locked) > 40
    components = bill["components"]
    assert {each["name"]: each["version"] for each in components} == locked
    assert all(each["purl"].startswith("pkg:pypi/") for each in components)
    licensed = {each["name"] for each in components if "licenses" in each}
    named = {name for name, version in locked.items() if find_licence(name, version)}
    assert licensed == named
    assert {"aiokafka", "faust-streaming", "numpy", "pydantic", "scikit-learn"} <= licensed
    assert bill["metadata"]["component"]["name"] == "beatwatch"


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        ("pydantic", {"expression": "MIT", "acknowledgement": "declared"}),
        ("no-such-package", None),
    ],
)
def test_licence_is_what_the_installed_package_says(
    package: str, licence: dict[str, Any] | None
) -> None:
    versions = re.findall(rf"^{package}==(\S+)", LOCKED.read_text(), re.MULTILINE) or ["1"]
    assert find_licence(package, versions[0]) == licence


CLEAN: dict[str, Any] = {"name": "clean", "version": "1", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}
VULNERABLE = {
    "name": "weak",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}],
}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([CLEAN], 0, ["audit: 1 of 1 packages asked about, 0 found"]),
        (
            [CLEAN, UNKNOWN],
            0,
            ["audit: 1 of 2 packages asked about, 0 found", "audit SKIPPED for unknown"],
        ),
        (
            [CLEAN, VULNERABLE],
            1,
            ["weak 2: PYSEC-1, fixed in 2.1", "audit: 2 of 2 packages asked about, 1 found"],
        ),
        ([UNKNOWN], 0, ["audit SKIPPED: no advisories from here for any of 1 packages"]),
    ],
)
def test_audit_never_calls_clean_what_nobody_was_asked_about(
    packages: list[dict[str, Any]], code: int, told: list[str]
) -> None:
    assert judge_report({"dependencies": packages}) == (code, told)


def test_audit_without_network_says_that_it_was_skipped() -> None:
    assert judge_report(None) == (0, ["audit SKIPPED: no advisories can be had from here"])
