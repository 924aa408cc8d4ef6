"""A report -> all its words in a row, with where they stand and what lies between them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from service.markup import mask_markup
from service.word_bounds import SEPARATOR, PlacedBounds, find_places
from service.word_shapes import OTHER, Shape
from service.words import split_words

_LETTERS = 26


class ReportWords:
    """The words of a report.

    They are those of `split_words`; found in all parts at once, for a paragraph has too few of
    them for what each step costs.

    Args:
        parts: its headline and paragraphs.

    Attributes:
        written: the parts as they are, with a SEPARATOR between them.
        forms: all words in their one spelling.
        starts: where each begins in `written`.
        bounds: what lies between them.
        capitals: shape (words,), whether each begins with one there.
        ends: of each part, how many words there are up to its end.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        self.written = SEPARATOR.join(parts)
        masked = SEPARATOR.join(map(mask_markup, parts))
        shape = Shape.of([masked])
        if shape is None:
            self.forms, places = _split_parts(parts)
        else:
            self.forms = shape.write().split()
            places = find_places(shape.octets)
        self.starts: list[int] = places[:, 0].tolist()
        self.bounds = PlacedBounds(masked, places)
        self.capitals = _find_capitals(self.written, places[:, 0])
        self.ends = [bisect_left(self.starts, offset) for offset in _list_offsets(parts)[1:]]

    def list_parts(self, at: Sequence[int]) -> list[list[str]]:
        """List the parts in which some words stand, as words."""
        starts = [0, *self.ends]
        parts = sorted({bisect_right(self.ends, each) for each in at})
        return [self.forms[starts[part] : starts[part + 1]] for part in parts]

    def opens_sentence(self, at: int) -> bool:
        """Whether a word is the first of its sentence."""
        return at == 0 or not self.bounds.is_one_sentence(at - 1, at)


def _split_parts(parts: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    forms: list[str] = []
    places: list[tuple[int, int]] = []
    for part, offset in zip(parts, _list_offsets(parts), strict=False):
        for word in split_words(part):
            forms.append(word.form)
            places.append((word.start + offset, word.end + offset))
    return forms, np.array(places, np.intp).reshape(-1, 2)


def _list_offsets(parts: Sequence[str]) -> list[int]:
    # Where each part begins, and where one behind the last would.
    return [*accumulate((len(part) + len(SEPARATOR) for part in parts), initial=0)]


def _find_capitals(written: str, starts: NDArray[np.intp]) -> NDArray[np.bool_]:
    # A word has no question mark: so one stands for what is not ASCII.
    first = np.frombuffer(written.encode("ascii", errors="replace"), np.uint8)[starts]
    capitals = first - ord("A") < _LETTERS
    for at in (first == ord(OTHER)).nonzero()[0].tolist():
        capitals[at] = written[starts[at]].isupper()
    return capitals
