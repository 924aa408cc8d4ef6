from service.commits import CommitClock
from service.stalls import Waiting

ONE, TWO = ("articles", 1), ("articles", 2)
MATCHES = ("matches", 0)


def test_nothing_is_late_while_nothing_waits() -> None:
    clock = CommitClock()
    for _ in range(20):
        assert not clock.note({ONE: Waiting(5, 5), MATCHES: Waiting(0, 0)}, 5.0)
    assert clock.late_seconds == {"articles": 0, "matches": 0}


def test_time_counts_while_articles_wait_and_nothing_is_committed() -> None:
    clock = CommitClock()
    clock.note({ONE: Waiting(5, 9)}, 5.0)
    assert clock.late_seconds == {"articles": 0}, "nobody knows yet since when"
    for _ in range(3):
        assert not clock.note({ONE: Waiting(5, 9)}, 5.0)
    assert clock.late_seconds == {"articles": 15}
    assert clock.list_late({ONE: Waiting(5, 9), TWO: Waiting(1, 1)}, 14) == [ONE]
    assert clock.list_late({ONE: Waiting(5, 9), TWO: Waiting(1, 1)}, 15) == []


def test_commit_of_any_partition_of_the_topic_begins_it_anew() -> None:
    clock = CommitClock()
    for _ in range(3):
        clock.note({ONE: Waiting(5, 9), TWO: Waiting(0, 100)}, 5.0)
    assert clock.note({ONE: Waiting(5, 9), TWO: Waiting(64, 100)}, 5.0) == {"articles"}
    assert clock.late_seconds == {"articles": 0}


def test_desk_is_late_by_itself_while_articles_go_on() -> None:
    clock = CommitClock()
    advanced = [
        clock.note({ONE: Waiting(number, 9), MATCHES: Waiting(0, 3)}, 5.0) for number in range(4)
    ]
    assert advanced == [set(), {"articles"}, {"articles"}, {"articles"}]
    assert clock.late_seconds == {"articles": 0, "matches": 15}
    assert clock.list_late({ONE: Waiting(4, 9), MATCHES: Waiting(0, 3)}, 14) == [MATCHES]


def test_what_came_to_wait_no_more_is_not_late() -> None:
    clock = CommitClock()
    for _ in range(3):
        clock.note({ONE: Waiting(5, 6)}, 5.0)
    clock.note({ONE: Waiting(6, 6)}, 5.0)
    assert clock.late_seconds == {"articles": 0}


def test_partition_that_is_new_has_not_advanced_and_one_that_went_is_not_late() -> None:
    clock = CommitClock()
    clock.note({ONE: Waiting(5, 9)}, 5.0)
    clock.note({ONE: Waiting(5, 9)}, 5.0)
    assert not clock.note({MATCHES: Waiting(7, 7)}, 5.0)
    assert clock.late_seconds == {"matches": 0}
