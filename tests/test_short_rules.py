"""Shortened rules differ from those of production in their times, and in nothing else."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.alert_rules import RULE_FILES, RULES
from tests.short_rules import shorten_query, shorten_rules
from tests.tools import require_tool


@pytest.mark.parametrize(
    ("query", "short"),
    [
        ("rate(articles_total[5m])", "rate(articles_total[5000ms])"),
        (
            "max_over_time(a:rate5m[1d] offset 1h)",
            "max_over_time(a:rate5m[1440000ms] offset 60000ms)",
        ),
        ("time() - a > 30 * 60", "time() - a > 30 * 1"),
        ("time() - a > 8 * 3600", "time() - a > 8 * 60"),
        ('a{le="30.0"} > 60 and b > 14.4 * 0.01', 'a{le="30.0"} > 60 and b > 14.4 * 0.01'),
    ],
)
def test_times_become_a_sixtieth(query: str, short: str) -> None:
    assert shorten_query(query) == short


@pytest.mark.parametrize("file", RULE_FILES, ids=lambda path: path.stem)
def test_no_time_is_left_as_it_was_and_all_else_is(file: Path, tmp_path: Path) -> None:
    text = file.read_text()
    short = shorten_rules(text)
    times = r"\d+(?:ms|[smhdw])\b|(?<=\d \* )\d+\b"

    def leave_times_out(rules: str) -> object:
        return yaml.safe_load(re.sub(times, "T", yaml.safe_dump(yaml.safe_load(rules), width=999)))

    for found in re.findall(r"(?:for|interval): (\S+)|\[(\w+)]|offset (\w+)", short):
        assert "".join(found).endswith("ms")
    assert leave_times_out(short) == leave_times_out(text)
    path = tmp_path / file.name
    path.write_text(short)
    subprocess.run([require_tool("promtool"), "check", "rules", path], check=True)  # noqa: S603, the tool just found


def test_bounds_of_times_are_written_so_that_they_can_be_shortened() -> None:
    bounded = [
        rule["expr"] for rule in RULES if re.search(r"time\(\) -|drain_seconds >", rule["expr"])
    ]

    assert len(bounded) == 4
    assert all(re.search(r"> \d+ \* (60|3600)\b", query) for query in bounded)
