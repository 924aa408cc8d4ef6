"""What a process took of the machine, as Linux counts it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
# /proc/<pid>/stat after the name in brackets: utime and stime are its 14th and 15th fields.
_TIMES = slice(11, 13)


class Usage(NamedTuple):
    """CPU time since the process began, resident memory, and the most there was of it."""

    cpu_seconds: float
    memory_bytes: int
    peak_bytes: int


def read_usage(pids: Iterable[int]) -> Usage:
    """Read what processes took: CPU time of all together, memory of the largest."""
    each = [_read_usage(Path("/proc", str(pid))) for pid in pids]
    return Usage(
        sum(usage.cpu_seconds for usage in each),
        max(usage.memory_bytes for usage in each),
        max(usage.peak_bytes for usage in each),
    )


def _read_usage(process: Path) -> Usage:
    fields = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    lines = (process / "status").read_text(encoding="ascii").splitlines()
    sizes = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in lines)
        if name in ("VmRSS", "VmHWM")
    }
    return Usage(
        sum(int(ticks) for ticks in fields[_TIMES]) * _TICK_SECONDS,
        sizes["VmRSS"],
        sizes["VmHWM"],
    )
