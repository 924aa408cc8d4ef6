"""Workers die, freeze, come and go; nothing is lost and nothing said twice differently."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.plan import Plan
from tests.faults.scenario import Scenario

pytestmark = [pytest.mark.faults, pytest.mark.broker]


@pytest.mark.parametrize("static", [False, True], ids=["default", "static"])
@pytest.mark.parametrize(("kills", "rate"), [(1, 700), (3, 400), (20, 80)])
def test_worker_killed_loses_nothing(
    kills: int, rate: int, *, static: bool, tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    membership = "static membership" if static else "default"
    # Static workers are back sooner, so that the same faults take less time.
    plan = Plan(
        f"kill -9, {kills} ×, {membership}", rate=rate * (2 if static else 1), static=static
    )
    with Scenario(plan, tmp_path) as scenario:
        for _ in range(kills):
            scenario.wait_for_outcomes()
            with scenario.fault("kill -9"):
                scenario.supervisor.kill(0)
            scenario.supervisor.start(0)
        judge(scenario)


def test_worker_told_to_stop_20_times_ends_with_0_and_loses_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    with Scenario(Plan("SIGTERM, 20 ×", rate=200), tmp_path) as scenario:
        for _ in range(20):
            scenario.wait_for_outcomes()
            with scenario.fault("SIGTERM"):
                scenario.supervisor.terminate(0)
            scenario.supervisor.start(0)
        judge(scenario)


def test_workers_told_to_stop_together_end_with_0_and_lose_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    # Each has to join the group again while it drains, as the other leaves.
    plan = Plan("SIGTERM of two of three workers together, 10 ×", rate=250, workers=3)
    with Scenario(plan, tmp_path) as scenario:
        for _ in range(10):
            scenario.wait_for_outcomes()
            with scenario.fault("SIGTERM"):
                scenario.supervisor.terminate(1, 2)
            for worker in [scenario.supervisor.start(number) for number in (1, 2)]:
                worker.wait_until_ready()
        judge(scenario)


def test_frozen_worker_that_comes_back_as_a_zombie_does_no_harm(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan("SIGSTOP for 15 s of one of two workers, 3 ×", rate=250, workers=2)
    with Scenario(plan, tmp_path) as scenario:
        for number in (0, 1, 0):
            scenario.wait_for_outcomes()
            with scenario.fault("SIGSTOP"):
                scenario.supervisor.freeze(number)
                # Half as long again as the session lasts: the other one has all partitions by then.
                scenario.pass_time(15)
                scenario.supervisor.thaw(number)
        judge(scenario)


def test_workers_that_join_and_leave_lose_nothing(
    tmp_path: Path, judge: Callable[[Scenario], None]
) -> None:
    plan = Plan("2nd and 3rd worker join, leave, join, are killed", rate=300)
    with Scenario(plan, tmp_path) as scenario:
        keep = scenario.supervisor
        for leave in (keep.terminate, keep.kill):
            for number in (1, 2):
                scenario.wait_for_outcomes()
                with scenario.fault("join"):
                    keep.start(number).wait_until_ready()
            for number in (2, 1):
                scenario.wait_for_outcomes()
                with scenario.fault(leave.__name__):
                    leave(number)
        judge(scenario)
