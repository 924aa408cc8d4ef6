"""Reports with their features weighed -> what they share, how much of their leads others tell."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.lexicon import Kind
from service.sketches import Features

# Among the names of a lead even the most frequent says something, if it is not in the other report.
_LEAST_NAME = 0.035
# A background name in a text's fiftieth word counts half of one in its first.
_NEAR_WORDS = 50
_NAME = np.uint8(Kind.NAME)
# How much of the names of a lead without names is told.
_NO_NAMES = 0.5
# What `Told` has of nothing.
UNTOLD = np.array([[0], [_NO_NAMES], [0]])
# By so many bits of a hash most features show that they are not among 160 others.
_MARK = np.uint32(0xFFF)

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]


class Weighed(NamedTuple):
    """Reports with the weights of their features among the reports of these days, squared."""

    features: Features
    telling: Floats


class Shared(NamedTuple):
    """The features of a report that others have.

    Attributes:
        here: (n,) their numbers among its own.
        there: (n,) their numbers among those of the others, ascending.
    """

    here: Numbers
    there: Numbers


def weigh(features: Features, rarity: Floats) -> Weighed:
    """Weigh features; `rarity`, (features,), is 0 to 1: how rare each is these days."""
    return Weighed(features, (features.weights * rarity) ** 2)


def find_shared(one: Features, others: Features) -> Shared:
    """Find the features of a report that others have."""
    mine, theirs = one.hashes, others.hashes
    marked = np.zeros(_MARK + 1, np.bool_)
    marked[mine & _MARK] = True
    there = np.flatnonzero(marked.take(theirs & _MARK))
    here = mine.searchsorted(theirs[there])
    is_shared = mine.take(here, mode="clip") == theirs[there]
    return Shared(here[is_shared], there[is_shared])


class Told(NamedTuple):
    """How much of the leads of reports others tell.

    Attributes:
        headlines: the share of each headline, by rarity and by how early.
        names: the share of the names of each lead; half if it has none.
        names_early: the same, by rarity among the reports of these days and by how early.
    """

    headlines: list[float]
    names: list[float]
    names_early: list[float]


def tell_lead(one: Weighed, early: Floats) -> Told:
    """Tell how much of the lead of one report each of others tells.

    Args:
        one: the report.
        early: (others, n) how early each tells each of its features, 0 to 1; 0 if it does not.
    """
    headline, names, floors = _choose(one)
    early_names = early.take(names, axis=1)
    return Told(
        _share_alike(one.telling[headline], early.take(headline, axis=1)),
        _share_alike(floors, (early_names > 0).astype(np.float64), _NO_NAMES),
        _share_alike(one.telling[names], early_names),
    )


def tell_leads(others: Weighed, early: Floats) -> Told:
    """Tell how much of the lead of each of several reports one other tells.

    Args:
        others: the several reports.
        early: (n,) how early the one tells each of their features.
    """
    headline, names, floors = _choose(others)
    owners, count = others.features.owners, len(others.features.heads)
    name_owners, early_names = owners[names], early[names]
    # The three one after the other, as if of so many more reports.
    shares = _share_each(
        np.concatenate((others.telling[headline], floors, others.telling[names])),
        np.concatenate((early[headline], early_names > 0, early_names)),
        np.concatenate((owners[headline], name_owners + count, name_owners + 2 * count)),
        [0.0] * count + [_NO_NAMES] * count + [0.0] * count,
    )
    return Told(shares[:count], shares[count : 2 * count], shares[2 * count :])


def _choose(reports: Weighed) -> tuple[Numbers, Numbers, Floats]:
    # What stands in the headline; the names of the lead, and what they count at least.
    features = reports.features
    is_name, floors = _find_names(features)
    names = np.flatnonzero(is_name)
    return np.flatnonzero(features.in_headline), names, floors[names]


def _find_names(features: Features) -> tuple[NDArray[np.bool_], Floats]:
    # Which features are names of a lead, and what each counts at least if it is one.
    is_name = features.in_lead & (features.kinds == _NAME)
    return is_name, np.maximum(_LEAST_NAME, features.rarity)


def _share_alike(weights: Floats, told: Floats, nothing: float = 0.0) -> list[float]:
    # Of each row.
    whole = float(weights.sum())
    return [share(part, whole, nothing) for part in np.vecdot(told, weights).tolist()]


def _share_each(
    weights: Floats, told: Floats, owners: Numbers, nothing: list[float]
) -> list[float]:
    count = len(nothing)
    wholes = sum_each(weights, owners, count)
    cuts = owners.searchsorted(np.arange(count + 1)).tolist()
    return [
        share(float(weights[start:end].dot(told[start:end])), whole, none)
        for (start, end), whole, none in zip(pairwise(cuts), wholes, nothing, strict=True)
    ]


def fade(places: Floats) -> Floats:
    """Tell how early it is to stand behind so many words, (n,): 1 for the first."""
    return 1 / (1 + places / _NEAR_WORDS)


def weigh_leads(reports: Weighed) -> Floats:
    """Give the weights of which `Told` has shares: (3, n), 0 for what does not count."""
    features, telling = reports
    is_name, floors = _find_names(features)
    return np.array((telling * features.in_headline, floors * is_name, telling * is_name))


def tell_early(leads: Floats, places: Floats) -> Floats:
    """Give how much of these weights, (3, n), counts behind so many words, (n,), elsewhere."""
    told = leads * fade(places)
    told[1] = leads[1]
    return told


def share_rows(parts: Floats, wholes: Floats, nothing: Floats | float = 0.0) -> Floats:
    """Give the share of each part in its whole, of one shape; `nothing` if that is nothing."""
    shares: Floats = np.where(wholes > 0, parts / np.where(wholes > 0, wholes, 1), nothing)
    return shares


def sum_rows(rows: Sequence[Floats], owners: Numbers, count: int) -> Floats:
    """Add up the values of each owner, row by row: k rows (n,) and owners (n,) to (k, count).

    Owners are ascending.
    """
    ended = np.zeros((len(rows), len(owners) + 1))
    ended[:, :-1] = rows
    cuts = owners.searchsorted(np.arange(count + 1))
    sums = np.add.reduceat(ended, cuts[:-1], axis=1)
    # Of an owner without values it is what comes next.
    summed: Floats = np.where(cuts[1:] > cuts[:-1], sums, 0)
    return summed


def sum_each(values: Floats, owners: Numbers, count: int) -> list[float]:
    """Add up the values (n,) of each of `count` owners; owners (n,) are ascending."""
    # From zero on, as `sum` has it, so that the last bit is the same however many are summed up.
    begins = owners.searchsorted(np.arange(count)) + np.arange(count)
    from_zero = np.zeros(len(values) + count)
    from_zero[np.arange(len(values)) + owners + 1] = values
    sums: list[float] = np.add.reduceat(from_zero, begins).tolist()
    return sums


def share(part: float, whole: float, nothing: float = 0.0) -> float:
    """Give the share of a part in the whole; `nothing` if that is nothing."""
    return part / whole if whole else nothing
