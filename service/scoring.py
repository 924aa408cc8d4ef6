"""The fitted pipeline, folded for single articles: its own numbers without its matrices.

scikit-learn's pipeline stays the one source of what a label's probability is. All here is derived
from it at load, and makes each number by the same operations in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from service.fitted import FittedPipeline
from service.folded_concepts import FoldedConcepts
from service.folded_terms import FoldedTerms, Found
from service.folded_words import Features, Floats, FoldedWords
from service.known_words import KnownWords
from service.slots import Integers
from service.term_tree import Concepts
from service.texts_in_words import TextsInWords


@dataclass(frozen=True, slots=True)
class Reading:
    """What the pipeline makes of passages.

    Attributes:
        log_odds: shape (passages, labels).
        words: shape (passages,), how many words each has.
        unknown_words: shape (passages,), how many of them are not in the vocabulary.
    """

    log_odds: Floats
    words: Integers
    unknown_words: Integers
    _texts: TextsInWords
    _terms: FoldedTerms
    _found: Found
    _words: Features
    _concepts: Features
    # A passage may carry several labels.
    _quoted: dict[int, Sequence[tuple[Concepts, str]]] = field(default_factory=dict)

    def quote_terms(self, passage: int) -> Sequence[tuple[Concepts, str]]:
        """Quote the listed terms in a passage: the concepts of each, and how it stands there."""
        if passage not in self._quoted:
            start = int(self._texts.starts[passage])
            end = start + int(self._texts.lengths[passage])
            self._quoted[passage] = [
                (hit.concepts, self._texts.quote(passage, hit.first, hit.last))
                for hit in self._terms.list_hits(self._found.within(start, end))
            ]
        return self._quoted[passage]

    def list_features(self, passage: int) -> tuple[Integers, Floats]:
        """Give a passage's non-zero features: their columns, ascending, and their values."""
        own = [each.of_row(passage) for each in (self._words, self._concepts)]
        columns, values = zip(*own, strict=True)
        return np.concatenate(columns), np.concatenate(values)


class FoldedPipeline:
    """The words, concepts and weights of a fitted pipeline.

    Attributes:
        weights: shape (features, labels).
        biases: shape (labels,).

    Raises:
        ModelError: its TF-IDF step was fitted with settings that are not folded, or a conjunction
            asks for no concept.
    """

    def __init__(self, pipeline: FittedPipeline) -> None:
        steps = dict(pipeline[0].transformer_list)
        shares = pipeline[0].transformer_weights or {}
        self._words = FoldedWords(steps["words"], shares.get("words", 1.0))
        self._terms = FoldedTerms(steps["concepts"].build_index())
        self._concepts = FoldedConcepts(
            steps["concepts"],
            shares.get("concepts", 1.0),
            self._words.columns_count,
            self._terms,
        )
        self._known = KnownWords(self._words.numbers, self._terms)
        estimators = pipeline[-1].estimators_
        # A feature's weights for all labels lie side by side.
        self.weights = np.ascontiguousarray(np.vstack([each.coef_[0] for each in estimators]).T)
        self.biases = np.concatenate([each.intercept_ for each in estimators])

    def read(self, passages: Sequence[str]) -> Reading:
        """Read passages, at least one; those of several articles cost less together."""
        texts = TextsInWords(passages)
        numbers, symbols = self._known.look_up(texts)
        words = self._words.weigh(numbers, texts.rows, len(texts))
        found = self._terms.find(symbols, texts.bounds)
        concepts = self._concepts.describe(found, texts)
        return Reading(
            log_odds=self._add_up(words.join(concepts), len(texts)) + self.biases,
            words=texts.lengths,
            unknown_words=self._words.count_unknown(numbers, texts.rows, len(texts)),
            _texts=texts,
            _terms=self._terms,
            _found=found,
            _words=words,
            _concepts=concepts,
        )

    def _add_up(self, features: Features, count: int) -> Floats:
        weighed = self.weights.take(features.columns, axis=0)
        weighed *= features.values[:, np.newaxis]
        # It adds in order: a passage's words, then its concepts, each by its column.
        return np.column_stack([np.bincount(features.rows, each, count) for each in weighed.T])
