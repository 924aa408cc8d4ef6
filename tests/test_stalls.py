from collections.abc import Mapping

import pytest

from service.stalls import Look, Partition, Stall, StallDetector, Waiting

ONE, TWO = ("articles", 1), ("articles", 2)
MATCHES = ("matches", 0)
LIMIT = 10.0
BACKLOG = Waiting(0, 100_000)


class Worker:
    """Looks at a worker every second; says how many it takes to find it stalled."""

    def __init__(self, waiting: Mapping[Partition, Waiting] | None = None) -> None:
        self.detector = StallDetector(LIMIT)
        self.waiting: dict[Partition, Waiting] | None = {} if waiting is None else {**waiting}
        self.handled: dict[Partition, int] = {}
        self.heartbeat = 0.0
        self.runs = True
        self.joined = True

    def look(self, seconds: float = 1.0) -> Stall | None:
        self.heartbeat += self.runs
        return self.detector.find_stall(
            Look(seconds, self.heartbeat, self.joined, self.waiting, dict(self.handled))
        )

    def handle(self, at: Partition, articles: int = 1) -> None:
        self.handled[at] = self.handled.get(at, 0) + articles

    def watch(self, looks: int = 50) -> tuple[int, Stall] | None:
        for number in range(looks):
            stall = self.look()
            if stall is not None:
                return number, stall
        return None


def test_worker_without_work_does_not_stall() -> None:
    assert Worker({ONE: Waiting(5, 5), MATCHES: Waiting(0, 0)}).watch() is None


def test_worker_without_partitions_does_not_stall() -> None:
    assert Worker().watch() is None


def test_articles_that_wait_for_so_long_are_a_stall() -> None:
    found = Worker({ONE: Waiting(5, 8), TWO: Waiting(1, 1)}).watch()
    # The first look is where the time begins.
    assert found == (LIMIT, Stall("articles wait and none is handled", ONE, 3))


@pytest.mark.parametrize("goes_on", ["commits", "handles"])
def test_partition_that_goes_on_does_not_stall(goes_on: str) -> None:
    worker = Worker({ONE: BACKLOG})
    for number in range(5):
        assert worker.watch(9) is None
        if goes_on == "commits":
            worker.waiting = {ONE: Waiting(number + 1, 100_000)}
        else:
            worker.handle(ONE)


def test_matches_that_wait_are_a_stall_while_articles_go_on() -> None:
    worker = Worker({ONE: BACKLOG, MATCHES: Waiting(0, 1)})
    found = None
    for _ in range(20):
        worker.handle(ONE)
        found = found or worker.look()
    assert found is not None
    assert found.partition == MATCHES


def test_partition_waits_its_turn_while_others_have_a_backlog() -> None:
    worker = Worker({ONE: BACKLOG, TWO: BACKLOG})
    for _ in range(50):
        worker.handle(TWO)
        assert worker.look() is None


def test_partition_waits_until_the_batch_is_done_that_it_is_in() -> None:
    worker = Worker({ONE: Waiting(0, 5), TWO: Waiting(0, 50)})
    worker.handle(ONE, 5)
    for _ in range(50):
        worker.handle(TWO)
        assert worker.look() is None


def test_partition_that_is_passed_over_stalls_though_others_go_on() -> None:
    worker = Worker({ONE: BACKLOG, TWO: BACKLOG})
    found = None
    for _ in range(50):
        worker.handle(TWO, 1000)
        found = found or worker.look()
    assert found is not None
    assert found.partition == ONE


def test_partition_stalls_though_others_go_on_that_have_no_backlog() -> None:
    worker = Worker({ONE: Waiting(0, 1), TWO: Waiting(7, 9)})
    found = None
    for _ in range(20):
        worker.handle(TWO, 200)
        found = found or worker.look()
    assert found is not None
    assert found.partition == ONE


def test_time_without_the_broker_does_not_count() -> None:
    worker = Worker({ONE: BACKLOG})
    assert worker.watch(9) is None
    worker.waiting = None
    assert worker.watch() is None
    worker.waiting = {ONE: BACKLOG}
    assert worker.watch(2) is None
    assert worker.watch(1) is not None


def test_event_loop_that_does_not_run_is_a_stall_with_or_without_a_broker() -> None:
    for waiting in ({ONE: Waiting(1, 1)}, None):
        worker = Worker()
        worker.waiting = waiting
        worker.look()
        worker.runs = False
        assert worker.watch() == (LIMIT - 1, Stall("the event loop does not run"))


def test_event_loop_that_runs_now_and_then_does_not_stall() -> None:
    worker = Worker({ONE: Waiting(1, 1)})
    for _ in range(5):
        worker.runs = False
        assert worker.watch(9) is None
        worker.runs = True
        worker.look()


def test_worker_that_never_gets_into_its_group_stalls() -> None:
    worker = Worker()
    worker.joined = False
    assert worker.watch() == (LIMIT, Stall("it is not in its consumer group"))


def test_rebalance_is_no_stall_and_no_excuse() -> None:
    worker = Worker({ONE: BACKLOG})
    assert worker.watch(9) is None
    worker.joined = False
    assert worker.watch(9) is None
    worker.joined = True
    assert worker.watch(3) is not None


def test_partition_that_another_worker_has_now_is_forgotten() -> None:
    worker = Worker({ONE: BACKLOG})
    assert worker.watch(9) is None
    worker.waiting = {}
    worker.look()
    worker.waiting = {ONE: BACKLOG}
    assert worker.watch(9) is None
