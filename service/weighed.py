"""Reports with their features weighed -> how much of their leads others tell.

All is of many pairs of reports, one after the other.
"""

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

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]


class Weighed(NamedTuple):
    """Reports with the weights of their features among the reports of these days, squared."""

    features: Features
    telling: Floats


class Leads(NamedTuple):
    """The leads of one side, one after the other: what of them does the other side tell?

    Attributes:
        telling: (n,) weights, squared.
        rarity: (n,) 0 to 1.
        in_headline: (n,) whether it stands in the headline.
        is_name: (n,) whether it is a name.
        early: (n,) how early the other side tells it, 0 to 1; 0 if it does not.
        owners: (n,) numbers of the pairs, ascending.
        pairs: how many there are.
    """

    telling: Floats
    rarity: Floats
    in_headline: NDArray[np.bool_]
    is_name: NDArray[np.bool_]
    early: Floats
    owners: Numbers
    pairs: int

    def tell_headlines(self) -> list[float]:
        """Give the share of each headline that is told, by rarity and by how early."""
        return self._tell(self.in_headline, self.telling, self.early)

    def tell_names(self) -> list[float]:
        """Give the share of the names of each lead that are told; half if it has none."""
        weights = np.maximum(_LEAST_NAME, self.rarity)
        return self._tell(self.is_name, weights, (self.early > 0).astype(np.float64), nothing=0.5)

    def tell_names_early(self) -> list[float]:
        """Give the same, by rarity among the reports of these days and by how early."""
        return self._tell(self.is_name, self.telling, self.early)

    def _tell(
        self, chosen: NDArray[np.bool_], weights: Floats, told: Floats, nothing: float = 0.0
    ) -> list[float]:
        weights, told, owners = weights[chosen], told[chosen], self.owners[chosen]
        wholes = sum_each(weights, owners, self.pairs)
        cuts = owners.searchsorted(np.arange(self.pairs + 1)).tolist()
        return [
            share(float(weights[start:end].dot(told[start:end])), whole, nothing)
            for (start, end), whole in zip(pairwise(cuts), wholes, strict=True)
        ]


def repeat_leads(one: Weighed, owners: Numbers, told: Numbers, places: Floats, count: int) -> Leads:
    """Set the lead of one report beside each of others.

    Args:
        one: the report.
        owners: (m,) which of the others tells it.
        told: (m,) which of its features.
        places: (m,) how many words stand before it there.
        count: of the others.
    """
    early = np.zeros((count, len(one.telling)))
    early[owners, told] = _fade(places)
    lead = np.flatnonzero(one.features.in_lead)
    return _choose_leads(
        one,
        np.tile(lead, count),
        early.take(lead, axis=1).ravel(),
        np.repeat(np.arange(count), len(lead)),
        count,
    )


def list_leads(others: Weighed, told: Numbers, places: Floats, count: int) -> Leads:
    """Set the lead of each of several reports beside one other.

    Args:
        others: the several reports.
        told: (m,) which of their features the one tells.
        places: (m,) how many words stand before it there.
        count: of the several reports.
    """
    early = np.zeros(len(others.telling))
    early[told] = _fade(places)
    lead = np.flatnonzero(others.features.in_lead)
    return _choose_leads(others, lead, early[lead], others.features.owners[lead], count)


def _choose_leads(
    weighed: Weighed, lead: Numbers, early: Floats, owners: Numbers, count: int
) -> Leads:
    features, telling = weighed
    return Leads(
        telling[lead],
        features.rarity[lead],
        features.in_headline[lead],
        features.kinds[lead] == Kind.NAME,
        early,
        owners,
        count,
    )


def sum_each(values: Floats, owners: Numbers, count: int) -> list[float]:
    """Add up the values of each owner; owners are ascending."""
    # From zero on, as `sum` has it, so that the last bit is the same however many are summed up.
    begins = owners.searchsorted(np.arange(count)) + np.arange(count)
    from_zero = np.zeros(len(values) + count)
    from_zero[np.arange(len(values)) + owners + 1] = values
    sums: list[float] = np.add.reduceat(from_zero, begins).tolist()
    return sums


def _fade(places: Floats) -> Floats:
    return 1 / (1 + places / _NEAR_WORDS)


def share(part: float, whole: float, nothing: float = 0.0) -> float:
    """Give the share of a part in the whole; `nothing` if that is nothing."""
    return part / whole if whole else nothing
