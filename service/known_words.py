"""Words to what each is to the pipeline, those of an article looked up all at once."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from service.folded_terms import FoldedTerms
from service.folded_words import UNKNOWN, Integers
from service.texts_in_words import TextsInWords
from service.words import REMEMBERED_LETTERS

_SLOTS_BITS = 17
# As many words as are in use; with more of them too many find their slot taken.
_WORDS_MAX = 2**_SLOTS_BITS // 2
# Names and numbers that come once are without end.
_OTHERS_MAX = 32768
# Odd, its bits without pattern: the golden ratio, and a prime of xxHash (multiplicative hashing,
# Knuth, The Art of Computer Programming 3, 6.4).
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
_SHIFT = np.uint64(64 - _SLOTS_BITS)
# Of a row the first two numbers are its word, packed; eight numbers are one line of a CPU's cache.
_PACKED = 2


class KnownWords:
    """What words are to the pipeline, worked out when each first comes.

    Args:
        numbers: of the words of the vocabulary.
        terms: the listed terms.
    """

    def __init__(self, numbers: Mapping[str, int], terms: FoldedTerms) -> None:
        self._numbers = numbers
        self._terms = terms
        # Words without a slot: come once, longer than what can be packed, not ASCII, or too late.
        self._others: dict[str, tuple[int, ...]] = {}
        self._nothing = (UNKNOWN, *terms.judge_word(""))
        self._table = np.zeros((2**_SLOTS_BITS, _PACKED + len(self._nothing)), np.int64)
        self._count = 0

    def look_up(self, texts: TextsInWords) -> Integers:
        """Tell what each word is: its number, and what `FoldedTerms.judge_word` tells of it.

        Returns:
            Shape (numbers, words).
        """
        # Those in use come back within a few articles.
        if len(self._others) > _OTHERS_MAX:
            self._others.clear()
        if self._count > _WORDS_MAX:
            self._table[:] = 0
            self._count = 0
        packed = texts.packed
        slots = _hash(packed)
        rows = self._table.take(slots, axis=0)
        known = (rows[:, 0] == packed[0]) & (rows[:, 1] == packed[1]) & (packed[0] != 0)
        unknown = np.flatnonzero(~known)
        # What is in their slots is another word's.
        rows[unknown, _PACKED:] = 0
        for at in unknown.tolist():
            form = texts.spell(at)
            told = self._others.get(form)
            if told is None:
                # Most words that come for the first time come for the last.
                told = self._tell(form)
                if len(form) <= REMEMBERED_LETTERS:
                    self._others[form] = told
            elif packed[0, at] and not self._table[slots[at], 0]:
                self._table[slots[at]] = (*packed[:, at], *told)
                self._count += 1
                del self._others[form]
            if told is not self._nothing:
                rows[at, _PACKED:] = told
        # The row of a word is in one place of memory; what is counted with lies by column.
        return np.ascontiguousarray(rows[:, _PACKED:].T)

    def _tell(self, form: str) -> tuple[int, ...]:
        number = self._numbers.get(form, UNKNOWN)
        judged = self._terms.judge_word(form)
        return (number, *judged) if number or any(judged) else self._nothing


def _hash(packed: Integers) -> NDArray[np.int64]:
    first, second = packed.view(np.uint64)
    slots: Integers = ((first * _FACTORS[0] ^ second * _FACTORS[1]) >> _SHIFT).view(np.int64)
    return slots
