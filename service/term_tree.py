"""Listed terms as a tree of words."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple
from zlib import crc32

Concepts = tuple[str, ...]
Span = tuple[int, int]

# How many words may stand for the `...` of a term ("sent ... back").
GAP_WORDS = 5
# No stem is shorter, and none of the listed is longer.
_STEM_MIN_LETTERS = 2
_STEM_MAX_LETTERS = 64
# Words that begin with the same letters as a stem are fewer, the more letters are looked at.
_OPENING_LETTERS = 4
# Words and stems are told apart by the bits of one number, as far as they go.
_BITS = 63


class Symbol(NamedTuple):
    """A word as the terms know it: they tell no words apart that have the same.

    Attributes:
        exact: the word, if it stands in a term; else empty.
        stems: those that it begins with, the shortest first.
    """

    exact: str
    stems: tuple[str, ...]


_NOWHERE: Sequence["Node"] = ()


class Node:
    """Where the walk over a text's words stands within the terms begun."""

    __slots__ = ("concepts", "exact", "gap", "stems")

    def __init__(self) -> None:
        self.concepts: Concepts = ()
        self.exact: dict[str, Node] = {}
        self.stems: dict[str, Node] = {}
        self.gap: Node | None = None

    def add(self, word: str, *, stem: bool) -> "Node":
        """Lead on by a word, or by all words that begin with it."""
        return (self.stems if stem else self.exact).setdefault(word, Node())

    def step(self, symbol: Symbol) -> Sequence["Node"]:
        """Find where a word leads: by itself first, then by its stems from the shortest."""
        exact, stems = symbol
        found = [self.exact[exact]] if exact in self.exact else _NOWHERE
        if stems and self.stems:
            return [*found, *(self.stems[stem] for stem in stems if stem in self.stems)]
        return found

    def leads(self, symbol: Symbol) -> bool:
        """Whether a word leads anywhere from here."""
        exact, stems = symbol
        if exact in self.exact:
            return True
        return bool(stems and self.stems) and any(stem in self.stems for stem in stems)

    @property
    def leading_bits(self) -> int:
        """The bits of all words and stems that lead on from here."""
        return _unite_bits([*self.exact, *map(_write_stem, self.stems)])

    def find_bits(self, symbol: Symbol) -> int:
        """Find the bits of those that a word is: by itself, and by its stems."""
        exact, stems = symbol
        found = [exact] if exact in self.exact else []
        return _unite_bits(found + [_write_stem(stem) for stem in stems if stem in self.stems])


class Alphabet:
    """Words to their symbols.

    Args:
        root: of a tree of terms.
    """

    def __init__(self, root: Node) -> None:
        self._exact: set[str] = set()
        self._stems: set[str] = set()
        nodes = [root]
        while nodes:
            node = nodes.pop()
            self._exact.update(node.exact)
            self._stems.update(node.stems)
            nodes += [*node.exact.values(), *node.stems.values(), *([node.gap] if node.gap else ())]
        self._openings = frozenset(stem[:_OPENING_LETTERS] for stem in self._stems)

    def spell(self, form: str) -> Symbol:
        """Find the symbol of a word in its one spelling."""
        # That nearly every word begins no stem shows at once.
        openings = (form[:cut] for cut in range(_STEM_MIN_LETTERS, _OPENING_LETTERS + 1))
        may_have_stems = not self._openings.isdisjoint(openings)
        return Symbol(
            form if form in self._exact else "",
            self._list_stems(form) if may_have_stems else (),
        )

    def _list_stems(self, form: str) -> tuple[str, ...]:
        cuts = range(_STEM_MIN_LETTERS, min(len(form), _STEM_MAX_LETTERS) + 1)
        return tuple(form[:cut] for cut in cuts if form[:cut] in self._stems)


def gather(nodes: Sequence[Node]) -> Node:
    """Gather what any of several nodes stands for, and what leads on from it, in one."""
    if len(nodes) == 1:
        return nodes[0]
    gathered = Node()
    for node in nodes:
        gathered.concepts = unite(gathered.concepts, node.concepts)
        gathered.exact |= node.exact
        gathered.stems |= node.stems
        gathered.gap = gathered.gap or node.gap
    return gathered


def unite(*concepts: Concepts) -> Concepts:
    """Name the concepts of several terms, each once and in order."""
    return tuple(sorted({*chain.from_iterable(concepts)}))


def _write_stem(stem: str) -> str:
    return f"{stem}*"


def _unite_bits(written: Iterable[str]) -> int:
    bits = 0
    for each in written:
        bits |= 1 << crc32(each.encode(errors="surrogatepass")) % _BITS
    return bits
