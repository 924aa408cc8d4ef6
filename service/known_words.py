"""Words to what each is to the pipeline, those of an article looked up all at once."""

from collections.abc import Mapping, Sequence

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
# No word is packed to it, nor to zero, which stands for what cannot be packed.
_NO_WORD = -1
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
        self._table = np.full((2**_SLOTS_BITS, _PACKED + len(_NOTHING)), _NO_WORD)
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
            self._table.fill(_NO_WORD)
            self._count = 0
        packed = texts.packed
        slots = find_slots_of_pairs(packed, _SLOTS_BITS)
        rows = self._table.take(slots, axis=0)
        unknown = ((rows[:, 0] != packed[0]) | (rows[:, 1] != packed[1])).nonzero()[0]
        has_slot = (rows[unknown, 0] == _NO_WORD) & (packed[0, unknown] != 0)
        # What is in their slots is another word's.
        rows[unknown, _PACKED:] = 0
        entering: dict[str, int] = {}
        forms = texts.spell(unknown)
        for at, form, may_enter in zip(unknown.tolist(), forms, has_slot.tolist(), strict=True):
            told = self._others.get(form)
            if told is None:
                # Most words that come for the first time come for the last.
                told = self._tell(form)
                if len(form) <= REMEMBERED_LETTERS:
                    self._others[form] = told
            elif may_enter:
                entering[form] = at
            if told != _NOTHING:
                rows[at, _PACKED:] = told
        if entering:
            self._enter([*entering.values()], rows, packed, slots)
            for form in entering:
                del self._others[form]
        # The row of a word is in one place of memory; what is counted with lies by column.
        return np.ascontiguousarray(rows[:, _PACKED:].T)

    def _enter(
        self, entering: Sequence[int], rows: Integers, packed: Integers, slots: Integers
    ) -> None:
        rows[entering, :_PACKED] = packed[:, entering].T
        # Of two with one slot the last has it, and the other is told anew when it comes again.
        self._table[slots[entering]] = rows[entering]
        self._count += len({*slots[entering].tolist()})

    def _tell(self, form: str) -> tuple[int, int]:
        return self._numbers.get(form, UNKNOWN), self._terms.spell(form)
