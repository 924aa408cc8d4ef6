"""Texts cut into words: all words of all of them in a row, and what lies between them."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from service.markup import mask_markup
from service.slots import Integers
from service.word_bounds import (
    SEPARATOR,
    PlacedBounds,
    SearchedBounds,
    WordBounds,
    find_places,
)
from service.word_shapes import OTHER, Shape
from service.words import list_forms, split_words

_PACKED_MAX = 16
# Of a word of so many characters, which bits of its two numbers are its own; none of a longer one.
_MASKS = np.array(
    [
        [(1 << 8 * min(8, max(0, length - at))) - 1 for length in range(_PACKED_MAX + 1)] + [0]
        for at in (0, 8)
    ],
    np.uint64,
).view(np.int64)


class TextsInWords:
    """The words of texts.

    Args:
        texts: any, at least one.

    Attributes:
        bounds: what lies between them.
        lengths: shape (texts,), how many words each text has.
        starts: shape (texts,), how many stand before it in all.
        packed: shape (2, words), each word as two numbers; zeros for what is longer than sixteen
            characters, or not ASCII.
        rows: shape (words,), the text of each word.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        masked = texts
        joined = SEPARATOR.join(texts)
        if "<" in joined or "&" in joined:
            masked = [*map(mask_markup, texts)]
            joined = SEPARATOR.join(masked)
        self._shape = shape = Shape.of(masked, SEPARATOR)
        if shape is None:
            by_text = [*map(list_forms, masked)]
            self._forms = [*chain.from_iterable(by_text)]
            self.lengths = np.array([*map(len, by_text)], np.int64)
            self.bounds: WordBounds = SearchedBounds(texts, joined, len(self._forms))
            self.packed = np.zeros((2, len(self._forms)), np.int64)
        else:
            self._places = places = find_places(shape.octets)
            self.packed = _pack(shape.octets, places)
            # Where each text and the separator behind it end.
            self._ends = (np.array([*map(len, texts)], np.int64) + len(SEPARATOR)).cumsum()
            ends = places[:, 0].searchsorted(self._ends)
            self.lengths = ends.copy()
            self.lengths[1:] -= ends[:-1]
            self.bounds = PlacedBounds(joined, places)
        self.starts = self.lengths.cumsum() - self.lengths
        self.rows = np.arange(len(texts)).repeat(self.lengths)

    def __len__(self) -> int:
        """How many texts."""
        return len(self._texts)

    def spell(self, at: Integers) -> list[str]:
        """Give words in their one spelling."""
        if self._shape is None:
            return [self._forms[each] for each in at.tolist()]
        return self._shape.spell(self._places[at].tolist())

    def quote(self, text: int, first: int, last: int) -> str:
        """Quote words as they stand in their text.

        Args:
            text: which.
            first: the first of them, among all words.
            last: the one behind them.
        """
        if self._shape is None:
            words = split_words(self._texts[text])
            start = int(self.starts[text])
            return self._texts[text][words[first - start].start : words[last - start - 1].end]
        offset = self._ends[text] - len(self._texts[text]) - len(SEPARATOR)
        places = slice(self._places[first, 0] - offset, self._places[last - 1, 1] - offset)
        return self._texts[text][places]


def _pack(octets: bytes, places: Integers) -> Integers:
    # At every octet it and the fifteen behind it.
    windows = np.ndarray((len(octets) + 1,), "V16", octets + bytes(16), strides=(1,))
    starts = places[:, 0]
    packed = np.ascontiguousarray(windows[starts].view("<i8").reshape(-1, 2).T)
    packed &= _MASKS.take(np.minimum(places[:, 1] - starts, _PACKED_MAX + 1), axis=1)
    if OTHER in octets:
        others = np.flatnonzero(np.frombuffer(octets, np.uint8) == ord(OTHER))
        packed[:, starts.searchsorted(others, side="right") - 1] = 0
    return packed
