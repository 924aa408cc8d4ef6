"""Listed terms as a tree of words."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple
from zlib import crc32

Concepts = tuple[str, ...]
Span = tuple[int, int]

# How many words may stand for the `...` of a term ("sent ... back").
GAP_WORDS = 5
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

    @property
    def bits(self) -> int:
        """The bits of all that it is to terms."""
        return _unite_bits([*([self.exact] if self.exact else ()), *map(_write_stem, self.stems)])


_NOWHERE: Sequence["Node"] = ()


class Node:
    """Where the walk over a text's words stands within the terms begun."""

    __slots__ = ("concepts", "exact", "gap", "stems")

    def __init__(self) -> None:
        self.concepts: Concepts = ()
        self.exact: dict[str, Node] = {}
        self.stems: dict[str, Node] = {}
        self.gap: Node | None = None

    def step(self, symbol: Symbol) -> Sequence["Node"]:
        """Find where a word leads: by itself first, then by its stems from the shortest."""
        exact, stems = symbol
        found = [self.exact[exact]] if exact in self.exact else _NOWHERE
        if stems and self.stems:
            return [*found, *(self.stems[stem] for stem in stems if stem in self.stems)]
        return found

    @property
    def leading_bits(self) -> int:
        """The bits of all words and stems that lead on from here."""
        return _unite_bits([*self.exact, *map(_write_stem, self.stems)])

    def find_bits(self, symbol: Symbol) -> int:
        """Find the bits of those that a word is: by itself, and by its stems."""
        exact, stems = symbol
        found = [exact] if exact in self.exact else []
        return _unite_bits(found + [_write_stem(stem) for stem in stems if stem in self.stems])

    def list_nodes(self) -> Iterator["Node"]:
        """List all nodes from here on."""
        nodes = [self]
        while nodes:
            node = nodes.pop()
            yield node
            nodes += [*node.exact.values(), *node.stems.values(), *([node.gap] if node.gap else ())]


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
