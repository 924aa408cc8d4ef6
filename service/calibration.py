"""Log-odds -> probabilities that can be taken at their word, and the thresholds on them."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score
from sklearn.pipeline import Pipeline

from service.evaluation import Bools, Floats

_ALERT_LEAST, _ALERT_MOST = 0.5, 0.9
# A brief has about three paragraphs. One that has a label stands beside others that have none, and
# each of those may be called falsely: a threshold good for lone texts is too low for articles.
_OTHERS_IN_ARTICLE = 2
# Precision counts twice: a false alert wakes someone, a missed one is still in the review band.
# In van Rijsbergen's F (1979) recall counts beta squared times as much as precision.
_BETA = 0.5**0.5
# Half a point of it: less than its own error on these few hundred texts.
_AS_GOOD = 0.005
_ARTICLES_PER_TEXT = 10
# The review band reaches down to where this share of what there is has been found, but no lower
# than where nine of ten would be called in vain.
_REVIEW_RECALL = 0.97
_REVIEW_LEAST = 0.1
# Finer than a text can tell, coarser than what two processors make of the same sum.
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt's sigmoid (1999): probability = 1 / (1 + exp(-(slope * log-odds + shift))).

    One for all labels. Linear in the log-odds, so that the weights of terms, scaled, still add up
    to the decision.
    """

    slope: float
    shift: float

    def apply(self, odds: Floats) -> Floats:
        """Turn log-odds into probabilities."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * odds + self.shift))))


def fit_calibration(odds: Floats, truth: Bools) -> Calibration:
    """Fit the sigmoid to log-odds that come from models which have not seen the texts.

    Args:
        odds: shape (texts, labels).
        truth: shape (texts, labels).
    """
    # scikit-learn's mild default regularisation keeps a small, separable set from certainty.
    fitted = LogisticRegression(C=1.0, solver="newton-cholesky").fit(
        odds.reshape(-1, 1), truth.ravel()
    )
    slope, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return Calibration(round(slope, _DECIMALS), round(shift, _DECIMALS))


def calibrate_pipeline(pipeline: Pipeline, calibration: Calibration) -> None:
    """Fold the sigmoid into the weights of a fitted pipeline: its probabilities then need none."""
    for estimator in pipeline[-1].estimators_:
        estimator.coef_ = estimator.coef_ * calibration.slope
        estimator.intercept_ = estimator.intercept_ * calibration.slope + calibration.shift


def choose_thresholds(truth: Bools, probabilities: Floats) -> tuple[float, float]:
    """Choose the alert threshold and where the review band below it begins.

    One pair for all labels: with a few dozen positives a label's own would be chance.

    Args:
        truth: shape (texts, labels).
        probabilities: shape (texts, labels), from models which have not seen the texts.

    Returns:
        The threshold from 0.5 to 0.9 in the middle of the best F on articles made of a text and
        others that have no label, and the highest below it at which 97 % of all labels are found,
        or 0.1 if that is not reached there.
    """
    article_truth, article_probabilities = _make_articles(truth, probabilities)
    candidates = np.round(np.arange(_ALERT_LEAST, _ALERT_MOST + 0.001, 0.01), 2)
    reached = [
        fbeta_score(article_truth.ravel(), (article_probabilities >= candidate).ravel(), beta=_BETA)
        for candidate in candidates
    ]
    # Between the ends of where it is as good as best: a single text more does not move it far.
    as_good = candidates[np.array(reached) >= max(reached) - _AS_GOOD]
    alert = round(float((as_good[0] + as_good[-1]) / 2), 2)
    lower = np.round(np.arange(_REVIEW_LEAST, alert, 0.01), 2)
    found = [float((probabilities[truth] >= candidate).mean()) for candidate in lower]
    finding = [each for each, share in zip(lower, found, strict=True) if share >= _REVIEW_RECALL]
    return alert, float(max(finding, default=_REVIEW_LEAST))


def _make_articles(truth: Bools, probabilities: Floats) -> tuple[Bools, Floats]:
    others = np.flatnonzero(~truth.any(axis=1))
    if not len(others):
        return truth, probabilities
    draw = np.random.default_rng(0)
    texts = np.repeat(np.arange(len(truth)), _ARTICLES_PER_TEXT)
    beside = draw.choice(others, size=(len(texts), _OTHERS_IN_ARTICLE))
    pooled = np.maximum(probabilities[texts], probabilities[beside].max(axis=1))
    return truth[texts], pooled
