"""The fitted pipeline, folded for single articles: its own numbers without its matrices.

scikit-learn's pipeline stays the one source of what a label's probability is. All here is derived
from it at load, and makes each number by the same operations in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from service.fitted import FittedPipeline
from service.folded_concepts import FoldedConcepts
from service.folded_words import UNKNOWN, Features, Floats, FoldedWords, Integers
from service.terms import FIRST, SECOND, WHOLE, Hit, TermIndex
from service.words import WordBounds, list_words

# As many words as are in use; names and numbers that come once are without end.
_CODES_MAX = 65536
# A word's code: what it may be to terms in the lowest bits, and above them its number.
_TERM_BITS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What the pipeline makes of the passages of one article.

    Attributes:
        log_odds: shape (passages, labels).
        words: how many words the passages have.
        unknown_words: how many of them are not in the vocabulary.
        hits: of each passage, the listed terms in it.
        bounds: by passage that has such, where its words are.
    """

    log_odds: Floats
    words: int
    unknown_words: int
    hits: Sequence[Sequence[Hit]]
    bounds: Mapping[int, WordBounds]
    _words: Features
    _concepts: Features

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
        ModelError: its TF-IDF step was fitted with settings that are not folded.
    """

    def __init__(self, pipeline: FittedPipeline) -> None:
        steps = dict(pipeline[0].transformer_list)
        shares = pipeline[0].transformer_weights or {}
        self._words = FoldedWords(steps["words"], shares.get("words", 1.0))
        self._concepts = FoldedConcepts(
            steps["concepts"], shares.get("concepts", 1.0), self._words.columns_count
        )
        self._terms = steps["concepts"].build_index()
        self._codes = _Codes(self._words.numbers, self._terms)
        estimators = pipeline[-1].estimators_
        # A feature's weights for all labels lie side by side.
        self.weights = np.ascontiguousarray(np.vstack([each.coef_[0] for each in estimators]).T)
        self.biases = np.concatenate([each.intercept_ for each in estimators])

    def read(self, passages: Sequence[str]) -> Reading:
        """Read the passages of one article, at least one."""
        forms = [*map(list_words, passages)]
        lengths = [*map(len, forms)]
        ends = [*accumulate(lengths)]
        rows = np.repeat(np.arange(len(passages)), lengths)
        flat = chain.from_iterable(forms)
        codes = np.fromiter(map(self._codes.__getitem__, flat), np.int64, ends[-1])
        numbers = codes >> _TERM_BITS
        words = self._words.weigh(numbers, rows, len(passages))
        hits: list[list[Hit]] = []
        bounds_of: dict[int, WordBounds] = {}
        concepts: list[tuple[int, int, float]] = []
        begins = np.flatnonzero(_may_begin(codes))
        places = (begins - (np.array(ends) - lengths)[rows[begins]]).tolist()
        cuts = [0, *begins.searchsorted(ends).tolist()]
        for row, own in enumerate(forms):
            bounds = WordBounds(passages[row], len(own))
            found = self._terms.find_from(places[cuts[row] : cuts[row + 1]], own, bounds)
            hits.append(found)
            if found:
                bounds_of[row] = bounds
                concepts += [(row, *each) for each in self._concepts.describe(found, bounds)]
        listed = Features.of(concepts)
        return Reading(
            log_odds=self._add_up(words.join(listed), len(passages)) + self.biases,
            words=ends[-1],
            unknown_words=self._words.count_unknown(numbers),
            hits=hits,
            bounds=bounds_of,
            _words=words,
            _concepts=listed,
        )

    def _add_up(self, features: Features, count: int) -> Floats:
        weighed = self.weights.take(features.columns, axis=0)
        weighed *= features.values[:, np.newaxis]
        # It adds in order: a passage's words, then its concepts, each by its column.
        return np.column_stack([np.bincount(features.rows, each, count) for each in weighed.T])


def _may_begin(codes: Integers) -> NDArray[np.bool_]:
    """Tell at which words a term may begin, as far as it shows in them and in those behind."""
    begins: NDArray[np.bool_] = codes & WHOLE != 0
    begins[:-1] |= (codes[:-1] & FIRST != 0) & (codes[1:] & SECOND != 0)
    return begins


class _Codes(dict[str, int]):
    """Words to their codes, each worked out when it first comes."""

    def __init__(self, numbers: dict[str, int], terms: TermIndex) -> None:
        super().__init__()
        self._numbers = numbers
        self._terms = terms

    def __missing__(self, form: str) -> int:
        code = self._numbers.get(form, UNKNOWN) << _TERM_BITS | self._terms.judge_word(form)
        if len(self) < _CODES_MAX:
            self[form] = code
        return code
