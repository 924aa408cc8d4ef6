"""Listed terms, found in a text word by word.

Every term found keeps its words, and so their offsets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple, Protocol

from service.words import Word, list_words

# No listed stem is longer; a word that is no word may be as long as its text.
_STEM_MAX_LETTERS = 64
# No stem is shorter: a word that begins with others need not be tried letter by letter.
_OPENING_LETTERS = 2
# As many words as are in use; names and numbers that come once are without end.
_STARTS_MAX = 65536
# How many words may stand for the `...` of a term ("sent ... back").
GAP_WORDS = 5

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

    concepts: tuple[str, ...]
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


class _Node:
    """Where the walk over a text's words stands within the terms begun."""

    __slots__ = ("concepts", "exact", "gap", "openings", "stems")

    def __init__(self) -> None:
        self.concepts: tuple[str, ...] = ()
        self.exact: dict[str, _Node] = {}
        self.stems: dict[str, _Node] = {}
        self.openings: set[str] = set()
        self.gap: _Node | None = None

    def add(self, word: str, *, stem: bool) -> "_Node":
        self.openings.add(word[:_OPENING_LETTERS])
        return (self.stems if stem else self.exact).setdefault(word, _Node())

    def step(self, form: str) -> list["_Node"]:
        """Find where a word leads: by itself first, then by its stems from the shortest."""
        if form[:_OPENING_LETTERS] not in self.openings:
            return []
        found = [self.exact[form]] if form in self.exact else []
        cuts = range(_OPENING_LETTERS, min(len(form), _STEM_MAX_LETTERS) + 1)
        return found + [self.stems[form[:cut]] for cut in cuts if form[:cut] in self.stems]


class _Starts(NamedTuple):
    """Where a word leads as the first of a term.

    Attributes:
        nodes: where.
        concepts: what it is by itself.
        openings: how a second word of a term begins.
        behind_gaps: how one behind a gap begins.
    """

    nodes: list[_Node]
    concepts: tuple[str, ...]
    openings: frozenset[str]
    behind_gaps: frozenset[str]


class TermIndex:
    """Listed terms as a tree of words: finds every one in a single walk over a text.

    A word ending in `*` stands for every word that begins so; `...` for up to five words within
    the sentence. A term of a hiding concept hides the terms inside its own words: "border collie"
    listed in one keeps "border" from being found.
    """

    def __init__(self, concepts: Mapping[str, Sequence[str]], hiding: frozenset[str]) -> None:
        self._hiding = hiding
        self._root = _Node()
        # The words of a text come again and again; remembered, they cost one look-up.
        self._starts: dict[str, _Starts] = {}
        for concept, terms in concepts.items():
            for term in terms:
                for written in expand_term(term):
                    self._add(written, concept)
        self._seconds = _Node()
        for start in (*self._root.exact.values(), *self._root.stems.values()):
            self._seconds.exact |= start.exact
            self._seconds.stems |= start.stems
            self._seconds.openings |= start.openings

    def _add(self, term: str, concept: str) -> None:
        node = self._root
        for part in term.split():
            if part == "...":
                node.gap = node.gap or _Node()
                node = node.gap
                continue
            if not (pieces := list_words(part)):
                continue
            *whole, last = pieces
            for word in whole:
                node = node.add(word, stem=False)
            node = node.add(last, stem=part.endswith("*"))
        node.concepts = _unite(node.concepts, (concept,))

    def judge_word(self, form: str) -> int:
        """Tell what a word may be to terms, whatever stands beside it: WHOLE, FIRST, SECOND."""
        starts = self._find_starts(form)
        return (
            WHOLE * bool(starts.concepts or starts.behind_gaps)
            | FIRST * bool(starts.openings)
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
        hits: dict[tuple[int, int], tuple[str, ...]] = {}
        for first in begins:
            starts = self._find_starts(forms[first])
            second = forms[first + 1] if first + 1 < len(forms) else ""
            if second[:_OPENING_LETTERS] not in starts.openings and not (
                starts.behind_gaps
                and any(
                    form[:_OPENING_LETTERS] in starts.behind_gaps
                    for form in forms[first + 1 : first + GAP_WORDS + 2]
                )
            ):
                if starts.concepts:
                    hits[first, first + 1] = starts.concepts
                continue
            found: list[tuple[int, tuple[str, ...]]] = []
            for start in starts.nodes:
                _walk(start, forms, first + 1, bounds, found)
            for last, concepts in found:
                others = hits.get((first, last))
                hits[first, last] = _unite(others, concepts) if others else concepts
        # By its first word, where the longest hiding term ends; and where any begun earlier does.
        longest: dict[int, int] = {}
        for (first, last), concepts in hits.items():
            if not self._hiding.isdisjoint(concepts):
                longest[first] = max(last, longest.get(first, 0))
        named = [Hit(concepts, *span) for span, concepts in hits.items()]
        if not longest:
            return named
        reached = list(accumulate((longest.get(at, 0) for at in range(len(forms))), max, initial=0))
        return [
            hit
            for hit in named
            if hit.last > reached[hit.first] and hit.last >= longest.get(hit.first, 0)
        ]

    def _find_starts(self, form: str) -> _Starts:
        starts = self._starts.get(form)
        if starts is None:
            nodes = self._root.step(form)
            starts = _Starts(
                nodes=nodes,
                concepts=_unite(*(node.concepts for node in nodes)),
                openings=frozenset().union(*(node.openings for node in nodes)),
                behind_gaps=frozenset().union(*(node.gap.openings for node in nodes if node.gap)),
            )
            if len(self._starts) < _STARTS_MAX:
                self._starts[form] = starts
        return starts


def _unite(*concepts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*chain.from_iterable(concepts)}))


def _walk(
    node: _Node,
    forms: Sequence[str],
    at: int,
    bounds: Bounds,
    found: list[tuple[int, tuple[str, ...]]],
) -> None:
    if node.concepts:
        found.append((at, node.concepts))
    if at == len(forms):
        return
    if (steps := node.step(forms[at])) and bounds.is_joined(at):
        for step in steps:
            _walk(step, forms, at + 1, bounds, found)
    if node.gap is not None:
        for later in range(at, min(at + GAP_WORDS + 1, len(forms))):
            if steps := node.gap.step(forms[later]):
                if not bounds.is_one_sentence(at - 1, later):
                    return
                for step in steps:
                    _walk(step, forms, later + 1, bounds, found)
