from collections.abc import Callable

import pytest

from tests.faults.judge import Verdict
from tests.faults.report import keep_row
from tests.faults.scenario import Scenario


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long scenarios out unless they are asked for: `-m faults`."""
    if "faults" in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker("faults")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture
def judge() -> Callable[[Scenario], None]:
    """End a scenario: keep what was found, then hold it to the bars on correctness."""

    def end(scenario: Scenario) -> None:
        verdict = scenario.finish()
        print(keep_row(scenario, verdict), verdict.outcomes)  # noqa: T201, shown where it fails
        hold_to_bars(scenario, verdict)

    return end


@pytest.fixture
def judge_unkept() -> Callable[[Scenario], None]:
    """As `judge`, but the table hears nothing of it."""

    def end(scenario: Scenario) -> None:
        hold_to_bars(scenario, scenario.finish())

    return end


def hold_to_bars(scenario: Scenario, verdict: Verdict) -> None:
    found = [*verdict.lost, *verdict.changed_ids, *verdict.unowed, *verdict.wrong_commits]
    assert found == [], "\n".join(found[:20])
    # What was deleted with its topic is missing, and the audit has to say so.
    assert bool(verdict.audited) == bool(verdict.gone_with_the_topic), verdict.audited[:20]
    # Only a frozen worker may still publish what another has acknowledged: the batch in its hands.
    frozen = scenario.faults.count("SIGSTOP")
    assert verdict.late_repeats <= frozen * scenario.beat.settings.batch_articles
    assert set(scenario.supervisor.stop_codes) <= {0}
