"""Do the articles of today look to the model like those it was trained for? Pure.

The *population stability index* compares two distributions over the same bins, live shares p with
recorded shares q: the sum of (p - q) ln(p / q) (Siddiqi 2006, Credit Risk Scorecards). By the usual
rule below 0.1 nothing has changed, and from 0.25 on it is another population. Of two samples of one
population, of N and M, it is about (B - 1)(1/N + 1/M) with B bins (Yurdakul & Naranjo 2020,
Statistical Properties of the Population Stability Index): noise that the window keeps far below
the rule, with today's 1,316 texts 0.004 in a full window and 0.012 in the least.

What q is, and so what a value means: nobody has seen a desk's live traffic when its model is
trained. It is made of hand-written texts that the model had not seen, those about something we
watch weighed down to one in twenty. So the index says how far live traffic is from *that*. A desk
whose whole feed is on its beat, or whose articles are long, has a value of its own from the first
day: look for what changes. Of the labelled articles that nothing was trained on, mixed one in
twenty on the beat, it is 0.06 at most; half and half, a quarter to a half. That a label falls
silent it hardly shows.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

# Below the first an article is not about the label, from the second on nobody doubts that it is.
# More edges below would measure how long articles are (the best of more passages is higher), and
# how much harder seeds are than news.
EDGES = (0.1, 0.9)
WINDOW_ARTICLES = 1000
LEAST_ARTICLES = 200
# "A few per cent" of what a newsroom publishes is on a beat.
_ON_BEAT_SHARE = 0.05
# As if half an article more had been seen in each bin (Krichevsky & Trofimov 1981): one that is
# empty by chance must not make the index infinite.
_UNSEEN = 0.5
_DECIMALS = 6


class DriftReference(BaseModel):
    """What was recorded at training.

    Attributes:
        edges: where the bins of probabilities meet.
        shares: by label, the share of articles whose best passage is in each bin.
        unknown_words_ratio: share of words that the model did not know in texts it had not seen.
    """

    model_config = ConfigDict(frozen=True)

    edges: tuple[float, ...]
    shares: dict[str, tuple[float, ...]]
    unknown_words_ratio: float


@dataclass(frozen=True, slots=True)
class WordCount:
    """How many words a text has, and how many of them the model does not know."""

    words: int
    unknown: int


def record_reference(
    names: Sequence[str],
    truth: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    words: Sequence[WordCount],
) -> DriftReference:
    """Put together what live articles are expected to look like.

    Args:
        names: the labels.
        truth: shape (texts, labels), which labels a text has.
        probabilities: shape (texts, labels), from models that have not seen the text.
        words: of each text, by the vocabulary of such a model.
    """
    on_beat = np.asarray(truth.any(axis=1))
    kinds = [rows for rows in (on_beat, ~on_beat) if rows.any()]
    weights = (_ON_BEAT_SHARE, 1 - _ON_BEAT_SHARE) if len(kinds) > 1 else (1.0,)
    unknown = [_measure_unknown(words, rows) for rows in kinds]
    return DriftReference(
        edges=EDGES,
        shares={
            name: _smooth(
                np.average(
                    [_measure_shares(probabilities[rows, column]) for rows in kinds],
                    axis=0,
                    weights=weights,
                ),
                len(truth),
            )
            for column, name in enumerate(names)
        },
        unknown_words_ratio=round(float(np.average(unknown, weights=weights)), _DECIMALS),
    )


def _measure_unknown(words: Sequence[WordCount], rows: NDArray[np.bool_]) -> float:
    chosen = [each for each, is_chosen in zip(words, rows, strict=True) if is_chosen]
    return sum(each.unknown for each in chosen) / max(1, sum(each.words for each in chosen))


def _measure_shares(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    bins = np.searchsorted(EDGES, probabilities, side="right")
    return np.bincount(bins, minlength=len(EDGES) + 1) / len(bins)


def _smooth(shares: NDArray[np.float64], total: int) -> tuple[float, ...]:
    smooth = (shares * total + _UNSEEN) / (total + _UNSEEN * len(shares))
    return tuple(round(float(share), _DECIMALS) for share in smooth)


def measure_stability(counts: Sequence[int], reference: Sequence[float]) -> float:
    """Give the population stability index of counts, by bin, against the shares recorded."""
    total = sum(counts) + _UNSEEN * len(counts)
    live = [(count + _UNSEEN) / total for count in counts]
    return sum((p - q) * math.log(p / q) for p, q in zip(live, reference, strict=True))


class _Noted(NamedTuple):
    bins: tuple[int, ...]
    words: int
    unknown: int


class DriftWindow:
    """The last articles that were labelled, as far as drift is about them.

    Written by the event loop and read by other threads, which may miss the article of the moment.
    """

    def __init__(self, reference: DriftReference) -> None:
        self._reference = reference
        self._noted: deque[_Noted] = deque()
        self._counts = {name: [0] * len(shares) for name, shares in reference.shares.items()}
        self._words = 0
        self._unknown = 0

    def note(self, probabilities: Mapping[str, float], words: int, unknown_words: int) -> None:
        """Note an article: its best passage's probability of each label, and its words."""
        edges = self._reference.edges
        bins = tuple([bisect_right(edges, probabilities[name]) for name in self._counts])
        noted = _Noted(bins, words, unknown_words)
        self._count(noted, 1)
        self._noted.append(noted)
        if len(self._noted) > WINDOW_ARTICLES:
            self._count(self._noted.popleft(), -1)

    def _count(self, noted: _Noted, sign: int) -> None:
        for counts, at in zip(self._counts.values(), noted.bins, strict=True):
            counts[at] += sign
        self._words += sign * noted.words
        self._unknown += sign * noted.unknown

    @property
    def articles(self) -> int:
        """How many articles the figures are of."""
        return len(self._noted)

    def measure(self, label: str) -> float:
        """Give the index of one label; 0 until there are enough articles to tell."""
        if self.articles < LEAST_ARTICLES:
            return 0.0
        return measure_stability(self._counts[label], self._reference.shares[label])

    @property
    def unknown_words_ratio(self) -> float:
        """The share of words that the model does not know; 0 until there are enough articles."""
        if self.articles < LEAST_ARTICLES or not self._words:
            return 0.0
        return self._unknown / self._words
