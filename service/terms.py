"""Listed terms, found in a text word by word.

Every term found keeps its words, and so their offsets.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import NamedTuple

from service.term_alphabet import NOTHING, Alphabet
from service.term_tree import GAP_WORDS, Concepts, Node, Span, unite
from service.word_bounds import SplitBounds, TermBounds
from service.words import Word, list_words

# What stands behind the words of a text, so that a walk need not ask whether it is at their end.
PADDING = (NOTHING,) * (GAP_WORDS + 2)
# A term that words lead to: the word behind its last, the concepts it stands for, and what must
# lie between its words: of a word twice that a term may run into it from the one before; of two
# that no sentence ends between them.
_Reached = tuple[int, Concepts, tuple[Span, ...]]


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

    Attributes:
        alphabet: what words are to the terms.
    """

    def __init__(self, concepts: Mapping[str, Sequence[str]], hiding: frozenset[str]) -> None:
        self._hiding = hiding
        self._root = Node()
        # Alternatives make hundreds of terms of the same few words.
        split = cache(list_words)
        for concept, terms in concepts.items():
            for term in terms:
                for written in expand_term(term):
                    self._add(written, concept, split)
        self.alphabet = Alphabet(self._root)

    def _add(self, term: str, concept: str, split: Callable[[str], list[str]]) -> None:
        node = self._root
        for part in term.split():
            if part == "...":
                node.gap = node.gap or Node()
                node = node.gap
                continue
            if not (pieces := split(part)):
                continue
            *whole, last = pieces
            for word in whole:
                node = node.exact.setdefault(word, Node())
            branch = node.stems if part.endswith("*") else node.exact
            node = branch.setdefault(last, Node())
        node.concepts = unite(node.concepts, (concept,))

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Find the terms in a text's words, in order."""
        roles = self.alphabet.roles
        symbols = [*(self.alphabet.spell(word.form) for word in words), *PADDING]
        begins = [at for at, symbol in enumerate(symbols) if self.alphabet.starts[symbol]]
        longer, hiding = self.find_longer(begins, symbols, SplitBounds(words))
        hidden = {at for span in hiding for at in range(*span)}
        single = [
            Hit(concepts, at, at + 1)
            for at, symbol in enumerate(symbols)
            if (concepts := roles[symbol].concepts) and at not in hidden
        ]
        return sorted(single + longer, key=attrgetter("first", "last"))

    def find_longer(
        self, begins: Sequence[int], symbols: Sequence[int], bounds: TermBounds
    ) -> tuple[list[Hit], list[Span]]:
        """Find the terms of several words that begin at some words of texts, in order.

        Args:
            begins: at which words; ascending, and all at which such a term begins.
            symbols: of all words, and `PADDING`.
            bounds: what lies between the words.

        Returns:
            The terms, and the spans of those that hide all words inside them.
        """
        hits: dict[Span, Concepts] = {}
        for first in begins:
            for last, concepts, between in self._walk(symbols, first):
                # What lies between words costs more than they do: it is asked of whole terms alone.
                if all(_holds(bounds, *each) for each in between):
                    others = hits.get((first, last))
                    hits[first, last] = unite(others, concepts) if others else concepts
        hits = dict(sorted(hits.items()))
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

    def _walk(self, words: Sequence[int], first: int) -> list[_Reached]:
        # Every term of several words that they lead to from one on, whatever lies between them.
        symbols = self.alphabet.symbols
        reached: list[_Reached] = []
        under_way: list[tuple[Node, int, tuple[Span, ...]]] = [
            (node, first + 1, ()) for node in self.alphabet.starts[words[first]]
        ]
        for begun, since, before in under_way:
            # Nearly all terms are words alone: what they lead to is gone after at once.
            node: Node | None = begun
            at = since
            while node is not None:
                exact, stems = symbols[words[at]]
                if node.concepts and at > first + 1:
                    reached.append((at, node.concepts, _join(before, since, at)))
                if stems and node.stems:
                    between = _join(before, since, at + 1)
                    under_way += [
                        (node.stems[stem], at + 1, between) for stem in stems if stem in node.stems
                    ]
                if node.gap is not None:
                    for later in range(at, at + GAP_WORDS + 1):
                        if words[later] == NOTHING:
                            continue
                        for each in node.gap.step(symbols[words[later]]):
                            between = (*_join(before, since, at), (at - 1, later))
                            under_way.append((each, later + 1, between))
                node = node.exact.get(exact)
                at += 1
        return reached


def _join(before: tuple[Span, ...], since: int, until: int) -> tuple[Span, ...]:
    # Terms run on from each of the words to the next.
    return before + tuple((at, at) for at in range(since, until))


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


def _holds(bounds: TermBounds, first: int, last: int) -> bool:
    if first == last:
        return bounds.is_joined(first)
    return bounds.is_one_sentence(first, last)
