"""All parts of the benchmark, one after the other, into benchmarks/RESULTS.md: `make bench`.

The numbers are this machine's; the ratios, taken in one run, are what to compare.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks import backfill, delay, labelling, scaling, start_up, throughput
from benchmarks.contenders import QUIX_REQUIREMENTS
from benchmarks.ground import Ground, open_ground
from benchmarks.tables import Section, write_table
from service.kafka_jars import KAFKA_VERSION

REPORT = Path(__file__).with_name("RESULTS.md")
_PACKAGES = (
    "faust-streaming",
    "aiokafka",
    "scikit-learn",
    "numpy",
    "scipy",
    "confluent-kafka",
)
_BROKER_PARTS: tuple[Callable[[Ground], Section], ...] = (
    throughput.measure,
    delay.measure,
    scaling.measure_workers,
    scaling.measure_seeds,
    start_up.measure,
    backfill.measure,
)
_REPORT = """\
# How fast it is

Written by `make bench` in {minutes:.0f} minutes on {machine}. When it began, {load:.1f} processes
had a core or waited for one (mean of a minute). Versions: {versions}.
The numbers are this machine's; the ratios were measured in one run, in turns.

## What it is held to

{bars}

{sections}"""


def main() -> None:
    """Measure all parts, and write the report."""
    begun = time.monotonic()
    load_processes = os.getloadavg()[0]
    sections = []
    for section in _measure_all():
        sections.append(section)
        sys.stdout.write(f"{section.write()}\n")
        sys.stdout.flush()
    bars = [
        [bar.name, bar.wanted, bar.measured, "holds" if bar.holds else "does not hold"]
        for section in sections
        for bar in section.bars
    ]
    report = _REPORT.format(
        minutes=(time.monotonic() - begun) / 60,
        machine=_describe_machine(),
        load=load_processes,
        versions=", ".join(_list_versions()),
        bars=write_table(["", "bar", "measured", ""], bars),
        sections="\n".join(section.write() for section in sections),
    )
    REPORT.write_text(report, encoding="utf-8")


def _measure_all() -> Iterator[Section]:
    yield labelling.measure()
    with open_ground() as ground:
        yield from (measure(ground) for measure in _BROKER_PARTS)


def _describe_machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), {gigabytes:.0f} GB, {platform.system()}"


def _list_versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    yield f"Apache Kafka {KAFKA_VERSION}"
    for package in _PACKAGES:
        yield f"{package} {version(package)}"
    for line in QUIX_REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("quixstreams=="):
            yield line.rstrip("\\ ").replace("==", " ")


if __name__ == "__main__":
    main()
