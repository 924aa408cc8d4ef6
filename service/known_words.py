"""Words to what each is to the pipeline, those of an article looked up all at once."""

from collections.abc import Mapping

import numpy as np

from service.folded_terms import FoldedTerms
from service.folded_words import UNKNOWN
from service.slots import Integers, find_slots_of_pairs
from service.spelling import REMEMBERED_LETTERS
from service.term_alphabet import NOTHING
from service.texts_in_words import TextsInWords

_SLOTS_BITS = 17
# As many words as are in use; with more of them too many find their slot taken.
_WORDS_MAX = 2**_SLOTS_BITS // 2
# Names and numbers that come once are without end.
_OTHERS_MAX = 32768
# Of a row the first two numbers are its word, packed; a row lies in one line of a CPU's cache.
_PACKED = 2
_NOTHING = (UNKNOWN, NOTHING)


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
        self._others: dict[str, tuple[int, int]] = {}
        self._table = np.zeros((2**_SLOTS_BITS, _PACKED + len(_NOTHING)), np.int64)
        self._count = 0

    def look_up(self, texts: TextsInWords) -> Integers:
        """Tell what each word is: its number in the vocabulary, and its symbol in the terms.

        Returns:
            Shape (2, words).
        """
        # Those in use come back within a few articles.
        if len(self._others) > _OTHERS_MAX:
            self._others.clear()
        if self._count > _WORDS_MAX:
            self._table[:] = 0
            self._count = 0
        packed = texts.packed
        slots = find_slots_of_pairs(packed, _SLOTS_BITS)
        rows = self._table.take(slots, axis=0)
        known = (rows[:, 0] == packed[0]) & (rows[:, 1] == packed[1]) & (packed[0] != 0)
        unknown = np.flatnonzero(~known)
        # What is in their slots is another word's.
        rows[unknown, _PACKED:] = 0
        for at, form in zip(unknown.tolist(), texts.spell(unknown), strict=True):
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
            if told != _NOTHING:
                rows[at, _PACKED:] = told
        # The row of a word is in one place of memory; what is counted with lies by column.
        return np.ascontiguousarray(rows[:, _PACKED:].T)

    def _tell(self, form: str) -> tuple[int, int]:
        return self._numbers.get(form, UNKNOWN), self._terms.spell(form)
