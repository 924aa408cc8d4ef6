"""The service's bill of materials (CycloneDX): `python -m tests.bill_of_materials FILE`."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from service.settings import CHECKOUT

LOCKED = CHECKOUT / "requirements" / "service.txt"
# What sets are written in the licence field by packages from before licence expressions.
LONGEST_LICENCE_NAME = 80


def write_bill(path: Path) -> dict[str, Any]:
    """Write what the service is made of: every locked package, its version, hashes and licence.

    Licences are those that the installed packages name; a package that is locked for another
    platform or Python only is not installed, and has none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(  # noqa: S603, our own arguments
        [
            *(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(LOCKED)),
            *("--pyproject", str(CHECKOUT / "pyproject.toml")),
            *("--output-reproducible", "--output-file", str(path)),
        ],
        check=True,
    )
    bill: dict[str, Any] = json.loads(path.read_bytes())
    for component in bill["components"]:
        # The tool's own is the lock file's line, with all hashes once more.
        del component["description"]
        if licence := find_licence(component["name"], component["version"]):
            component["licenses"] = [licence]
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    return bill


def find_licence(name: str, version: str) -> dict[str, Any] | None:
    """Find what an installed package says of its licence, in CycloneDX' words."""
    try:
        package = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if package["Version"] != version:
        return None
    if "License-Expression" in package:
        return {"expression": package["License-Expression"], "acknowledgement": "declared"}
    named = package["License"] if "License" in package else ""  # noqa: SIM401, it is no dict
    if not 0 < len(named) <= LONGEST_LICENCE_NAME:  # Some put the whole text there.
        classified = [
            classifier.rpartition(" :: ")[2]
            for classifier in package.get_all("Classifier") or []
            if classifier.startswith("License :: ")
        ]
        named = " or ".join(classified)
    return {"license": {"name": named, "acknowledgement": "declared"}} if named else None


if __name__ == "__main__":
    out = Path(sys.argv[1])
    listed = write_bill(out)["components"]
    without = [component["name"] for component in listed if "licenses" not in component]
    sys.stdout.write(f"{out}: {len(listed)} packages; without licence: {without or 'none'}\n")
