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
from service.weighed import Numbers, Weighed, list_leads, repeat_leads, share, sum_each

# "143,000" and "more than 140,000" are one number.
_ROUNDING = 0.03
_NUMBERS_MAX = 2
DAYS_MAX = 3
# Of what two reports share, in weights: nothing at all is far, not infinitely far.
_LEAST_SHARED = 0.05
# No share is larger, but for what was rounded.
_ALL = 1.001
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


def find_agreements(one: Weighed, others: Weighed, days_apart: Sequence[float]) -> list[Agreement]:
    """Measure in what a report and each of others agree; the same whichever of two comes first.

    Args:
        one: the report.
        others: the others.
        days_apart: between its publication and that of each.
    """
    (mine, my_telling), (theirs, their_telling) = one, others
    count = len(theirs.heads)
    here, there = _find_shared(mine.hashes, theirs.hashes)
    owners = theirs.owners[there]
    both = np.minimum(my_telling[here], their_telling[there])
    in_a_lead = mine.in_lead[here] | theirs.in_lead[there]
    leads_shared = sum_each(both[in_a_lead], owners[in_a_lead], count)
    shared = sum_each(both, owners, count)
    wholes = sum_each(their_telling, theirs.owners, count)
    my_whole = float(my_telling.sum())
    my_leads = repeat_leads(one, owners, here, theirs.place[there], count)
    their_leads = list_leads(others, there, mine.place[here], count)
    headlines, other_headlines = my_leads.tell_headlines(), their_leads.tell_headlines()
    names = [*map(max, my_leads.tell_names(), their_leads.tell_names())]
    names_early = [*map(max, my_leads.tell_names_early(), their_leads.tell_names_early())]
    numbers = _count_numbers(mine, theirs)
    return [
        Agreement(
            lead_shared=math.log(_LEAST_SHARED + leads_shared[at]),
            said=share(shared[at], min(my_whole, wholes[at])),
            headline_told=(headlines[at] + other_headlines[at]) / 2,
            names_told=names[at],
            names_told_early=names_early[at],
            numbers_shared=numbers[at],
            **_compare_heads(mine.heads[0], head, days_apart[at]),
        )
        for at, head in enumerate(theirs.heads)
    ]


def bound_agreement(first: Head, second: Head, days_apart: float) -> Agreement:
    """Tell in what two reports agree at most, as if each told all that the other does.

    Args:
        first: of the one.
        second: of the other.
        days_apart: between their publication.
    """
    return Agreement(
        lead_shared=math.log(_LEAST_SHARED + FEATURES_MAX),
        said=_ALL,
        headline_told=_ALL,
        names_told=_ALL,
        names_told_early=_ALL,
        numbers_shared=_NUMBERS_MAX,
        **_compare_heads(first, second, days_apart),
    )


def _compare_heads(first: Head, second: Head, days_apart: float) -> dict[str, float]:
    undated = not (first.dated and second.dated)
    return {
        "length": math.log(max(first.words, second.words, 1)),
        "days_between": (
            min(DAYS_MAX, abs(first.day - second.day)) if first.day and second.day else 0
        ),
        "foretold": float(first.foretells != second.foretells),
        "late": 0.0 if undated else max(0.0, days_apart - _SAME_NEWS_DAYS),
        "next_day": float(not undated and days_apart > _NEXT_DAY),
        "undated": float(undated),
    }


def _find_shared(mine: NDArray[np.uint32], theirs: NDArray[np.uint32]) -> tuple[Numbers, Numbers]:
    # Where they are in mine and in theirs, by the latter. No feature is 0.
    ended = np.append(mine, np.uint32(0))
    here = np.searchsorted(mine, theirs)
    there = np.flatnonzero(ended[here] == theirs)
    return here[there], there


def _count_numbers(one: Features, others: Features) -> list[float]:
    mine, theirs = (
        np.flatnonzero((each.kinds == Kind.NUMBER) & (each.hashes > SMALL_NUMBER))
        for each in (one, others)
    )
    my_numbers = one.hashes[mine].astype(np.float64)[:, np.newaxis]
    their_numbers = others.hashes[theirs].astype(np.float64)
    apart = np.abs(my_numbers - their_numbers)
    near = apart <= _ROUNDING * np.maximum(my_numbers, their_numbers)
    owners, count = others.owners[theirs], len(others.heads)
    mine_near = np.zeros((len(mine), count), bool)
    number, other = near.nonzero()
    mine_near[number, owners[other]] = True
    # Each number once, whichever side it is counted on.
    theirs_near = np.bincount(owners[near.any(axis=0)], minlength=count)
    found = np.minimum(mine_near.sum(axis=0), theirs_near)
    return [float(each) for each in np.minimum(_NUMBERS_MAX, found)]
