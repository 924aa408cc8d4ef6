"""An article -> its labels with evidence.

An article has a label when one of its passages has it (max over passages), so the passage with
the highest probability is the evidence, and the weights of its terms add up to the decision.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from service.messages import AlertLabel, Article, Evidence, ModelReference, Term
from service.model_file import Manifest, load_model
from service.passages import Passage, split_passages

# Enough for an editor to judge by, small enough for an alert.
EVIDENCE_MAX_PASSAGES = 3
TERMS_MAX = 5


@dataclass(frozen=True, slots=True)
class Labelling:
    """What the model says of one article: a probability per label, and the labels that hold."""

    probabilities: dict[str, float]
    labels: list[AlertLabel]


@dataclass(frozen=True, slots=True)
class _PartPassage:
    part: Literal["title", "text"]
    span: Passage
    quote: str


class Classifier:
    """A verified model."""

    def __init__(self, pipeline: Pipeline, manifest: Manifest) -> None:
        self.manifest = manifest
        self.reference = ModelReference(version=manifest.version, sha256=manifest.sha256)
        self._features = pipeline[:-1]
        self._one_vs_rest = pipeline[-1]
        self._terms: NDArray[np.object_] = self._features.get_feature_names_out()
        self._weights = np.vstack([each.coef_[0] for each in self._one_vs_rest.estimators_])

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        """Load and verify the model of a folder.

        Raises:
            ModelError: it cannot be used; says what to do.
        """
        return cls(*load_model(model_dir))

    def label_article(self, article: Article) -> Labelling:
        """Find the labels that hold for an article, each with the passages that carry it."""
        passages = _collect_passages(article)
        if not passages:
            return Labelling({label.name: 0.0 for label in self.manifest.labels}, [])
        features = self._features.transform([passage.quote for passage in passages])
        # With one label alone scikit-learn puts the probability of its absence before it.
        columns = len(self.manifest.labels)
        probabilities = self._one_vs_rest.predict_proba(features)[:, -columns:]
        best = {
            label.name: _round(probability)
            for label, probability in zip(
                self.manifest.labels, probabilities.max(axis=0), strict=True
            )
        }
        labels = [
            AlertLabel(
                label=label.name,
                title=label.title,
                probability=best[label.name],
                threshold=label.threshold,
                evidence=self._gather_evidence(passages, features, probabilities, column),
            )
            for column, label in enumerate(self.manifest.labels)
            if probabilities[:, column].max() >= label.threshold
        ]
        return Labelling(best, labels)

    def _gather_evidence(
        self,
        passages: list[_PartPassage],
        features: Any,
        probabilities: NDArray[np.float64],
        column: int,
    ) -> list[Evidence]:
        threshold = self.manifest.labels[column].threshold
        ranked = np.argsort(-probabilities[:, column], kind="stable")
        return [
            Evidence(
                part=passages[row].part,
                start=passages[row].span.start,
                end=passages[row].span.end,
                quote=passages[row].quote,
                probability=_round(probabilities[row, column]),
                terms=self._weigh_terms(features[[row]], column),
            )
            for row in ranked[:EVIDENCE_MAX_PASSAGES]
            if probabilities[row, column] >= threshold
        ]

    def _weigh_terms(self, features: Any, column: int) -> list[Term]:
        weights: dict[str, float] = defaultdict(float)
        for index, value in zip(features.indices, features.data, strict=True):
            # A term counts as a word and as a name; the reader sees one sum.
            term = self._terms[index].partition("__")[2]
            weights[term] += value * self._weights[column, index]
        heaviest = sorted(weights, key=lambda term: -abs(weights[term]))[:TERMS_MAX]
        return [Term(term=term, weight=_round(weights[term])) for term in heaviest]


def _collect_passages(article: Article) -> list[_PartPassage]:
    passages = [
        _PartPassage("text", span, article.text[span.start : span.end])
        for span in split_passages(article.text)
    ]
    # Many feeds repeat the headline as the first line of the text.
    if not article.text.lstrip().startswith(article.title.strip()):
        passages += [
            _PartPassage("title", span, article.title[span.start : span.end])
            for span in split_passages(article.title)
        ]
    return passages


def _round(number: float) -> float:
    # Six decimals: finer than any use of it, coarser than the noise of floating point.
    return round(float(number), 6)
