"""Listed terms, found in a text word by word.

Every term found keeps its words, and so their offsets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from service.term_tree import (
    GAP_WORDS,
    OPENING_LETTERS,
    Concepts,
    Node,
    Reached,
    Span,
    StartsByWord,
    unite,
)
from service.words import Word, list_words

# What a word may be to terms, as bits: a term by itself, or the first word of one with a gap; the
# first of a longer one; the second of one.
WHOLE, FIRST, SECOND = 1, 2, 4


class Bounds(Protocol):
    """What lies between the words of a text."""

    def is_joined(self, at: int) -> bool:
        """Whether a term may run into a word from the one before it."""

    def is_one_sentence(self, first: int, last: int) -> bool:
        """Whether no sentence ends between two words."""


@dataclass(frozen=True, slots=True)
class _SplitBounds:
    words: Sequence[Word]

    def is_joined(self, at: int) -> bool:
        return self.words[at].joined

    def is_one_sentence(self, first: int, last: int) -> bool:
        return self.words[first].sentence == self.words[last].sentence


class Hit(NamedTuple):
    """A listed term found in a text: the concepts it stands for and its span of words."""

    concepts: Concepts
    first: int
    last: int


def expand_term(term: str) -> list[str]:
    """Write out a term's `{a,b}` alternatives; an empty one leaves the word out."""
    match = re.search(r"\{([^{}]*)\}", term)
    if match is None:
        return [" ".join(term.split())]
    return [
        whole
        for choice in match.group(1).split(",")
        for whole in expand_term(term[: match.start()] + choice + term[match.end() :])
    ]


class TermIndex:
    """Listed terms as a tree of words: finds every one in a single walk over a text.

    A word ending in `*` stands for every word that begins so; `...` for up to five words within
    the sentence. A term of a hiding concept hides the terms inside its own words: "border collie"
    listed in one keeps "border" from being found.
    """

    def __init__(self, concepts: Mapping[str, Sequence[str]], hiding: frozenset[str]) -> None:
        self._hiding = hiding
        self._root = Node()
        self._starts = StartsByWord(self._root)
        for concept, terms in concepts.items():
            for term in terms:
                for written in expand_term(term):
                    self._add(written, concept)
        self._seconds = Node()
        for start in (*self._root.exact.values(), *self._root.stems.values()):
            self._seconds.exact |= start.exact
            self._seconds.stems |= start.stems
            self._seconds.openings |= start.openings

    def _add(self, term: str, concept: str) -> None:
        node = self._root
        for part in term.split():
            if part == "...":
                node.gap = node.gap or Node()
                node = node.gap
                continue
            if not (pieces := list_words(part)):
                continue
            *whole, last = pieces
            for word in whole:
                node = node.add(word, stem=False)
            node = node.add(last, stem=part.endswith("*"))
        node.concepts = unite(node.concepts, (concept,))

    def judge_word(self, form: str) -> int:
        """Tell what a word may be to terms, whatever stands beside it: WHOLE, FIRST, SECOND."""
        starts = self._starts[form]
        return (
            WHOLE * bool(starts.concepts or starts.behind_gaps or starts.openings_behind_gaps)
            | FIRST * bool(starts.seconds or starts.second_openings)
            | SECOND * bool(self._seconds.step(form))
        )

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Find the terms in a text's words, in order."""
        return self.find_from(range(len(words)), [word.form for word in words], _SplitBounds(words))

    def find_from(self, begins: Iterable[int], forms: Sequence[str], bounds: Bounds) -> list[Hit]:
        """Find the terms that begin at some of a text's words.

        Args:
            begins: which words; ascending.
            forms: all words of the text.
            bounds: what lies between them.
        """
        hits: dict[Span, Concepts] = {}
        behind = [*forms[1:], ""]
        begins = list(begins)
        known = map(self._starts.__getitem__, map(forms.__getitem__, begins))
        for first, (nodes, alone, seconds, openings, far, far_openings) in zip(
            begins, known, strict=True
        ):
            second = behind[first]
            leads_on = second in seconds or (openings and second[:OPENING_LETTERS] in openings)
            if not leads_on and not (
                (far or far_openings)
                and _may_hold(behind[first : first + GAP_WORDS + 1], far, far_openings)
            ):
                if alone:
                    hits[first, first + 1] = alone
                continue
            reached: list[Reached] = []
            for start in nodes:
                start.walk(forms, first + 1, (), reached)
            for last, concepts, between in reached:
                if not between or all(_holds(bounds, *each) for each in between):
                    others = hits.get((first, last))
                    hits[first, last] = unite(others, concepts) if others else concepts
        # By its first word, where the longest hiding term ends.
        hiding: dict[int, int] = {}
        for (first, last), concepts in hits.items():
            if not self._hiding.isdisjoint(concepts):
                hiding[first] = max(last, hiding.get(first, 0))
        return [
            Hit(concepts, first, last) for (first, last), concepts in _leave_hidden(hits, hiding)
        ]


def _leave_hidden(
    hits: Mapping[Span, Concepts], hiding: Mapping[int, int]
) -> Iterable[tuple[Span, Concepts]]:
    if not hiding:
        return hits.items()
    kept = []
    at = reached = 0
    for span, concepts in hits.items():
        first, last = span
        if first > at:
            # Where the longest hiding term ends that any word before begins.
            reached = max(reached, hiding.get(at, 0))
            at = first
        if last > reached and last >= hiding.get(first, 0):
            kept.append((span, concepts))
    return kept


def _may_hold(forms: Sequence[str], words: frozenset[str], openings: frozenset[str]) -> bool:
    return not words.isdisjoint(forms) or (
        bool(openings) and any(form[:OPENING_LETTERS] in openings for form in forms)
    )


def _holds(bounds: Bounds, first: int, last: int) -> bool:
    if first == last:
        return bounds.is_joined(first)
    return bounds.is_one_sentence(first, last)
