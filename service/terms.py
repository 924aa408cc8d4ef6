"""Listed terms, found in a text word by word.

Every term found keeps its words, and so their offsets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from service.term_tree import (
    GAP_WORDS,
    Alphabet,
    Concepts,
    Node,
    Span,
    Symbol,
    gather,
    unite,
)
from service.word_bounds import SplitBounds, TermBounds
from service.words import REMEMBERED_LETTERS, Word, list_words

# The symbol of every word that stands in no term; and where a text has no more words.
NOTHING = 0
# As many words as are in use; names and numbers that come once are without end.
_REMEMBERED_MAX = 65536


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
        roles: what the words of each symbol are to terms; more as new ones come, but only as many
            as the terms tell apart.
    """

    def __init__(self, concepts: Mapping[str, Sequence[str]], hiding: frozenset[str]) -> None:
        self._hiding = hiding
        self._root = Node()
        for concept, terms in concepts.items():
            for term in terms:
                for written in expand_term(term):
                    self._add(written, concept)
        starts = [*self._root.exact.values(), *self._root.stems.values()]
        self._seconds = gather(starts)
        self._seconds_far = gather([start.gap for start in starts if start.gap])
        self._alphabet = Alphabet(self._root)
        self._symbols: list[Symbol] = []
        self._numbers: dict[Symbol, int] = {}
        self._starts: list[Sequence[Node]] = []
        self.roles: list[WordRole] = []
        self._remembered: dict[str, int] = {}
        self._pairs: dict[tuple[int, int], Node] = {}
        self._number(self._alphabet.spell(""))

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

    def spell(self, form: str) -> int:
        """Number a word as the terms know it: the place of its role in `roles`."""
        number = self._remembered.get(form)
        if number is None:
            number = self._number(self._alphabet.spell(form))
            if len(self._remembered) < _REMEMBERED_MAX and len(form) <= REMEMBERED_LETTERS:
                self._remembered[form] = number
        return number

    def _number(self, symbol: Symbol) -> int:
        number = self._numbers.setdefault(symbol, len(self._symbols))
        if number == len(self._symbols):
            starts = self._root.step(symbol)
            gaps = [node.gap for node in starts if node.gap]
            role = WordRole(
                unite(*(node.concepts for node in starts)),
                gather(starts).leading_bits,
                self._seconds.find_bits(symbol),
                gather(gaps).leading_bits,
                self._seconds_far.find_bits(symbol),
            )
            self._symbols.append(symbol)
            self._starts.append(starts)
            self.roles.append(role)
        return number

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Find the terms in a text's words, in order."""
        symbols = [self.spell(word.form) for word in words]
        begins = [at for at, symbol in enumerate(symbols) if self._starts[symbol]]
        longer, hiding = self.find_longer(begins, symbols, SplitBounds(words))
        hidden = {at for span in hiding for at in range(*span)}
        single = [
            Hit(concepts, at, at + 1)
            for at in begins
            if at not in hidden and (concepts := self.roles[symbols[at]].concepts)
        ]
        return sorted(single + longer, key=attrgetter("first", "last"))

    def find_longer(
        self, begins: Sequence[int], symbols: Sequence[int], bounds: TermBounds
    ) -> tuple[list[Hit], list[Span]]:
        """Find the terms of several words that begin at some words of texts, in order.

        Args:
            begins: at which words; ascending, and all at which such a term begins.
            symbols: of all words.
            bounds: what lies between them.

        Returns:
            The terms, and the spans of those that hide all words inside them.
        """
        words = [*symbols, *[NOTHING] * (GAP_WORDS + 2)]
        hits: dict[Span, Concepts] = {}
        for first in begins:
            pair = words[first], words[first + 1]
            second = self._pairs.get(pair) or self._lead(*pair)
            # Nearly always the two begin longer terms, none of which goes on so.
            if not (second.concepts or second.gap or second.leads(self._symbols[words[first + 2]])):
                continue
            for last, concepts, between in self._walk(words, first):
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

    def _lead(self, first: int, second: int) -> Node:
        # To where two words lead, if not a gap may stand for the second.
        starts = self._starts[first]
        reached = [each for start in starts for each in start.step(self._symbols[second])]
        gathered = gather([*reached, *(start for start in starts if start.gap)])
        if len(self._pairs) >= _REMEMBERED_MAX:
            self._pairs.clear()
        self._pairs[first, second] = gathered
        return gathered

    def _list_hiding(self, hits: Mapping[Span, Concepts]) -> dict[int, int]:
        # By its first word, where the longest hiding term ends.
        hiding: dict[int, int] = {}
        for (first, last), concepts in hits.items():
            if not self._hiding.isdisjoint(concepts):
                hiding[first] = max(last, hiding.get(first, 0))
        return hiding

    def _walk(self, words: Sequence[int], first: int) -> list[_Reached]:
        # Every term that words lead to from one of them on, whatever lies between them.
        reached: list[_Reached] = []
        under_way: list[Any] = [(first + 1, node, ()) for node in self._starts[words[first]]]
        for at, node, between in under_way:
            if node.concepts and between:
                reached.append((at, node.concepts, between))
            leads = [(node, at, at)]
            if (gap := node.gap) is not None:
                leads += [(gap, later, at - 1) for later in range(at, at + GAP_WORDS + 1)]
            for leading, later, before in leads:
                exact, stems = self._symbols[words[later]]
                if exact in leading.exact:
                    next_ = leading.exact[exact]
                    under_way.append((later + 1, next_, (*between, (before, later))))
                if stems and leading.stems:
                    for stem in stems:
                        if stem in leading.stems:
                            next_ = leading.stems[stem]
                            under_way.append((later + 1, next_, (*between, (before, later))))
        return reached


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
