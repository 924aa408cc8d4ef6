import re
import sys

import pytest

from service.boilerplate import (
    _BOILERPLATE,
    _FURNITURE_MAX_CHARACTERS,
    find_marks,
    is_boilerplate,
)
from tests.pattern_lines import make_lines

ALTERNATIVES = [
    re.compile(line.strip().removeprefix("| "), _BOILERPLATE.flags)
    for line in _BOILERPLATE.pattern.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("alternative", ALTERNATIVES, ids=lambda each: ascii(each.pattern[:40]))
def test_every_line_of_a_pattern_is_boilerplate(alternative: re.Pattern[str]) -> None:
    lines = [*make_lines(alternative, 2000)]
    assert lines
    short = [line for line in lines if len(line) <= _FURNITURE_MAX_CHARACTERS]
    assert [line for line in short if not is_boilerplate(line)] == []
    assert [line for line in short if not is_boilerplate(line, find_marks(f"\n{line}\n"))] == []


def test_patterns_take_these_letters_alone_for_letters_of_ascii() -> None:
    found = {
        letter
        for letter in map(chr, range(0x80, sys.maxunicode + 1))
        if re.fullmatch("[a-z]", letter, re.IGNORECASE)
    }
    assert found == {"\u017f", "\u0131", "\u0130", "\u212a"}


@pytest.mark.parametrize(
    "line",
    [
        "\u017fhare on Facebook",
        "Po\u017fted on 3 May",
        "L\u0131ve blog",
        "\u0130n pictures: the crossing",
        "Brea\u212aing news",
        "Asad Khan \u0130S A reporter covering the border",
        "Asad Khan \u0131\u017f a reporter covering the border",
        "Muhammad-Asadullah Khan-Durrani wA\u017f The reporter for Dawn",
        "Muhammad-Asadullah Khan-Durrani \u0130s a reporter for Dawn",
        "\u212aeywords: Swat",
    ],
)
def test_letters_taken_for_others_hide_no_boilerplate(line: str) -> None:
    assert _BOILERPLATE.fullmatch(line)
    assert is_boilerplate(line)


@pytest.mark.parametrize("bar", ["|", "»", "\u203a", "•", "·"])
def test_three_bars_make_a_menu(bar: str) -> None:
    assert is_boilerplate(f"Punjab {bar} Sindh {bar} Balochistan {bar} Gilgit")
    assert not is_boilerplate(f"Punjab {bar} Sindh")
