import logging

import pytest
import structlog

from service.logs import RepeatFilter, configure_command_logging, configure_logging


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
    configure_command_logging()
    configure_command_logging()
    assert logging.lastResort is not None
    said = [logging.lastResort.filter(line("aiokafka.of_this_test", "no route")) for _ in range(3)]
    assert [bool(each) for each in said] == [True, False, False]


BACKWARDS = "ksed-eht-f0-terc3s"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_local_variables_hold_is_in_no_traceback(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        password = BACKWARDS[::-1]  # The source line is in the traceback.
        raise ValueError(len(password))

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(log_format, "debug")
        try:
            fail()
        except ValueError as error:
            structlog.get_logger("service.app").critical("worker stops", exc_info=error)
            logging.getLogger("faust.agents").exception("agent crashed")
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
    written = capsys.readouterr().err
    assert written.count("in fail") == 2, "the traceback is there"
    assert BACKWARDS[::-1] not in written
