"""A fitted TfidfVectorizer, folded for single articles: word numbers in, weights out."""

from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray

from service.fitted import FittedWords
from service.model_file import ModelError
from service.slots import Integers, find_slots
from service.words import list_words

Floats = NDArray[np.float64]

# What of a TfidfVectorizer is folded; one fitted otherwise would be folded wrongly.
_FOLDED = {
    "analyzer": "word",
    "binary": False,
    "lowercase": False,
    "ngram_range": (1, 2),
    "norm": "l2",
    "preprocessor": None,
    "stop_words": None,
    "strip_accents": None,
    "sublinear_tf": True,
    "tokenizer": list_words,
    "use_idf": True,
}
# The number of every word that is in no entry of the vocabulary, and no part of one.
UNKNOWN = 0
_NARROW_MAX = np.iinfo(np.int32).max
# Slots for pairs of words, several for each: most have one of their own.
_SLOTS_BITS = 17
_NO_KEY = -1
_SHARED = 1 << 62


@dataclass(frozen=True, slots=True)
class Features:
    """Non-zero features of passages, as a matrix has them: rows are ascending."""

    rows: Integers
    columns: Integers
    values: Floats

    def join(self, other: Self) -> Self:
        """Put others behind these."""
        return type(self)(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.values, other.values]),
        )

    def of_row(self, row: int) -> tuple[Integers, Floats]:
        """Give the columns and values of a row."""
        own = slice(*np.searchsorted(self.rows, [row, row + 1]))
        return self.columns[own], self.values[own]


class FoldedWords:
    """The vocabulary of a fitted TfidfVectorizer, its words numbered.

    Args:
        vectorizer: fitted.
        share: what its features are multiplied by.

    Raises:
        ModelError: it was fitted with settings that are not folded here.
    """

    def __init__(self, vectorizer: FittedWords, share: float) -> None:
        settings = vectorizer.get_params()
        for name, value in _FOLDED.items():
            if settings[name] != value:
                raise ModelError(
                    f"the model's TF-IDF step has {name}={settings[name]!r}, and "
                    f"service/folded_words.py folds {name}={value!r} alone: "
                    "teach it the other, or train with this one"
                )
        vocabulary = vectorizer.vocabulary_
        self.columns_count = len(vocabulary)
        self._share = share
        self._idf = vectorizer.idf_
        # A word in its one spelling may have blanks in it (the Arabic ligature of a blessing is
        # four words), so that each blank of an entry may be where two words meet.
        pairs = [
            (entry[:at], entry[at + 1 :], column)
            for entry, column in vocabulary.items()
            for at, letter in enumerate(entry)
            if letter == " "
        ]
        known = dict.fromkeys(chain(vocabulary, *(pair[:2] for pair in pairs)))
        self.numbers = {word: number for number, word in enumerate(known, start=UNKNOWN + 1)}
        self._base = len(self.numbers) + 1
        self._column_of = np.full(self._base, -1)
        self._column_of[[self.numbers[entry] for entry in vocabulary]] = [*vocabulary.values()]
        keys = [self._base * self.numbers[one] + self.numbers[two] for one, two, _ in pairs]
        self._pairs = _PairTable(
            np.array(keys, np.int64), np.array([column for *_, column in pairs], np.int64)
        )

    def count_unknown(self, numbers: Integers, rows: Integers, count: int) -> Integers:
        """Count the words of each passage that are not in the vocabulary; arguments as `weigh`."""
        return np.bincount(rows[self._column_of[numbers] < 0], minlength=count)

    def weigh(self, numbers: Integers, rows: Integers, count: int) -> Features:
        """Weigh words and pairs of words as the vectorizer does.

        Args:
            numbers: shape (words,), by `numbers`; those of one passage follow each other.
            rows: shape (words,), the passage of each, ascending.
            count: of passages.

        Returns:
            Each non-zero feature, rows ascending and within them columns.
        """
        # A passage and a column as one number, to be counted together.
        bases = rows * self.columns_count
        singles = self._column_of.take(numbers)
        single = (bases + singles)[singles >= 0]
        # A pair that holds an unknown word, or reaches into the next passage, has no entry.
        keys = numbers[:-1] * self._base
        keys += numbers[1:]
        at, paired = self._pairs.find(keys)
        inside = rows.take(at) == rows.take(at + 1)
        pair = bases.take(at[inside]) + paired[inside]
        each = np.concatenate([single, pair])
        if count * self.columns_count <= _NARROW_MAX:
            each = each.astype(np.int32)  # Half as much to move is sorted in half the time.
        each.sort()
        changes = np.ones(len(each) + 1, np.bool_)
        np.not_equal(each[1:], each[:-1], out=changes[1:-1])
        ends = changes.nonzero()[0]
        found = each.take(ends[:-1]).astype(np.int64)
        times = ends[1:] - ends[:-1]
        passages = found // self.columns_count
        columns = found - passages * self.columns_count
        values = np.log(times)
        values += 1.0
        values *= self._idf.take(columns)
        # bincount adds in order, as scikit-learn does: not even the last bit differs.
        norms = np.sqrt(np.bincount(passages, values * values, count))
        return Features(passages, columns, values / norms.take(passages) * self._share)


class _PairTable:
    """Keys of pairs of words to their columns.

    Args:
        keys: shape (pairs,), each once, none negative.
        columns: shape (pairs,).
    """

    def __init__(self, keys: Integers, columns: Integers) -> None:
        slots, first = np.unique(find_slots(keys, _SLOTS_BITS), return_index=True)
        # A key and what it leads to lie in one line of a CPU's cache.
        self._table = np.full((2**_SLOTS_BITS, 2), _NO_KEY)
        self._table[slots] = np.stack([keys[first], columns[first]], axis=1)
        # Those whose slot another has, ascending; in the columns of these slots that is noted.
        late = np.delete(np.arange(len(keys)), first)
        late = late[np.argsort(keys[late])]
        self._table[find_slots(keys[late], _SLOTS_BITS), 1] |= _SHARED
        # Behind the last a key that no pair has, so that every search ends at some key.
        self._late_keys = np.append(keys[late], np.iinfo(np.int64).max)
        self._late_columns = columns[late]

    def find(self, keys: Integers) -> tuple[Integers, Integers]:
        """Find which keys are those of pairs: their places, ascending, and the pairs' columns."""
        rows = self._table.take(find_slots(keys, _SLOTS_BITS), axis=0)
        columns = rows[:, 1]
        is_found = rows[:, 0] == keys
        others = np.flatnonzero((columns >= _SHARED) & ~is_found)
        columns &= _SHARED - 1
        places = self._late_keys.searchsorted(keys[others])
        is_late = self._late_keys.take(places) == keys[others]
        is_found[others] = is_late
        columns[others[is_late]] = self._late_columns.take(places[is_late])
        at = np.flatnonzero(is_found)
        return at, columns.take(at)
