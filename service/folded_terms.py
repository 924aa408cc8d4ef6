"""The listed terms, folded: found in all words of an article at once.

A word by itself is looked up. A term of several words begins only where two words share a bit (see
`WordRole`), and there alone the tree is walked.
"""

from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

import numpy as np

from service.slots import Integers, find_slots
from service.term_alphabet import ANYTHING
from service.term_tree import GAP_WORDS
from service.terms import PADDING, Hit, TermIndex
from service.word_bounds import TermBounds

# Of pairs of symbols.
_SLOTS_BITS = 15
_SYMBOL_BITS = 31
_PADDING = np.array(PADDING)
_FIRST = attrgetter("first")
_SPAN = attrgetter("first", "last")


@dataclass(frozen=True, slots=True)
class Found:
    """The terms found in words.

    Attributes:
        single: the words that are terms by themselves, ascending.
        symbols: of each of them.
        longer: the terms of several words, in order.
    """

    single: Integers
    symbols: Integers
    longer: list[Hit]

    def within(self, start: int, end: int) -> Self:
        """Give those that begin at the words from `start` to before `end`."""
        single = slice(*self.single.searchsorted((start, end)).tolist())
        longer = slice(*(bisect_left(self.longer, at, key=_FIRST) for at in (start, end)))
        return type(self)(self.single[single], self.symbols[single], self.longer[longer])


class FoldedTerms:
    """Finds terms in words that were looked up.

    Args:
        index: the terms.

    Attributes:
        concepts: by symbol, what a word stands for by itself.
    """

    def __init__(self, index: TermIndex) -> None:
        self._index = index
        self._alphabet = index.alphabet
        roles = self._alphabet.roles
        # By symbol: what it leads on and follows, whether it is a term by itself, and its bits.
        self._leading = np.array(
            [(role.leads, role.follows, role.leads_far, role.follows_far) for role in roles]
        )
        self.concepts = [role.concepts for role in roles]
        self._is_term = np.array([bool(role.concepts) for role in roles])
        self._bits = np.array([role.bits for role in roles])
        # Pairs of symbols, and what may lead on behind them; of those with one slot the last.
        self._pairs = np.full((2**_SLOTS_BITS, 2), -1)

    def spell(self, form: str) -> int:
        """Give the number of a word's symbol; most have `NOTHING`."""
        return self._alphabet.spell(form)

    def find(self, symbols: Integers, bounds: TermBounds) -> Found:
        """Find the terms in the words of texts.

        Args:
            symbols: shape (words,), of each word what `spell` gives.
            bounds: what lies between the words.
        """
        begins = _find_begins(*self._leading.take(symbols, axis=0).T)
        symbols = np.concatenate([symbols, _PADDING])
        begins = self._leave_leading(begins, symbols)
        numbers = symbols.tolist()
        longer, hiding = self._index.find_longer(begins.tolist(), numbers, bounds)
        is_term = self._is_term.take(symbols)
        for first, last in hiding:
            is_term[first:last] = False
        single = is_term.nonzero()[0]
        return Found(single, symbols.take(single), longer)

    def list_hits(self, found: Found) -> list[Hit]:
        """List terms in order."""
        single = zip(found.symbols.tolist(), found.single.tolist(), strict=True)
        hits = [Hit(self.concepts[symbol], at, at + 1) for symbol, at in single]
        return sorted(hits + found.longer, key=_SPAN)

    def _leave_leading(self, begins: Integers, symbols: Integers) -> Integers:
        # Most pairs stand in terms of which the next word is none.
        first, second, third = (symbols.take(begins + step) for step in range(3))
        keys = (first << _SYMBOL_BITS) | second
        slots = find_slots(keys, _SLOTS_BITS)
        pairs = self._pairs.take(slots, axis=0)
        for at in (pairs[:, 0] != keys).nonzero()[0].tolist():
            pairs[at] = keys[at], self._alphabet.judge_pair(int(first[at]), int(second[at]))
            self._pairs[slots[at]] = pairs[at]
        bits = pairs[:, 1]
        leading = (bits == ANYTHING) | (bits & self._bits.take(third) != 0)
        return begins.compress(leading)


def _find_begins(
    leads: Integers, follows: Integers, leads_far: Integers, follows_far: Integers
) -> Integers:
    # Where two words share a bit.
    behind = np.zeros_like(follows_far)
    for step in range(1, GAP_WORDS + 2):
        behind[:-step] |= follows_far[step:]
    behind &= leads_far
    behind[:-1] |= leads[:-1] & follows[1:]
    return np.flatnonzero(behind)
