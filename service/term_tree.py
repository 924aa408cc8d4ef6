"""Listed terms as a tree of words."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, Self

Concepts = tuple[str, ...]
Span = tuple[int, int]
# A term that words lead to: the word behind its last, the concepts it stands for, and what must
# lie between its words: of a word twice that a term may run into it from the one before; of two
# that no sentence ends between them.
Reached = tuple[int, Concepts, tuple[Span, ...]]

# How many words may stand for the `...` of a term ("sent ... back").
GAP_WORDS = 5
# No stem is shorter: a word that begins with others need not be tried letter by letter.
OPENING_LETTERS = 2
# No listed stem is longer; a word that is no word may be as long as its text.
_STEM_MAX_LETTERS = 64
# As many words as are in use; names and numbers that come once are without end.
_STARTS_MAX = 65536


class Node:
    """Where the walk over a text's words stands within the terms begun."""

    __slots__ = ("concepts", "exact", "gap", "openings", "stems")

    def __init__(self) -> None:
        self.concepts: Concepts = ()
        self.exact: dict[str, Node] = {}
        self.stems: dict[str, Node] = {}
        self.openings: set[str] = set()
        self.gap: Node | None = None

    def add(self, word: str, *, stem: bool) -> "Node":
        """Lead on by a word, or by all words that begin with it."""
        if not stem:
            return self.exact.setdefault(word, Node())
        self.openings.add(word[:OPENING_LETTERS])
        return self.stems.setdefault(word, Node())

    def step(self, form: str) -> list["Node"]:
        """Find where a word leads: by itself first, then by its stems from the shortest."""
        found = [self.exact[form]] if form in self.exact else []
        if not self.openings or form[:OPENING_LETTERS] not in self.openings:
            return found
        cuts = range(OPENING_LETTERS, min(len(form), _STEM_MAX_LETTERS) + 1)
        return found + [self.stems[form[:cut]] for cut in cuts if form[:cut] in self.stems]

    def walk(
        self, forms: Sequence[str], at: int, between: tuple[Span, ...], reached: list[Reached]
    ) -> None:
        """Note every term that the words lead to from here.

        Args:
            forms: all words of a text.
            at: the next of them.
            between: what was gone over so far; see `Reached`.
            reached: where to note them.
        """
        # What lies between the words costs more than they do, and is asked of whole terms alone.
        if self.concepts:
            reached.append((at, self.concepts, between))
        if at == len(forms):
            return
        for step in self.step(forms[at]):
            step.walk(forms, at + 1, (*between, (at, at)), reached)
        if self.gap is not None:
            for later in range(at, min(at + GAP_WORDS + 1, len(forms))):
                for step in self.gap.step(forms[later]):
                    step.walk(forms, later + 1, (*between, (at - 1, later)), reached)


class Starts(NamedTuple):
    """Where a word leads as the first of a term.

    Attributes:
        nodes: where.
        concepts: what it is by itself.
        seconds: the words that lead on right behind it.
        second_openings: how the words begin that may lead on there by a stem.
        behind_gaps: the words that lead on behind a gap.
        openings_behind_gaps: how the words begin that may lead on there by a stem.
    """

    nodes: Sequence[Node] = ()
    concepts: Concepts = ()
    seconds: frozenset[str] = frozenset()
    second_openings: frozenset[str] = frozenset()
    behind_gaps: frozenset[str] = frozenset()
    openings_behind_gaps: frozenset[str] = frozenset()

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> Self:
        """Take it from the nodes."""
        gaps = [node.gap for node in nodes if node.gap]
        return cls(
            nodes,
            unite(*(node.concepts for node in nodes)),
            frozenset().union(*(node.exact for node in nodes)),
            frozenset().union(*(node.openings for node in nodes)),
            frozenset().union(*(node.exact for node in gaps)),
            frozenset().union(*(node.openings for node in gaps)),
        )


# Most words begin no term.
_NOWHERE = Starts()


class StartsByWord(dict[str, Starts]):
    """Words to where they lead as the first of a term, each found when it first comes."""

    def __init__(self, root: Node) -> None:
        super().__init__()
        self._root = root

    def __missing__(self, form: str) -> Starts:
        nodes = self._root.step(form)
        starts = Starts.of(nodes) if nodes else _NOWHERE
        if len(self) < _STARTS_MAX:
            self[form] = starts
        return starts


def unite(*concepts: Concepts) -> Concepts:
    """Name the concepts of several terms, each once and in order."""
    return tuple(sorted({*chain.from_iterable(concepts)}))
