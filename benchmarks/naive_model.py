"""What a day's work with scikit-learn gives: whole articles, their words, a linear classifier."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from service.classifier import Labelling
from service.messages import Article
from service.seeds import read_seeds

# With neither weights nor many positives, nothing longer than a pair of words can be learnt.
_NGRAMS = (1, 2)


class NaiveModel:
    """TF-IDF and one logistic regression per label, both as scikit-learn has them by default."""

    threshold = 0.5  # Where scikit-learn's own `predict` decides.

    def __init__(self, names: Sequence[str], pipeline: Pipeline) -> None:
        self.names = names
        self._pipeline = pipeline

    @classmethod
    def fit(cls, names: Sequence[str], labels_of: Sequence[tuple[str, frozenset[str]]]) -> Self:
        """Fit on whole articles.

        Args:
            names: the labels, in the order of the model it is compared with.
            labels_of: texts, each with the labels it has.
        """
        pipeline = make_pipeline(
            TfidfVectorizer(ngram_range=_NGRAMS), OneVsRestClassifier(LogisticRegression())
        )
        truth = np.array([[name in labels for name in names] for _, labels in labels_of])
        with warnings.catch_warnings():
            # Without negatives a label that all articles have is then given to every article.
            warnings.filterwarnings("ignore", message="Label .* is present", module="sklearn")
            pipeline.fit([text for text, _ in labels_of], truth.astype(int))
        return cls(names, pipeline)

    def label_article(self, article: Article) -> Labelling:
        """Give each label's probability; a whole article has no passages to show."""
        probabilities = self._pipeline.predict_proba([f"{article.title}\n\n{article.text}"])[0]
        return Labelling(dict(zip(self.names, map(float, probabilities), strict=True)), [])


def fit_on_articles(names: Sequence[str], seeds_dir: Path) -> NaiveModel:
    """Fit on the seed articles alone, as whoever has but these would.

    Raises:
        SeedsError: the seeds cannot be read.
    """
    return NaiveModel.fit(names, _label_articles(seeds_dir))


def fit_on_articles_and_background(names: Sequence[str], seeds_dir: Path) -> NaiveModel:
    """Fit on the seed articles, and on the background without labels as negatives.

    Raises:
        SeedsError: the seeds cannot be read.
    """
    return NaiveModel.fit(names, _label_articles(seeds_dir) + _read_negatives(seeds_dir))


def _label_articles(seeds_dir: Path) -> list[tuple[str, frozenset[str]]]:
    seeds = read_seeds(seeds_dir)
    return [(text, seeds.labels_of(name)) for name, text in seeds.articles.items()]


def _read_negatives(seeds_dir: Path) -> list[tuple[str, frozenset[str]]]:
    # The file by itself: what else the seeds hold, the model's knowledge, is not the naive one's.
    lines = (seeds_dir / "background.jsonl").read_text(encoding="utf-8").removesuffix("\n")
    background = [json.loads(line) for line in lines.split("\n")]
    return [(each["text"], frozenset()) for each in background if not each["labels"]]
