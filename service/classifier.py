"""An article -> its labels with evidence.

An article has a label when one of its passages has it (max over passages), so the passage with
the highest probability is the evidence, and the weights of its terms add up to the decision.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from service.alerts import AlertLabel, Evidence, ModelReference, Term
from service.fitted import FittedPipeline
from service.messages import Article
from service.model_file import LabelManifest, Manifest, load_model
from service.passages import Passage, keep_title, split_passages
from service.scoring import FoldedPipeline, Reading
from service.sketches import Sketcher

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
        unknown_words: how many of them are not in the model's vocabulary.
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

    def __init__(self, pipeline: FittedPipeline, manifest: Manifest) -> None:
        self.manifest = manifest
        self.reference = ModelReference(version=manifest.version, sha256=manifest.sha256)
        self.sketcher = _create_sketcher(pipeline)
        self._folded = FoldedPipeline(pipeline)
        steps = dict(pipeline.features.transformer_list)
        conjunctions = steps["concepts"].conjunctions
        self._conjunctions = {rule["name"]: rule["all"] for rule in conjunctions}
        self._words: list[str] = [*steps["words"].vocabulary_]
        self._listed: list[str] = steps["concepts"].feature_names_

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
            return Labelling(dict.fromkeys(self.names, 0.0), [], words=0, unknown_words=0)
        reading = self._folded.read([passage.quote for passage in passages])
        # Rounded before it is compared, so that what is published says the same.
        probabilities = (1 / (1 + np.exp(-reading.log_odds))).round(_DECIMALS)
        best = probabilities.max(axis=0)
        labels = [
            AlertLabel(
                label=label.name,
                title=label.title,
                band="alert" if best[column] >= label.threshold else "review",
                probability=_round(best[column]),
                threshold=label.threshold,
                evidence=self._gather_evidence(passages, reading, probabilities[:, column], column),
            )
            for column, label in enumerate(self.manifest.labels)
            if best[column] >= label.review_threshold
        ]
        found = dict(zip(self.names, map(_round, best), strict=True))
        return Labelling(found, labels, reading.words, reading.unknown_words)

    def _gather_evidence(
        self,
        passages: list[_PartPassage],
        reading: Reading,
        probabilities: NDArray[np.float64],
        column: int,
    ) -> list[Evidence]:
        ranked = np.argsort(-probabilities, kind="stable")[:EVIDENCE_MAX_PASSAGES]
        least = _least_for_evidence(self.manifest.labels[column], probabilities.max())
        return [
            self._explain_passage(passages[row], reading, row, probabilities[row], column)
            for row in ranked
            if probabilities[row] >= least
        ]

    def _explain_passage(
        self, passage: _PartPassage, reading: Reading, row: int, probability: float, column: int
    ) -> Evidence:
        columns, values = reading.list_features(row)
        weights = values * self._folded.weights[columns, column]
        heaviest = np.argsort(-np.abs(weights), kind="stable")[:TERMS_MAX]
        shown = [
            (*self._name_term(term), weight)
            for term, weight in zip(
                columns[heaviest].tolist(), weights[heaviest].tolist(), strict=True
            )
        ]
        quotes = _quote_concepts(
            passage.quote, reading, row, {each for _, _, concepts, _ in shown for each in concepts}
        )
        return Evidence(
            part=passage.part,
            start=passage.span.start,
            end=passage.span.end,
            quote=passage.quote,
            probability=_round(probability),
            terms=[
                Term(
                    kind=kind,
                    term=name,
                    weight=_round(weight),
                    found=_unite(quotes[concept] for concept in concepts),
                )
                for kind, name, concepts, weight in shown
            ],
            rest=_round(weights.sum() - weights[heaviest].sum()),
            bias=_round(self._folded.biases[column]),
        )

    def _name_term(self, column: int) -> tuple[str, str, Sequence[str]]:
        # Its kind, its name, and the concepts whose words in the passage are shown.
        if column < len(self._words):
            return "word", self._words[column], ()
        kind, _, name = self._listed[column - len(self._words)].partition(":")
        if kind == "concept":
            return kind, name, (name,)
        return kind, name, self._conjunctions.get(name, ()) if kind == "conjunction" else ()


def _unite(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable(lists)))


def _quote_concepts(
    quote: str, reading: Reading, row: int, concepts: Collection[str]
) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {concept: [] for concept in concepts}
    for hit in reading.hits[row] if concepts else ():
        for concept in hit.concepts:
            if concept in concepts:
                spans = reading.bounds[row].spans
                named[concept].append(quote[spans[hit.first][0] : spans[hit.last - 1][1]])
    return named


def _create_sketcher(pipeline: FittedPipeline) -> Sketcher:
    steps = dict(pipeline.features.transformer_list)
    words = steps["words"]
    rarities = {
        word: float(words.idf_[column])
        for word, column in words.vocabulary_.items()
        if " " not in word
    }
    return Sketcher(rarities, steps["concepts"].build_index())


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
