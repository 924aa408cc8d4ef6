"""What lies between the words of texts: whether a term may run on, or a sentence ends."""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.spelling import WORD
from service.words import (
    GENITIVE,
    MAY_END_SENTENCE,
    SENTENCE_END,
    TERM_BREAK,
    Word,
    drop_genitives,
    list_forms,
    split_words,
)

# Ends a sentence; and what begins behind it begins as a text does.
SEPARATOR = "\n\x00"
_BLANK = ord(" ")
# Most words stand so; whatever else is between two words is looked at in its place in the text.
_JOINING = re.compile(" +|-")
_BREAKING = re.compile(r"[,;:()|\"“”«»،؛—]")


def find_places(octets: bytes) -> NDArray[np.int64]:
    """Find where words are between blanks: shape (words, 2), offsets."""
    filled = np.frombuffer(b" %b " % octets, np.uint8) != _BLANK
    edges: NDArray[np.int64] = (filled[1:] != filled[:-1]).nonzero()[0]
    return edges.reshape(-1, 2)


class TermBounds(Protocol):
    """What lies between the words of a term, found out when it is asked for."""

    def is_joined(self, at: int) -> bool:
        """Whether a term may run into a word from the one before it: `Word.joined`."""

    def is_one_sentence(self, first: int, last: int) -> bool:
        """Whether no sentence ends between two words."""


class WordBounds(TermBounds, Protocol):
    """What lies between the words of texts."""

    def find_sentences(self, first: int, last: int) -> list[int]:
        """Find the words from `first` to before `last` at which sentences begin, `first` too."""


class SplitBounds:
    """What lies between words that are cut already."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words

    def is_joined(self, at: int) -> bool:
        """Whether a term may run into a word from the one before it."""
        return self._words[at].joined

    def is_one_sentence(self, first: int, last: int) -> bool:
        """Whether no sentence ends between two words."""
        return self._words[first].sentence == self._words[last].sentence


class PlacedBounds:
    """What lies between words whose places are known.

    Args:
        joined: texts without markup, a SEPARATOR between them.
        places: shape (words, 2), the offsets of their words in it.
    """

    def __init__(self, joined: str, places: NDArray[np.int64]) -> None:
        self._joined = joined
        self._places = places

    def is_joined(self, at: int) -> bool:
        """Whether a term may run into a word from the one before it."""
        between = self._joined[self._places[at - 1, 1] : self._places[at, 0]]
        return between == " " or (
            not TERM_BREAK.search(between) and self.is_one_sentence(at - 1, at)
        )

    def is_one_sentence(self, first: int, last: int) -> bool:
        """Whether no sentence ends between two words."""
        return not SENTENCE_END.search(self._joined, self._places[first, 1], self._places[last, 0])

    def find_sentences(self, first: int, last: int) -> list[int]:
        """Find the words from `first` to before `last` at which sentences begin, `first` too."""
        starts = self._places[first:last, 0]
        ends = [match.end() for match in SENTENCE_END.finditer(self._joined, starts[0], starts[-1])]
        return sorted({first, *(starts.searchsorted(ends) + first).tolist()})


class SearchedBounds:
    """What lies between the words of any texts.

    Args:
        texts: any.
        joined: they without markup, a SEPARATOR between them.
        words_count: how many words `list_words` finds in them.
    """

    def __init__(self, texts: Sequence[str], joined: str, words_count: int) -> None:
        self._texts = texts
        self._joined = joined
        self._words_count = words_count

    def is_joined(self, at: int) -> bool:
        """Whether a term may run into a word from the one before it."""
        if between := self._between:
            if between[at] == " " or _JOINING.fullmatch(between[at]):
                return True
            if _BREAKING.search(between[at]):
                return False
            if not self._has_genitives:
                return self._are_together(at - 1, at) and not TERM_BREAK.search(between[at])
        return self._words[at].joined

    def is_one_sentence(self, first: int, last: int) -> bool:
        """Whether no sentence ends between two words."""
        between = self._between
        if between and not MAY_END_SENTENCE.search("".join(between[first + 1 : last + 1])):
            return True
        return self._are_together(first, last)

    def find_sentences(self, first: int, last: int) -> list[int]:
        """Find the words from `first` to before `last` at which sentences begin, `first` too."""
        changes = (at for at in range(first + 1, last) if not self._are_together(at - 1, at))
        return [first, *changes]

    def _are_together(self, first: int, last: int) -> bool:
        return self._sentences[first] == self._sentences[last]

    @cached_property
    def _sentences(self) -> list[int]:
        ends = [match.end() for match in SENTENCE_END.finditer(self._joined)]
        counts = [
            len(list_forms(self._joined[start:end]))
            for start, end in pairwise([0, *ends, len(self._joined)])
        ]
        if sum(counts) == self._words_count:
            return [number for number, count in enumerate(counts) for _ in range(count)]
        # No text has more sentences than characters.
        before = accumulate(map(len, self._texts), initial=0)
        return [
            start + word.sentence
            for start, text in zip(before, self._texts, strict=False)
            for word in split_words(text)
        ]

    @cached_property
    def _words(self) -> list[Word]:
        return [*chain.from_iterable(map(split_words, self._texts))]

    @cached_property
    def _has_genitives(self) -> bool:
        # Without them what is between the words next to one is not what stands there.
        return GENITIVE.search(self._joined) is not None

    @cached_property
    def _between(self) -> list[str]:
        # What stands before each word; unknown if some fall out, being but a mark or two.
        between = WORD.split(drop_genitives(self._joined))
        return between if len(between) == self._words_count + 1 else []
