"""What an operator finds who runs `beatwatch audit` after it all."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

from service.settings import CHECKOUT

_PATIENCE_SECONDS = 300


def run_audit(environ: Mapping[str, str]) -> list[str]:
    """Run the command, and list what is missing or changed."""
    done = subprocess.run(
        [sys.executable, "-m", "service", "audit", "--json"],
        env={**os.environ, **environ},
        cwd=CHECKOUT,
        capture_output=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr.decode()
    found = json.loads(done.stdout)
    findings = [f"{e['place']} {e['id']} {e['found']}: {e['what']}" for e in found["findings"]]
    assert found["clean"] == (done.returncode == 0)
    return [*findings, *found["alert_faults"]]
