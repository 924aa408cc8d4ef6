"""Listed terms, found in a text word by word.

Every term found keeps its words, and so their offsets.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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

_Concepts = tuple[str, ...]
_Span = tuple[int, int]

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

    concepts: _Concepts
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
        self.concepts: _Concepts = ()
        self.exact: dict[str, _Node] = {}
        self.stems: dict[str, _Node] = {}
        self.openings: set[str] = set()
        self.gap: _Node | None = None

    def add(self, word: str, *, stem: bool) -> "_Node":
        if not stem:
            return self.exact.setdefault(word, _Node())
        self.openings.add(word[:_OPENING_LETTERS])
        return self.stems.setdefault(word, _Node())

    def step(self, form: str) -> list["_Node"]:
        """Find where a word leads: by itself first, then by its stems from the shortest."""
        found = [self.exact[form]] if form in self.exact else []
        if form[:_OPENING_LETTERS] not in self.openings:
            return found
        cuts = range(_OPENING_LETTERS, min(len(form), _STEM_MAX_LETTERS) + 1)
        return found + [self.stems[form[:cut]] for cut in cuts if form[:cut] in self.stems]


class _Starts(NamedTuple):
    """Where a word leads as the first of a term.

    Attributes:
        nodes: where.
        concepts: what it is by itself.
        seconds: the words that lead on right behind it, and how those begin that a stem leads on.
        second_openings: see there.
        behind_gaps: the words that lead on behind a gap.
        openings_behind_gaps: and how others begin.
    """

    nodes: Sequence[_Node] = ()
    concepts: _Concepts = ()
    seconds: frozenset[str] = frozenset()
    second_openings: frozenset[str] = frozenset()
    behind_gaps: frozenset[str] = frozenset()
    openings_behind_gaps: frozenset[str] = frozenset()

    @classmethod
    def of(cls, nodes: Sequence[_Node]) -> "_Starts":
        gaps = [node.gap for node in nodes if node.gap]
        return cls(
            nodes,
            _unite(*(node.concepts for node in nodes)),
            frozenset().union(*(node.exact for node in nodes)),
            frozenset().union(*(node.openings for node in nodes)),
            frozenset().union(*(node.exact for node in gaps)),
            frozenset().union(*(node.openings for node in gaps)),
        )


# Most words begin no term.
_NOWHERE = _Starts()


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
        hits: dict[_Span, _Concepts] = {}
        behind = [*forms[1:], ""]
        for first in begins:
            nodes, alone, seconds, openings, far, far_openings = self._find_starts(forms[first])
            second = behind[first]
            if second not in seconds and second[:_OPENING_LETTERS] not in openings:
                within = behind[first : first + GAP_WORDS + 1] if far or far_openings else ()
                if far.isdisjoint(within) and not (
                    far_openings and any(form[:_OPENING_LETTERS] in far_openings for form in within)
                ):
                    if alone:
                        hits[first, first + 1] = alone
                    continue
            for start in nodes:
                for last, concepts, asked in _walk(start, forms, first + 1, ()):
                    if all(each.holds(bounds) for each in asked):
                        others = hits.get((first, last))
                        hits[first, last] = _unite(others, concepts) if others else concepts
        # By its first word, where the longest hiding term ends.
        hiding: dict[int, int] = {}
        for (first, last), concepts in hits.items():
            if not self._hiding.isdisjoint(concepts):
                hiding[first] = max(last, hiding.get(first, 0))
        return [Hit(concepts, *span) for span, concepts in _leave_hidden(hits, hiding)]

    def _find_starts(self, form: str) -> _Starts:
        starts = self._starts.get(form)
        if starts is None:
            nodes = self._root.step(form)
            starts = _Starts.of(nodes) if nodes else _NOWHERE
            if len(self._starts) < _STARTS_MAX:
                self._starts[form] = starts
        return starts


def _leave_hidden(
    hits: Mapping[_Span, _Concepts], hiding: Mapping[int, int]
) -> Iterable[tuple[_Span, _Concepts]]:
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


def _unite(*concepts: _Concepts) -> _Concepts:
    return tuple(sorted({*chain.from_iterable(concepts)}))


class _Between(NamedTuple):
    """What must lie between words of a text for a term to be there: nothing, or one sentence."""

    first: int
    last: int

    def holds(self, bounds: Bounds) -> bool:
        if self.first == self.last:
            return bounds.is_joined(self.last)
        return bounds.is_one_sentence(self.first, self.last)


def _walk(
    node: _Node, forms: Sequence[str], at: int, between: tuple[_Between, ...]
) -> Iterator[tuple[int, _Concepts, tuple[_Between, ...]]]:
    # What lies between the words costs more than they do, and is asked of whole terms alone.
    if node.concepts:
        yield at, node.concepts, between
    if at == len(forms):
        return
    for step in node.step(forms[at]):
        yield from _walk(step, forms, at + 1, (*between, _Between(at, at)))
    if node.gap is not None:
        for later in range(at, min(at + GAP_WORDS + 1, len(forms))):
            for step in node.gap.step(forms[later]):
                yield from _walk(step, forms, later + 1, (*between, _Between(at - 1, later)))
