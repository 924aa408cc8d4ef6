"""An article -> its labels with evidence.

An article has a label when one of its passages has it (max over passages), so the passage with
the highest probability is the evidence, and the weights of its terms add up to the decision.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from service.alerts import AlertLabel, Evidence, ModelReference, Term
from service.messages import Article
from service.model_file import LabelManifest, Manifest, load_model
from service.passages import Passage, keep_title, split_passages
from service.sketches import Sketcher
from service.words import list_words, split_words

# Enough for an editor to judge by, small enough for an alert.
EVIDENCE_MAX_PASSAGES = 3
TERMS_MAX = 8
# Finer than any use of it, coarser than the noise of floating point.
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Labelling:
    """What the model says of one article.

    Attributes:
        probabilities: of every label.
        labels: those in the alert or the review band, with their evidence.
        words: how many words its passages have.
        unknown_words: how many of them the model does not know.
    """

    probabilities: dict[str, float]
    labels: list[AlertLabel]
    words: int = 0
    unknown_words: int = 0

    @property
    def alerts(self) -> list[AlertLabel]:
        """The labels that hold."""
        return [label for label in self.labels if label.band == "alert"]


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
        self._concepts = dict(pipeline[0].transformer_list)["concepts"]
        self._vocabulary = dict(pipeline[0].transformer_list)["words"].vocabulary_
        self.sketcher = _create_sketcher(pipeline)
        self._conjunctions = {rule["name"]: rule["all"] for rule in self._concepts.conjunctions}
        self._terms: NDArray[np.object_] = self._features.get_feature_names_out()
        self._weights = np.vstack([each.coef_[0] for each in pipeline[-1].estimators_])
        self._biases = np.concatenate([each.intercept_ for each in pipeline[-1].estimators_])

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        """Load and verify the model of a folder.

        Raises:
            ModelError: it cannot be used; says what to do.
        """
        return cls(*load_model(model_dir))

    @property
    def names(self) -> Sequence[str]:
        """The labels, in order."""
        return [label.name for label in self.manifest.labels]

    @property
    def threshold(self) -> float:
        """The probability from which a label holds; the same for all labels."""
        return self.manifest.labels[0].threshold

    def label_article(self, article: Article) -> Labelling:
        """Find the labels of an article, each with the passages that carry it."""
        passages = _collect_passages(article)
        if not passages:
            return Labelling(dict.fromkeys(self.names, 0.0), [])
        features = self._features.transform([passage.quote for passage in passages])
        # The pipeline's own decision function, but of one shape also for a single label.
        odds = np.asarray(features @ self._weights.T) + self._biases
        # Rounded before it is compared, so that what is published says the same.
        probabilities = (1 / (1 + np.exp(-odds))).round(_DECIMALS)
        best = probabilities.max(axis=0)
        labels = [
            AlertLabel(
                label=label.name,
                title=label.title,
                band="alert" if best[column] >= label.threshold else "review",
                probability=_round(best[column]),
                threshold=label.threshold,
                evidence=self._gather_evidence(
                    passages, features, probabilities[:, column], column
                ),
            )
            for column, label in enumerate(self.manifest.labels)
            if best[column] >= label.review_threshold
        ]
        found = dict(zip(self.names, map(_round, best), strict=True))
        words = [word for passage in passages for word in list_words(passage.quote)]
        unknown_words = sum(word not in self._vocabulary for word in words)
        return Labelling(found, labels, len(words), unknown_words)

    def _gather_evidence(
        self,
        passages: list[_PartPassage],
        features: Any,
        probabilities: NDArray[np.float64],
        column: int,
    ) -> list[Evidence]:
        ranked = np.argsort(-probabilities, kind="stable")[:EVIDENCE_MAX_PASSAGES]
        least = _least_for_evidence(self.manifest.labels[column], probabilities.max())
        return [
            self._explain_passage(passages[row], features[[row]], probabilities[row], column)
            for row in ranked
            if probabilities[row] >= least
        ]

    def _explain_passage(
        self, passage: _PartPassage, features: Any, probability: float, column: int
    ) -> Evidence:
        weights = features.data * self._weights[column, features.indices]
        heaviest = np.argsort(-np.abs(weights), kind="stable")[:TERMS_MAX]
        named = self._name_concepts(passage.quote)
        return Evidence(
            part=passage.part,
            start=passage.span.start,
            end=passage.span.end,
            quote=passage.quote,
            probability=_round(probability),
            terms=[
                self._describe_term(features.indices[each], weights[each], named)
                for each in heaviest
            ],
            rest=_round(weights.sum() - weights[heaviest].sum()),
            bias=_round(self._biases[column]),
        )

    def _describe_term(self, column: int, weight: float, named: dict[str, list[str]]) -> Term:
        step, _, term = self._terms[column].partition("__")
        if step == "words":
            return Term(kind="word", term=term, weight=_round(weight))
        kind, _, name = term.partition(":")
        concepts = {"concept": [name], "conjunction": self._conjunctions.get(name, [])}
        found = [quote for concept in concepts.get(kind, []) for quote in named.get(concept, [])]
        return Term(kind=kind, term=name, weight=_round(weight), found=list(dict.fromkeys(found)))

    def _name_concepts(self, quote: str) -> dict[str, list[str]]:
        words = split_words(quote)
        named: dict[str, list[str]] = defaultdict(list)
        for hit in self._concepts.find_terms(words):
            for concept in hit.concepts:
                named[concept].append(quote[words[hit.first].start : words[hit.last - 1].end])
        return named


def _create_sketcher(pipeline: Pipeline) -> Sketcher:
    steps = dict(pipeline[0].transformer_list)
    words = steps["words"]
    rarities = {
        word: float(words.idf_[column])
        for word, column in words.vocabulary_.items()
        if " " not in word
    }
    return Sketcher(rarities, steps["concepts"])


def _least_for_evidence(label: LabelManifest, best: float) -> float:
    return label.threshold if best >= label.threshold else label.review_threshold


def _collect_passages(article: Article) -> list[_PartPassage]:
    passages = [
        _PartPassage("text", span, article.text[span.start : span.end])
        for span in split_passages(article.text)
    ]
    # Many feeds repeat the headline as the first line of the text.
    if not article.text.lstrip().startswith(article.title.strip()):
        passages += [
            _PartPassage("title", span, article.title[span.start : span.end])
            for span in keep_title(article.title)
        ]
    return passages


def _round(number: float) -> float:
    return round(float(number), _DECIMALS)
