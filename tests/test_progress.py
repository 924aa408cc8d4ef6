import io

import pytest

from service.progress import show_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_piped_gets_a_line_now_and_then() -> None:
    stream = io.StringIO()
    clock = iter([0.0, 1.0, 4.9, 5.0, 5.0, 6.0, 9.8, 9.9, 10.0, 10.0])
    shown = show_progress(range(7), stream=stream, now=lambda: next(clock))
    assert list(shown) == list(range(7))
    assert stream.getvalue() == "3 articles so far\n7 articles so far\n"


def test_terminal_gets_a_bar_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert list(show_progress(range(1234))) == list(range(1234))
    assert "1,234 articles" in screen.getvalue()
    assert "\x1b" in screen.getvalue()
    assert capsys.readouterr().out == ""
