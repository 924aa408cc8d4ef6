"""How far a long command has come: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Callable, Generator, Iterable
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

# Often enough to see that it goes on, seldom enough for a log.
LINE_SECONDS = 5.0

_T = TypeVar("_T")


def show_progress(
    articles: Iterable[_T],
    *,
    stream: TextIO | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Generator[_T, None, None]:
    """Hand on articles and show how many there have been, as there is no telling how many come.

    Args:
        articles: counted as they are handed on.
        stream: standard error by default, so that standard output has results alone.
        now: the clock, in seconds.
    """
    stream = stream or sys.stderr
    return _draw_bar(articles) if stream.isatty() else _write_lines(articles, stream, now)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")


def _draw_bar(articles: Iterable[_T]) -> Generator[_T, None, None]:
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} articles"), _RateColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        yield from progress.track(articles, total=None)


def _write_lines(
    articles: Iterable[_T], stream: TextIO, now: Callable[[], float]
) -> Generator[_T, None, None]:
    due = now() + LINE_SECONDS
    for number, article in enumerate(articles, 1):
        yield article
        if now() >= due:
            print(f"{number} articles so far", file=stream, flush=True)
            due = now() + LINE_SECONDS
