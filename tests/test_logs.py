import logging

from service.logs import RepeatFilter, limit_repeats


def line(name: str, text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, values, None)


def test_lines_of_a_kind_are_written_once_in_ten_seconds() -> None:
    now = 0.0
    repeats = RepeatFilter(["aiokafka"], clock=lambda: now)
    assert repeats.filter(line("aiokafka.client", "no route to %s", "a"))
    assert not repeats.filter(line("aiokafka.client", "no route to %s", "b"))
    assert repeats.filter(line("aiokafka.client", "another kind"))
    assert repeats.filter(line("aiokafka.consumer", "no route to %s", "a"))
    now = 10.0
    assert repeats.filter(line("aiokafka.client", "no route to %s", "c"))


def test_lines_of_our_own_are_all_written() -> None:
    repeats = RepeatFilter(["aiokafka"], clock=lambda: 0.0)
    assert all(repeats.filter(line("service.app", "article alerted")) for _ in range(3))


def test_commands_that_configure_no_logging_repeat_nothing_either() -> None:
    limit_repeats()
    limit_repeats()
    assert logging.lastResort is not None
    said = [logging.lastResort.filter(line("aiokafka.of_this_test", "no route")) for _ in range(3)]
    assert [bool(each) for each in said] == [True, False, False]
