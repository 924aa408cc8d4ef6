"""Programs that some tests need and a machine may lack."""

import os
import shutil

import pytest

# Taken out of the environment, where the service would find a setting it does not know.
REQUIRE_ALL = os.environ.pop("BEATWATCH_REQUIRE_ALL", "") == "1"


def require_tool(name: str) -> str:
    """Find a program on PATH; skip the test without it, or fail it with BEATWATCH_REQUIRE_ALL=1."""
    path = shutil.which(name)
    if path is not None:
        return path
    if REQUIRE_ALL:
        pytest.fail(f"{name} is not on PATH, and BEATWATCH_REQUIRE_ALL=1 lets nothing skip")
    pytest.skip(f"{name} is not on PATH")
