"""The listed terms, folded: of all words of an article at once, which concepts begin at them.

A word by itself is looked up. A term of several words begins only where two words share a bit (see
`WordRole`), and there alone the tree is walked.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from service.term_tree import GAP_WORDS, Concepts
from service.terms import NO_ROLE, Hit, TermIndex
from service.texts_in_words import TextsInWords

# Shape (rows, numbers): of each row a bit for each concept.
Masks = NDArray[np.uint64]
_BITS = 64
_NOTHING = (0,) * len(NO_ROLE)


@dataclass(frozen=True, slots=True)
class Marks:
    """The terms found in words.

    Attributes:
        masks: shape (words, numbers), of each word the concepts of the terms that begin at it.
        alone: shape (words,), which of the sets of concepts that single words are; 0 for none.
        longer: the terms of several words, in order.
    """

    masks: Masks
    alone: NDArray[np.int64]
    longer: list[Hit]


class ConceptMasks:
    """Sets of concepts as bits.

    Args:
        names: all concepts, in the order of their bits.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: divmod(at, _BITS) for at, name in enumerate(names)}
        self.width = max(1, -(-len(names) // _BITS))

    def write(self, sets: Sequence[Sequence[str]]) -> Masks:
        """Write sets of concepts as masks, a row each."""
        masks = np.zeros((len(sets), self.width), np.uint64)
        for row, concepts in enumerate(sets):
            for number, bit in map(self._places.__getitem__, concepts):
                masks[row, number] |= np.uint64(1 << bit)
        return masks

    @staticmethod
    def list_bits(masks: Masks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """List the concepts in masks, ascending: rows, and places among the names."""
        octets = masks.astype("<u8", copy=False).view(np.uint8)
        rows, places = np.unpackbits(octets, axis=1, bitorder="little").nonzero()
        return rows, places


class FoldedTerms:
    """Marks words with the concepts that begin at them.

    Args:
        index: the terms.
        concepts: how their concepts are written as masks.
    """

    def __init__(self, index: TermIndex, concepts: ConceptMasks) -> None:
        self._index = index
        self._concepts = concepts
        # The sets of concepts that terms have, none first, as most words are none.
        self._sets: list[Concepts] = [()]
        self._numbers: dict[Concepts, int] = {(): 0}
        self._masks = concepts.write(self._sets)

    def judge_word(self, form: str) -> tuple[int, ...]:
        """Tell what a word is to terms, as numbers for `mark`; those of most are 0."""
        role = self._index.judge_word(form)
        if role is NO_ROLE:
            return _NOTHING
        concepts, *bits = role
        return (self._number(concepts), *bits)

    def _number(self, concepts: Concepts) -> int:
        number = self._numbers.setdefault(concepts, len(self._sets))
        if number == len(self._sets):
            self._sets.append(concepts)
            self._masks = np.vstack([self._masks, self._concepts.write([concepts])])
        return number

    def mark(self, judged: NDArray[np.int64], texts: TextsInWords) -> Marks:
        """Find the terms that begin at each word.

        Args:
            judged: shape (5, words), what `judge_word` tells of each word.
            texts: the texts whose words they are.
        """
        alone, leads, follows, leads_far, follows_far = judged
        behind = np.zeros_like(follows_far)
        for step in range(1, GAP_WORDS + 2):
            behind[:-step] |= follows_far[step:]
        behind &= leads_far
        behind[:-1] |= leads[:-1] & follows[1:]
        places = behind.nonzero()[0].tolist()
        longer, hiding = self._index.find_longer(places, texts.forms, texts.bounds)
        for first, last in hiding:
            alone[first:last] = 0
        masks = self._masks[alone]
        if longer:
            numbers = [self._number(hit.concepts) for hit in longer]
            np.bitwise_or.at(masks, [hit.first for hit in longer], self._masks[numbers])
        return Marks(masks, alone, longer)

    def list_hits(self, marks: Marks, first: int, last: int) -> list[Hit]:
        """List the terms that begin at some words, in order.

        Args:
            marks: of all words.
            first: where the words begin.
            last: where they end.
        """
        single = [
            Hit(self._sets[number], at, at + 1)
            for at, number in enumerate(marks.alone[first:last].tolist(), first)
            if number
        ]
        begin, end = (
            bisect_left(marks.longer, at, key=attrgetter("first")) for at in (first, last)
        )
        longer = marks.longer[begin:end]
        return sorted(single + longer, key=attrgetter("first", "last")) if longer else single
