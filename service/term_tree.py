"""Listed terms as a tree of words."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, Self
from zlib import crc32

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
# Words and stems are told apart by the bits of one number, as far as they go.
_BITS = 63


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
        return found + [self.stems[stem] for stem in self._list_stems(form)]

    @property
    def leading_bits(self) -> int:
        """The bits of all words and stems that lead on from here."""
        return _unite_bits([*self.exact, *map(_write_stem, self.stems)])

    def find_bits(self, form: str) -> int:
        """Find the bits of those that a word is: by itself, and by its stems."""
        found = [form] if form in self.exact else []
        return _unite_bits(found + [_write_stem(stem) for stem in self._list_stems(form)])

    def _list_stems(self, form: str) -> list[str]:
        if form[:OPENING_LETTERS] not in self.openings:
            return []
        cuts = range(OPENING_LETTERS, min(len(form), _STEM_MAX_LETTERS) + 1)
        return [form[:cut] for cut in cuts if form[:cut] in self.stems]

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
        if self.exact or self.openings:
            self.step_on(forms, at, (*between, (at, at)), reached)
        if self.gap is not None:
            for later in range(at, min(at + GAP_WORDS + 1, len(forms))):
                self.gap.step_on(forms, later, (*between, (at - 1, later)), reached)

    def step_on(
        self, forms: Sequence[str], at: int, between: tuple[Span, ...], reached: list[Reached]
    ) -> None:
        """Note every term that the words lead to from here by one of them; see `walk`."""
        form = forms[at]
        if (node := self.exact.get(form)) is not None:
            node.walk(forms, at + 1, between, reached)
        if self.openings and form[:OPENING_LETTERS] in self.openings:
            for stem in self._list_stems(form):
                self.stems[stem].walk(forms, at + 1, between, reached)


def _write_stem(stem: str) -> str:
    return f"{stem}*"


def _unite_bits(written: Sequence[str]) -> int:
    bits = 0
    for each in written:
        bits |= 1 << crc32(each.encode(errors="surrogatepass")) % _BITS
    return bits


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
        if len(self) < _STARTS_MAX and len(form) <= _STEM_MAX_LETTERS:
            self[form] = starts
        return starts


def unite(*concepts: Concepts) -> Concepts:
    """Name the concepts of several terms, each once and in order."""
    return tuple(sorted({*chain.from_iterable(concepts)}))
