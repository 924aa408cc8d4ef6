"""Opened sketches -> in what a report and others agree and disagree.

It is measured beside all others at once: a call of NumPy takes longer than what it does here.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.lexicon import SMALL_NUMBER, Kind
from service.sketches import FEATURES_MAX, Features, Head
from service.weighed import (
    UNTOLD,
    Floats,
    Numbers,
    Shared,
    Weighed,
    fade,
    find_shared,
    share,
    share_rows,
    sum_each,
    sum_rows,
    tell_early,
    tell_lead,
    tell_leads,
    weigh_leads,
)

# "143,000" and "more than 140,000" are one number.
_ROUNDING = 0.03
_NUMBERS_MAX = 2
_NUMBER = np.uint8(Kind.NUMBER)
DAYS_MAX = 3
# Of what two reports share, in weights: nothing at all is far, not infinitely far.
_LEAST_SHARED = 0.05
# Agencies and papers report an event for some hours; beyond, each hour tells against. And what
# comes the next morning or later is mostly the next news.
_SAME_NEWS_DAYS = 0.3
_NEXT_DAY = 0.75


class Agreement(NamedTuple):
    """In what two reports agree and disagree.

    Attributes:
        lead_shared: how much of either's lead is in both, by rarity (log).
        said: share of what the shorter one says that the other says too, by rarity.
        headline_told: mean share of a headline that the other report tells, and how early.
        names_told: the larger share of a lead's names that the other report has; 0 if the names
            of each lead are foreign to the other.
        names_told_early: the same, by rarity and by how early.
        numbers_shared: how many numbers above twelve are in both, at most 2.
        length: words of the longer one (log): the more words, the more are shared by chance.
        days_between: between the days that they name for what happened, at most 3.
        foretold: 1 if one tells what is to come and the other what has happened.
        late: days from one's publication to the other's, beyond the hours in which all report.
        next_day: 1 if these are most of a day.
        undated: 1 if when one was published is not known; the two before are then 0.
    """

    lead_shared: float
    said: float
    headline_told: float
    names_told: float
    names_told_early: float
    numbers_shared: float
    length: float
    days_between: float
    foretold: float
    late: float
    next_day: float
    undated: float


# What is the more, the more two reports share.
SHARED = (
    "lead_shared", "said", "headline_told", "names_told", "names_told_early", "numbers_shared",
)  # fmt: skip

_MOST_SHARED = np.array(
    [[math.log(_LEAST_SHARED + FEATURES_MAX)], [1], [1], [1], [1], [_NUMBERS_MAX]]
)


def find_agreements(one: Weighed, others: Weighed, days_apart: Sequence[float]) -> list[Agreement]:
    """Measure in what a report and each of others agree; the same whichever of two comes first.

    Args:
        one: the report.
        others: the others.
        days_apart: between its publication and that of each.
    """
    (mine, my_telling), (theirs, their_telling) = one, others
    count = len(theirs.heads)
    here, there = find_shared(mine, theirs)
    owners = theirs.owners[there]
    both = np.minimum(my_telling[here], their_telling[there])
    in_a_lead = mine.in_lead[here] | theirs.in_lead[there]
    early_there = np.zeros((count, len(mine.hashes)))
    early_there[owners, here] = fade(theirs.place[there])
    early_here = np.zeros(len(theirs.hashes))
    early_here[there] = fade(mine.place[here])
    my_whole = float(my_telling.sum())
    return [
        Agreement(
            math.log(_LEAST_SHARED + lead_shared),
            share(all_shared, min(my_whole, whole)),
            (headline + other_headline) / 2,
            max(names, other_names),
            max(names_early, other_names_early),
            numbers,
            *_compare_heads(mine.heads[0], head, apart),
        )
        for (
            lead_shared, all_shared, whole, headline, names, names_early,
            other_headline, other_names, other_names_early, numbers, head, apart,
        ) in zip(
            sum_each(both[in_a_lead], owners[in_a_lead], count),
            sum_each(both, owners, count),
            sum_each(their_telling, theirs.owners, count),
            *tell_lead(one, early_there),
            *tell_leads(others, early_here),
            _count_numbers(mine, theirs),
            theirs.heads,
            days_apart,
            strict=True,
        )
    ]  # fmt: skip


def bound_agreements(one: Weighed, others: Weighed, shared: Shared) -> Floats:
    """Tell how much a report and others share at most.

    Args:
        one: the report.
        others: the others; what is not shared may weigh too little, and then it is more.
        shared: the features that they share.

    Returns:
        (fields of `SHARED`, others), but for what rounding takes away.
    """
    (mine, my_telling), (theirs, their_telling), (here, there) = one, others, shared
    count = len(theirs.heads)
    my_leads, their_leads = weigh_leads(one), weigh_leads(others)
    both = np.minimum(my_telling[here], their_telling[there])
    in_a_lead = mine.in_lead[here] | theirs.in_lead[there]
    parts = sum_rows(
        (
            *tell_early(my_leads.take(here, axis=1), theirs.place[there]),
            *tell_early(their_leads.take(there, axis=1), mine.place[here]),
            both * in_a_lead,
            both,
        ),
        theirs.owners[there],
        count,
    )
    wholes = sum_rows((*their_leads, their_telling), theirs.owners, count)
    told = share_rows(parts[:3], my_leads.sum(axis=1, keepdims=True), UNTOLD)
    other_told = share_rows(parts[3:6], wholes[:3], UNTOLD)
    near, owners = _find_near(mine, theirs)
    numbers = np.bincount(owners[near.any(axis=0)], minlength=count)
    return np.array(
        (
            np.log(_LEAST_SHARED + parts[6]),
            share_rows(parts[7], np.minimum(my_telling.sum(), wholes[3])),
            (told[0] + other_told[0]) / 2,
            *np.maximum(told[1:], other_told[1:]),
            np.minimum(_NUMBERS_MAX, numbers),
        )
    )


def bound_by_heads(one: Head, others: NDArray[np.void], days_apart: Floats) -> Floats:
    """Tell in what a report and others agree at most, as if each told all that the other does.

    Args:
        one: of the report.
        others: (n,) of the others.
        days_apart: (n,) between its publication and that of each.

    Returns:
        (fields of `Agreement`, n), but for what rounding takes away.
    """
    dated = others["dated"] & one.dated
    day = others["day"].astype(np.float64)
    bounds = np.empty((len(Agreement._fields), len(others)))
    bounds[: len(SHARED)] = _MOST_SHARED
    bounds[len(SHARED) :] = (
        np.log(np.maximum(others["words"].astype(np.float64), max(one.words, 1))),
        np.minimum(DAYS_MAX, np.abs(day - one.day)) * (day > 0) * (one.day > 0),
        others["foretells"] != one.foretells,
        np.maximum(0, days_apart - _SAME_NEWS_DAYS) * dated,
        (days_apart > _NEXT_DAY) & dated,
        ~dated,
    )
    return bounds


def _compare_heads(first: Head, second: Head, days_apart: float) -> tuple[float, ...]:
    # What of an agreement does not rise with what is shared, in its order.
    (day, words, dated, tells_ahead), (other_day, other_words, other_dated, ahead) = first, second
    length = math.log(max(words, other_words, 1))
    days_between = min(DAYS_MAX, abs(day - other_day)) if day and other_day else 0
    foretold = float(tells_ahead != ahead)
    if not (dated and other_dated):
        return length, days_between, foretold, 0.0, 0.0, 1.0
    late = max(0.0, days_apart - _SAME_NEWS_DAYS)
    return length, days_between, foretold, late, float(days_apart > _NEXT_DAY), 0.0


def _count_numbers(one: Features, others: Features) -> list[float]:
    near, owners = _find_near(one, others)
    count = len(others.heads)
    mine_near = np.zeros((len(near), count), np.bool_)
    number, other = near.nonzero()
    mine_near[number, owners[other]] = True
    # Each number once, whichever side it is counted on.
    theirs_near = np.bincount(owners[near.any(axis=0)], minlength=count)
    found = np.minimum(mine_near.sum(axis=0), theirs_near)
    counted: list[float] = np.minimum(float(_NUMBERS_MAX), found).tolist()
    return counted


def _find_near(one: Features, others: Features) -> tuple[NDArray[np.bool_], Numbers]:
    # Of each number of the one and each of the others whether they are one; whose the latter are.
    mine, theirs = (
        np.flatnonzero((each.kinds == _NUMBER) & (each.hashes > SMALL_NUMBER))
        for each in (one, others)
    )
    my_numbers = one.hashes[mine].astype(np.float64)[:, np.newaxis]
    their_numbers = others.hashes[theirs].astype(np.float64)
    apart = np.abs(my_numbers - their_numbers)
    near = apart <= _ROUNDING * np.maximum(my_numbers, their_numbers)
    return near, others.owners[theirs]
