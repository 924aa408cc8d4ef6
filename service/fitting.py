"""Texts and what is known of them -> a fitted pipeline."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from service.evaluation import Bools, Floats
from service.features import ConceptFeatures
from service.knowledge import Knowledge
from service.words import list_words

# The settings below were chosen on a development set and on left-out folds; within a factor of
# two of each the figures move by less than their own error.
_C = 3.0
_WORDS_WEIGHT = 2.0
_CONCEPT_WEIGHT = 0.5
_CLAIM_WEIGHT = 2.0
# Glued texts, for each text as written. A passage of a live article says several things at once;
# a short training text says one, and teaches that what it does not say is excluded by it.
_GLUED_PER_TEXT = 1
# Hand-written texts are nearer to the news than filled templates, and are glued more often.
_WRITTEN_WEIGHT = 3.0
# Log-odds of one in half a billion.
_NEVER = -20.0


@dataclass(frozen=True, slots=True)
class TrainingTexts:
    """Texts to learn from.

    Attributes:
        texts: shape (texts,).
        truth: shape (texts, labels), which labels a text has.
        known: shape (texts, labels), false where a text may have the label or not: it is then
            left out for that label.
        written: shape (texts,), false for a filled template.
    """

    texts: NDArray[np.object_]
    truth: Bools
    known: Bools
    written: Bools

    def pick(self, rows: Bools) -> Self:
        """Keep some of the texts."""
        return type(self)(self.texts[rows], self.truth[rows], self.known[rows], self.written[rows])

    def join(self, other: Self) -> Self:
        """Put the texts of another behind these."""
        return type(self)(
            np.concatenate([self.texts, other.texts]),
            np.vstack([self.truth, other.truth]),
            np.vstack([self.known, other.known]),
            np.concatenate([self.written, other.written]),
        )


def build_pipeline(knowledge: Knowledge) -> Pipeline:
    """Build the pipeline, unfitted: words and concepts of a passage, one linear model a label."""
    words = TfidfVectorizer(
        tokenizer=list_words,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        sublinear_tf=True,
    )
    concepts = ConceptFeatures(
        concepts=knowledge.list_terms(),
        conjunctions=[rule.model_dump() for rule in knowledge.list_conjunctions()],
        hiding=knowledge.list_hiding(),
        claim_weight=_CLAIM_WEIGHT,
        concept_weight=_CONCEPT_WEIGHT,
    )
    # liblinear's dual coordinate descent calls no BLAS, so the weights do not depend on the CPU.
    classify = LogisticRegression(
        C=_C, solver="liblinear", dual=True, tol=1e-5, max_iter=100_000, random_state=0
    )
    features = FeatureUnion(
        [("words", words), ("concepts", concepts)], transformer_weights={"words": _WORDS_WEIGHT}
    )
    return Pipeline([("features", features), ("labels", OneVsRestClassifier(classify))])


def fit_pipeline(knowledge: Knowledge, training: TrainingTexts) -> Pipeline:
    """Fit the pipeline to texts, and to as many pairs of them glued together."""
    training = training.join(_glue_texts(training))
    pipeline = build_pipeline(knowledge)
    with warnings.catch_warnings():
        # A label whose only passages are left out is then never found, as it should be.
        warnings.filterwarnings("ignore", message="Label not .* is present", module="sklearn")
        features = pipeline[:-1].fit_transform(training.texts)
        pipeline[-1].fit(features, training.truth.astype(int))
    # One-vs-rest takes the same texts for all labels; what is known differs from label to label.
    for column, estimator in enumerate(pipeline[-1].estimators_):
        known, truth = training.known[:, column], training.truth[:, column]
        if not known.all() and hasattr(estimator, "coef_"):
            estimator.fit(features[known], truth[known].astype(int))
    return pipeline


def weigh(pipeline: Pipeline, texts: NDArray[np.object_]) -> Floats:
    """Give the log-odds of each label for each text, shape (texts, labels)."""
    features = pipeline[:-1].transform(texts)
    return np.column_stack([_weigh_label(each, features) for each in pipeline[-1].estimators_])


def _glue_texts(training: TrainingTexts) -> TrainingTexts:
    # Pairs of texts as one, which has the labels of both.
    weights = np.where(training.written, _WRITTEN_WEIGHT, 1.0)
    draw = np.random.default_rng(0)
    pairs = np.array(
        [
            draw.choice(len(weights), size=2, replace=False, p=weights / weights.sum())
            for _ in range(_GLUED_PER_TEXT * len(weights))
        ]
    )
    truth = training.truth[pairs].any(axis=1)
    return TrainingTexts(
        texts=np.array([" ".join(training.texts[pair]) for pair in pairs], dtype=object),
        truth=truth,
        known=truth | training.known[pairs].all(axis=1),
        written=training.written[pairs].all(axis=1),
    )


def _weigh_label(estimator: Any, features: Any) -> Floats:
    # scikit-learn puts a constant in the place of a label that has no text in the fold: one that
    # was never seen is never found.
    if not hasattr(estimator, "coef_"):
        return np.full(features.shape[0], _NEVER)
    return np.asarray(estimator.decision_function(features), dtype=np.float64)
