"""Labelled articles and a model -> figures with intervals.

All of it is a function of two arrays, what is true and the probabilities, so that left-out seeds
and a file of labelled articles are measured the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# Percentile bootstrap (Efron 1979); with a thousand resamples its ends are good to about a point.
_RESAMPLES = 1000
_INTERVAL_PERCENTILES = (2.5, 97.5)
# Narrow where decisions are made; the middle has few texts.
_BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


class Figures(BaseModel):
    """What all figures share: they do not change, and round to what can be told apart."""

    model_config = ConfigDict(frozen=True)


class Quality(Figures):
    """Of one label, or of all: ratios 0-1."""

    precision: float
    recall: float
    f1: float


class LabelQuality(Quality):
    """Of one label. `support` texts truly have it, `called` are said to."""

    average_precision: float
    support: int
    called: int


class Interval(Figures):
    """A 95 % bootstrap interval over the texts."""

    low: float
    high: float


class ReliabilityBin(Figures):
    """What was promised (mean probability) and what came true.

    Of the pairs of text and label whose probability is in [`low`, `high`).
    """

    low: float
    high: float
    count: int
    promised: float
    came_true: float


class Reliability(Figures):
    """How far a probability can be taken at its word; `error` is the expected calibration error."""

    error: float
    bins: list[ReliabilityBin]


class Measurement(Figures):
    """The figures of one set of texts."""

    texts: int
    labels: dict[str, LabelQuality]
    macro: Quality
    micro: Quality
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is true of some texts and what a model says.

    Attributes:
        names: of the labels, in column order.
        truth: shape (texts, labels).
        probabilities: shape (texts, labels).
        threshold: from which a label holds.
    """

    names: Sequence[str]
    truth: Bools
    probabilities: Floats
    threshold: float

    @property
    def called(self) -> Bools:
        """Which labels hold for which texts, shape (texts, labels)."""
        return self.probabilities >= self.threshold

    def pick(self, rows: Bools) -> Self:
        """Keep some of the texts."""
        return type(self)(self.names, self.truth[rows], self.probabilities[rows], self.threshold)


def measure(verdicts: Verdicts) -> Measurement:
    """Measure a model on some texts; a label that none of them has counts for no average."""
    # Whoever only names the errors of an evaluation need not wait two seconds for scikit-learn.
    from sklearn.metrics import average_precision_score  # noqa: PLC0415

    truth = verdicts.truth
    counts = _count(verdicts, np.ones((1, len(truth))))
    precision = _ratio(counts.right, counts.called)[0]
    recall = _ratio(counts.right, counts.true)[0]
    f1 = _ratio(2 * counts.right, counts.called + counts.true)[0]
    labels = {
        name: LabelQuality(
            precision=_round(precision[column]),
            recall=_round(recall[column]),
            f1=_round(f1[column]),
            average_precision=_round(
                average_precision_score(truth[:, column], verdicts.probabilities[:, column])
                if truth[:, column].any()
                else 0.0
            ),
            support=int(counts.true[0, column]),
            called=int(counts.called[0, column]),
        )
        for column, name in enumerate(verdicts.names)
    }
    return Measurement(
        texts=len(truth),
        labels=labels,
        macro=_average([quality for quality in labels.values() if quality.support]),
        micro=Quality(
            precision=_round(_ratio(counts.right.sum(1), counts.called.sum(1))[0]),
            recall=_round(_ratio(counts.right.sum(1), counts.true.sum(1))[0]),
            f1=_round(counts.micro_f1()[0]),
        ),
        intervals={name: _interval(values) for name, values in _resample(verdicts).items()},
    )


def measure_reliability(verdicts: Verdicts) -> Reliability:
    """Compare what probabilities promise with what comes true, over all texts and labels.

    The expected calibration error is that of Naeini, Cooper & Hauskrecht (2015): the gap in each
    bin, weighted by the pairs in it.
    """
    probabilities, truth = verdicts.probabilities.ravel(), verdicts.truth.ravel()
    bins = []
    error = 0.0
    for low, high in pairwise(_BINS):
        inside = (probabilities >= low) & ((probabilities < high) | (high == _BINS[-1]))
        if inside.any():
            promised, came_true = probabilities[inside].mean(), truth[inside].mean()
            error += inside.mean() * abs(promised - came_true)
            bins.append(
                ReliabilityBin(
                    low=low,
                    high=high,
                    count=int(inside.sum()),
                    promised=_round(promised),
                    came_true=_round(came_true),
                )
            )
    return Reliability(error=_round(error), bins=bins)


def measure_difference(first: Verdicts, second: Verdicts) -> dict[str, Interval]:
    """Give the 95 % intervals of first minus second, on the same texts resampled together.

    Where an interval holds 0, the two cannot be told apart on these texts.
    """
    of_first, of_second = _resample(first), _resample(second)
    return {name: _interval(of_first[name] - of_second[name]) for name in ("macro_f1", "micro_f1")}


@dataclass(frozen=True, slots=True)
class _Counts:
    """Per resample and label: texts that are rightly called, called, and true."""

    right: Floats
    called: Floats
    true: Floats

    def macro_f1(self) -> Floats:
        f1 = _ratio(2 * self.right, self.called + self.true)
        present = self.true > 0
        return _ratio((f1 * present).sum(1), present.sum(1))

    def micro_f1(self) -> Floats:
        return _ratio(2 * self.right.sum(1), self.called.sum(1) + self.true.sum(1))


def _count(verdicts: Verdicts, weights: Floats) -> _Counts:
    truth, called = verdicts.truth.astype(float), verdicts.called.astype(float)
    return _Counts(weights @ (truth * called), weights @ called, weights @ truth)


def _figure_all(counts: _Counts) -> dict[str, Floats]:
    return {
        "macro_f1": counts.macro_f1(),
        "micro_f1": counts.micro_f1(),
        "micro_precision": _ratio(counts.right.sum(1), counts.called.sum(1)),
        "micro_recall": _ratio(counts.right.sum(1), counts.true.sum(1)),
    }


def _resample(verdicts: Verdicts) -> dict[str, Floats]:
    texts = len(verdicts.truth)
    draw = np.random.default_rng(0)
    weights = draw.multinomial(texts, np.full(texts, 1 / texts), size=_RESAMPLES).astype(float)
    return _figure_all(_count(verdicts, weights))


def _interval(values: Floats) -> Interval:
    low, high = np.percentile(values, _INTERVAL_PERCENTILES)
    return Interval(low=_round(low), high=_round(high))


def _average(qualities: Sequence[Quality]) -> Quality:
    if not qualities:
        return Quality(precision=0.0, recall=0.0, f1=0.0)
    return Quality(
        precision=_round(np.mean([quality.precision for quality in qualities])),
        recall=_round(np.mean([quality.recall for quality in qualities])),
        f1=_round(np.mean([quality.f1 for quality in qualities])),
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0))


def _round(number: float | np.floating[Any]) -> float:
    return round(float(number), 4)
