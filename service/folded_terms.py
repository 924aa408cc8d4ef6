"""The listed terms, folded: found in all words of an article at once.

A word by itself is looked up. A term of several words begins only where two words share a bit (see
`WordRole`), and there alone the tree is walked.
"""

from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from service.term_tree import GAP_WORDS, Concepts
from service.terms import Hit, TermIndex
from service.texts_in_words import TextsInWords

_FIRST = attrgetter("first")
_SPAN = attrgetter("first", "last")


@dataclass(frozen=True, slots=True)
class Found:
    """The terms found in words.

    Attributes:
        single: the words that are terms by themselves, ascending.
        concepts: what each of them stands for.
        longer: the terms of several words, in order.
    """

    single: list[int]
    concepts: list[Concepts]
    longer: list[Hit]

    def list_hits(self, start: int, end: int) -> list[Hit]:
        """List the terms that begin at some words, in order.

        Args:
            start: where the words begin.
            end: where they end.
        """
        own = slice(*(bisect_left(self.single, at) for at in (start, end)))
        single = zip(self.single[own], self.concepts[own], strict=True)
        longer = slice(*(bisect_left(self.longer, at, key=_FIRST) for at in (start, end)))
        hits = [Hit(concepts, at, at + 1) for at, concepts in single] + self.longer[longer]
        return sorted(hits, key=_SPAN)


class FoldedTerms:
    """Finds terms in words that were looked up.

    Args:
        index: the terms.
    """

    def __init__(self, index: TermIndex) -> None:
        self._index = index
        # Of each symbol whether it is a term by itself.
        self._is_term = np.zeros(0, np.bool_)

    def judge_word(self, form: str) -> tuple[int, ...]:
        """Tell what a word is to terms, as numbers for `find`; those of most are 0."""
        symbol = self._index.spell(form)
        _, *bits = self._index.roles[symbol]
        return (symbol, *bits)

    def find(self, judged: NDArray[np.int64], texts: TextsInWords) -> Found:
        """Find the terms in the words of texts.

        Args:
            judged: shape (5, words), what `judge_word` tells of each word.
            texts: the texts whose words they are.
        """
        symbols, leads, follows, leads_far, follows_far = judged
        behind = np.zeros_like(follows_far)
        for step in range(1, GAP_WORDS + 2):
            behind[:-step] |= follows_far[step:]
        behind &= leads_far
        behind[:-1] |= leads[:-1] & follows[1:]
        begins = behind.nonzero()[0].tolist()
        numbers = symbols.tolist()
        longer, hiding = self._index.find_longer(begins, numbers, texts.bounds)
        roles = self._index.roles
        if len(self._is_term) < len(roles):
            self._is_term = np.array([bool(role.concepts) for role in roles])
        is_term = self._is_term.take(symbols)
        for first, last in hiding:
            is_term[first:last] = False
        single = is_term.nonzero()[0].tolist()
        return Found(single, [roles[numbers[at]].concepts for at in single], longer)
