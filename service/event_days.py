"""A report -> the day of what it reports: "on Monday", "yesterday", "March 11"."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS_AGO = {"today": 0, "tonight": 0, "yesterday": 1}
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_DAY = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")

_NEWS_DAYS = timedelta(days=7)

# "Talks will begin", "is due to leave"; in a headline also "Envoy to visit Kabul".
_FORETOLD = re.compile(
    r"\b(?:will|shall|(?:is|are) (?:set|due|scheduled|expected|planned) to|ahead of|upcoming)\b"
)
# Most leads have none of what stands in all these, and tell so at a tenth of the pattern's cost.
_FORETELLING = ("will", "shall", "set to", "due to", "ed to", "ahead of", "upcoming")
# To a pattern that takes any case these are i and s, as `lower` alone does not make them.
_ODD_LETTERS = str.maketrans("\u0130\u0131\u017f", "iis")
# Of what stands behind the last full stop of a headline: "Envoy to visit Kabul".
_HEADLINE_FORETOLD = re.compile("[a-z)] to [a-z]+ ")

DAY_WORDS = frozenset((*_WEEKDAYS, *_DAYS_AGO, *_MONTHS))


def find_event_day(parts: Iterable[Sequence[str]], told_on: date) -> date | None:
    """Find the first day that a report names, in the order of its text.

    Args:
        parts: the words of its headline and paragraphs, in their one spelling.
        told_on: when it was published: "Monday" is the last one until then; "March 11" counts if
            it is of the week before, for other dates are deadlines or history.
    """
    for words, position in _list_positions(parts):
        form = words[position]
        if form in _DAYS_AGO:
            return told_on - timedelta(days=_DAYS_AGO[form])
        if form in _WEEKDAYS:
            return told_on - timedelta(days=(told_on.weekday() - _WEEKDAYS.index(form)) % 7)
        day = _read_date(words, position, told_on)
        if day and timedelta() <= told_on - day <= _NEWS_DAYS:
            return day
    return None


def find_named_date(parts: Iterable[Sequence[str]], near: date) -> date | None:
    """Find the first date that a report names; "Monday" is none, nobody knowing of which week.

    Args:
        parts: the words of its headline and paragraphs, in their one spelling.
        near: a date without a year is the one nearest to this day.
    """
    dates = (_read_date(words, position, near) for words, position in _list_positions(parts))
    return next((day for day in dates if day), None)


def foretells(parts: Sequence[str]) -> bool:
    """Whether headline or first paragraph, if English, tell what is to come."""
    # Where it ends in a full stop, nothing is left.
    headline = parts[0].rpartition(".")[2].rstrip() if parts else ""
    lead = "\n".join(parts[:2]).translate(_ODD_LETTERS).lower()
    return bool(
        _HEADLINE_FORETOLD.search(headline)
        or (any(mark in lead for mark in _FORETELLING) and _FORETOLD.search(lead))
    )


def _list_positions(parts: Iterable[Sequence[str]]) -> Iterator[tuple[Sequence[str], int]]:
    for words in parts:
        # Most paragraphs name no day, and tell so at less cost than word by word.
        if not DAY_WORDS.isdisjoint(words):
            yield from ((words, at) for at, form in enumerate(words) if form in DAY_WORDS)


def _read_date(words: Sequence[str], position: int, near: date) -> date | None:
    if words[position] not in _MONTHS:
        return None
    month = _MONTHS.index(words[position]) + 1
    before, after, next_after = (_read_form(words, position + step) for step in (-1, 1, 2))
    # "March 11" and "11 March"; "in March 2024" and "he may" name no day.
    day = _DAY.fullmatch(after) or _DAY.fullmatch(before)
    if day is None:
        return None
    year = _YEAR.fullmatch(after) or _YEAR.fullmatch(next_after)
    years = [int(year[0])] if year else [near.year + step for step in (-1, 0, 1)]
    return _find_nearest(years, month, int(day[1]), near)


def _read_form(words: Sequence[str], position: int) -> str:
    return words[position] if 0 <= position < len(words) else ""


def _find_nearest(years: Sequence[int], month: int, day: int, near: date) -> date | None:
    days = []
    for year in years:
        # The 29th of February is not in every year, the 31st of April in none.
        with suppress(ValueError):
            days.append(date(year, month, day))
    return min(days, key=lambda each: abs(each - near), default=None)
