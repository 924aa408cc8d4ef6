"""The legend of a panel: below it in rows, or beside it as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.pictures.lines import Line
from tests.pictures.page import Box, Page
from tests.pictures.values import FAINT, write_value

PAD, TITLE = 10, 30
BESIDE = 228
_ROW, _TABLE_ROWS, _NAME_LETTERS = 18, 8, 20
_SIZE = 8


def leave_room(panel: Mapping[str, Any], box: Box, lines: Sequence[Line]) -> Box:
    """Leave room for title, legend and axes: what remains is for the lines."""
    if panel["options"]["legend"]["placement"] == "right":
        return box.cut(60, TITLE, BESIDE, 26)
    return box.cut(60, TITLE, 14, 30 + _ROW * len(_break_rows(lines, box.w)))


def draw_legend(
    page: Page, box: Box, panel: Mapping[str, Any], lines: Sequence[Line], colors: Sequence[str]
) -> None:
    """Draw the legend where the panel wants it."""
    legend = panel["options"]["legend"]
    if legend["placement"] == "right":
        _draw_table(page, box, panel, list(zip(lines, colors, strict=True)))
        return
    for row, numbers in enumerate(reversed(_break_rows(lines, box.w))):
        x, y = box.x + PAD, box.y + box.h - 13 - _ROW * row
        for each in numbers:
            page.fill(Box(x, y - 2, 12, 4), colors[each])
            page.write(x + 17, y, lines[each].name, size=_SIZE)
            x += _measure(lines[each])


def _draw_table(
    page: Page, box: Box, panel: Mapping[str, Any], named: Sequence[tuple[Line, str]]
) -> None:
    (shown,) = panel["options"]["legend"]["calcs"]
    told = [
        (line.largest if shown == "max" else line.last_known, line.name, color)
        for line, color in named
    ]
    left, right = box.x + box.w - BESIDE + 10, box.x + box.w - 12
    heading = "max" if shown == "max" else "last"
    page.write(right, box.y + 18, heading, size=_SIZE, color=FAINT, ha="right")
    in_order = sorted(told, key=lambda each: (-each[0], each[1]))
    for row, (value, name, color) in enumerate(in_order[:_TABLE_ROWS]):
        y = box.y + TITLE + 8 + row * (box.h - 50) / _TABLE_ROWS
        unit = panel["fieldConfig"]["defaults"]["unit"]
        page.fill(Box(left, y - 2, 12, 4), color)
        page.write(left + 18, y, name[:_NAME_LETTERS], size=_SIZE)
        page.write(right, y, write_value(value, unit), size=_SIZE, ha="right")


def _break_rows(lines: Sequence[Line], width: float) -> list[list[int]]:
    """Break a legend into rows: the numbers of the lines in each."""
    rows: list[list[int]] = [[]]
    x = 0.0
    for number, line in enumerate(lines):
        x += _measure(line)
        if x > width - PAD:
            rows.append([])
            x = _measure(line)
        rows[-1].append(number)
    return rows


def _measure(line: Line) -> float:
    # A letter of this size is about so wide.
    return 28 + 6.2 * len(line.name)
