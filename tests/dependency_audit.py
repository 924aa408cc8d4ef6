"""Known vulnerabilities of the locked packages: `python -m tests.dependency_audit`.

pip-audit says "No known vulnerabilities found" also of packages that it could ask nobody about,
as behind a registry proxy without advisories. Here those count as not audited, and are told.
"""

import json
import subprocess
import sys
from typing import Any

from tests.bill_of_materials import LOCKED

SECONDS = 120


def ask_for_advisories() -> dict[str, Any] | None:
    """Ask pip-audit about every locked package; none where it cannot ask."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--requirement", str(LOCKED), "--progress-spinner", "off", "--format", "json"]
    try:
        ended = subprocess.run(  # noqa: S603, our own arguments
            command, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    try:
        report: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:  # It has said why on standard error: no network, no such module.
        sys.stderr.write((ended.stderr.splitlines() or ["pip-audit said nothing"])[-1] + "\n")
        return None
    return report


def judge_report(report: dict[str, Any] | None) -> tuple[int, list[str]]:
    """Say what an audit found: an exit code (1 with a vulnerability) and lines for people."""
    if report is None:
        return 0, ["audit SKIPPED: no advisories can be had from here"]
    packages = report["dependencies"]
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return 0, [f"audit SKIPPED: no advisories from here for any of {len(packages)} packages"]
    found = [
        f"{package['name']} {package['version']}: {each['id']}, fixed in "
        f"{', '.join(each['fix_versions']) or 'no release yet'}"
        for package in asked
        for each in package["vulns"]
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    told = f"audit: {len(asked)} of {len(packages)} packages asked about, {len(found)} found"
    return int(bool(found)), [*found, told, *(f"audit SKIPPED for {name}" for name in skipped)]


if __name__ == "__main__":
    code, lines = judge_report(ask_for_advisories())
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(code)
