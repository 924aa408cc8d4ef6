"""Listed terms, found in a text word by word.

Every term found keeps its words, and so their offsets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

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
from service.word_bounds import SplitBounds, TermBounds
from service.words import Word, list_words


class WordRole(NamedTuple):
    """What a word is to terms, whatever stands beside it.

    Two words of one term share a bit; by chance others may (Bloom 1970, Space/time trade-offs in
    hash coding with allowable errors).

    Attributes:
        concepts: what it stands for by itself.
        leads: of what may lead on right behind it.
        follows: of what it leads on as the second word of a term.
        leads_far: of what may lead on behind a gap right behind it.
        follows_far: of what it leads on behind such a gap.
    """

    concepts: Concepts
    leads: int
    follows: int
    leads_far: int
    follows_far: int


# Words that begin with the same letters as a stem are fewer, the more letters are looked at.
_LONG_OPENING_LETTERS = 4
NO_ROLE = WordRole((), 0, 0, 0, 0)


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
        starts = [*self._root.exact.values(), *self._root.stems.values()]
        self._seconds = _gather(starts)
        self._seconds_far = _gather([start.gap for start in starts if start.gap])
        some = _gather([self._root, self._seconds, self._seconds_far])
        # What nearly every word shows at once that is nothing to terms.
        self._words = frozenset(some.exact)
        self._openings = frozenset(stem[:_LONG_OPENING_LETTERS] for stem in some.stems)

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

    def judge_word(self, form: str) -> WordRole:
        """Tell what a word is to terms; most are nothing."""
        if form not in self._words and self._openings.isdisjoint(
            form[:letters] for letters in range(OPENING_LETTERS, _LONG_OPENING_LETTERS + 1)
        ):
            return NO_ROLE
        starts = self._starts[form]
        gaps = [node.gap for node in starts.nodes if node.gap]
        return WordRole(
            starts.concepts,
            _join_bits(node.leading_bits for node in starts.nodes),
            self._seconds.find_bits(form),
            _join_bits(gap.leading_bits for gap in gaps),
            self._seconds_far.find_bits(form),
        )

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Find the terms in a text's words, in order."""
        forms = [word.form for word in words]
        hits = self._collect(range(len(forms)), forms, SplitBounds(words))
        return [
            Hit(concepts, first, last)
            for (first, last), concepts in _leave_hidden(hits, self._list_hiding(hits))
        ]

    def find_longer(
        self, begins: Sequence[int], forms: Sequence[str], bounds: TermBounds
    ) -> tuple[list[Hit], list[Span]]:
        """Find the terms of several words that begin at some words of texts, in order.

        Args:
            begins: at which words; ascending, and all at which such a term begins.
            forms: all words.
            bounds: what lies between them.

        Returns:
            The terms, and the spans of those that hide all words inside them.
        """
        hits = {
            span: concepts
            for span, concepts in self._collect(begins, forms, bounds).items()
            if span[1] - span[0] > 1
        }
        hiding = self._list_hiding(hits)
        kept = [
            Hit(concepts, first, last) for (first, last), concepts in _leave_hidden(hits, hiding)
        ]
        return kept, [*hiding.items()]

    def _list_hiding(self, hits: Mapping[Span, Concepts]) -> dict[int, int]:
        # By its first word, where the longest hiding term ends.
        hiding: dict[int, int] = {}
        for (first, last), concepts in hits.items():
            if not self._hiding.isdisjoint(concepts):
                hiding[first] = max(last, hiding.get(first, 0))
        return hiding

    def _collect(
        self, begins: Sequence[int], forms: Sequence[str], bounds: TermBounds
    ) -> dict[Span, Concepts]:
        hits: dict[Span, Concepts] = {}
        behind = [*forms[1:], ""]
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
        return dict(sorted(hits.items()))


def _gather(nodes: Iterable[Node]) -> Node:
    gathered = Node()
    for node in nodes:
        gathered.exact |= node.exact
        gathered.stems |= node.stems
        gathered.openings |= node.openings
    return gathered


def _join_bits(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


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


def _holds(bounds: TermBounds, first: int, last: int) -> bool:
    if first == last:
        return bounds.is_joined(first)
    return bounds.is_one_sentence(first, last)
