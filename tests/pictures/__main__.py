"""Play the scenario and draw both dashboards: `make pictures`."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.dashboards import DASHBOARDS, MONITORING
from tests.pictures.drawing import draw_dashboard
from tests.pictures.scenario import play_scenario

PICTURES = MONITORING / "pictures"


def main() -> None:
    """Play the scenario and draw both dashboards."""
    program = shutil.which("prometheus")
    if program is None:
        sys.exit("pictures need prometheus on PATH")
    with (
        tempfile.TemporaryDirectory(prefix="beatwatch-") as folder,
        play_scenario(program, Path(folder)) as (prometheus, span),
    ):
        PICTURES.mkdir(exist_ok=True)
        for name, dashboard in DASHBOARDS.items():
            path = PICTURES / f"{name}.png"
            draw_dashboard(prometheus, span, dashboard, path)
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
