"""Why an article has a label: the passages that carry it, and what in them weighs most."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from service.alerts import Evidence, Term
from service.fitted import FittedPipeline
from service.model_file import LabelManifest
from service.part_passages import PartPassage
from service.scoring import FoldedPipeline, Reading

# Enough for an editor to judge by, small enough for an alert.
EVIDENCE_MAX_PASSAGES = 3
TERMS_MAX = 8
# Finer than any use of it, coarser than the noise of floating point.
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Scored:
    """The passages of an article among those that were read together.

    Attributes:
        passages: all that were read.
        reading: of all.
        probabilities: shape (all, labels).
        first, last: where its own begin and end.
    """

    passages: Sequence[PartPassage]
    reading: Reading
    probabilities: NDArray[np.float64]
    first: int
    last: int

    @property
    def own(self) -> NDArray[np.float64]:
        """The probabilities of its own passages: shape (own, labels)."""
        return self.probabilities[self.first : self.last]


class Explainer:
    """Explains what a fitted pipeline found.

    Args:
        pipeline: fitted.
        folded: the same, folded.
    """

    def __init__(self, pipeline: FittedPipeline, folded: FoldedPipeline) -> None:
        self._folded = folded
        steps = dict(pipeline.features.transformer_list)
        conjunctions = steps["concepts"].conjunctions
        self._conjunctions = {rule["name"]: rule["all"] for rule in conjunctions}
        self._words: list[str] = [*steps["words"].vocabulary_]
        self._listed: list[str] = steps["concepts"].feature_names_

    def gather_evidence(self, scored: Scored, column: int, label: LabelManifest) -> list[Evidence]:
        """Gather the passages that carry a label, the one with the highest probability first.

        Args:
            scored: the article's passages.
            column: the label's among all labels.
            label: its thresholds.
        """
        probabilities = scored.own[:, column]
        ranked = np.argsort(-probabilities, kind="stable")[:EVIDENCE_MAX_PASSAGES]
        best = probabilities[ranked[0]]
        least = label.threshold if best >= label.threshold else label.review_threshold
        return [
            self._explain_passage(scored, scored.first + row, column)
            for row in ranked.tolist()
            if probabilities[row] >= least
        ]

    def _explain_passage(self, scored: Scored, row: int, column: int) -> Evidence:
        passage = scored.passages[row]
        columns, values = scored.reading.list_features(row)
        weights = values * self._folded.weights[columns, column]
        heaviest = np.argsort(-np.abs(weights), kind="stable")[:TERMS_MAX]
        shown = [
            (*self._name_term(term), weight)
            for term, weight in zip(
                columns[heaviest].tolist(), weights[heaviest].tolist(), strict=True
            )
        ]
        quotes = _quote_concepts(
            scored.reading, row, {each for _, _, concepts, _ in shown for each in concepts}
        )
        return Evidence(
            part=passage.part,
            start=passage.span.start,
            end=passage.span.end,
            quote=passage.quote,
            probability=float(scored.probabilities[row, column]),
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


def _quote_concepts(reading: Reading, row: int, concepts: Collection[str]) -> dict[str, list[str]]:
    quotes: dict[str, list[str]] = {concept: [] for concept in concepts}
    for named, quote in reading.quote_terms(row) if concepts else ():
        for concept in named:
            if concept in quotes:
                quotes[concept].append(quote)
    return quotes


def _round(number: float) -> float:
    return round(float(number), DECIMALS)
