"""Words -> what they are to the listed terms, which tell no more words apart than they name."""

from typing import NamedTuple

from service.term_tree import Concepts, Node, Symbol, gather, unite
from service.words import REMEMBERED_LETTERS

# The symbol of every word that stands in no term; and what stands where a text has no more words.
NOTHING = 0
# The bits of whatever may lead on.
ANYTHING = -1
# No stem is shorter, and none of the listed is longer.
_STEM_MIN_LETTERS = 2
_STEM_MAX_LETTERS = 64
# Words that begin with the same letters as a stem are fewer, the more letters are looked at.
_OPENINGS = tuple(map(slice, range(_STEM_MIN_LETTERS, 5)))
# As many words, or pairs of them, as are in use; names and numbers that come once are without end.
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
        bits: of what it leads on anywhere.
    """

    concepts: Concepts
    leads: int
    follows: int
    leads_far: int
    follows_far: int
    bits: int


class Alphabet:
    """The symbols of the terms, numbered as they first come.

    Args:
        root: of the tree of terms.

    Attributes:
        symbols: by number; no more than the terms tell apart, whatever is read.
        starts: where each leads as the first word of a term.
        roles: what each is.
    """

    def __init__(self, root: Node) -> None:
        self._root = root
        nodes = [*root.list_nodes()]
        self._exact = frozenset().union(*(node.exact for node in nodes))
        self._stems = frozenset().union(*(node.stems for node in nodes))
        self._openings = frozenset(stem[_OPENINGS[-1]] for stem in self._stems)
        starts = [*root.exact.values(), *root.stems.values()]
        self._seconds = gather(starts)
        self._seconds_far = gather([start.gap for start in starts if start.gap])
        self.symbols: list[Symbol] = []
        self.starts: list[tuple[Node, ...]] = []
        self.roles: list[WordRole] = []
        self._numbers: dict[Symbol, int] = {}
        self._remembered: dict[str, int] = {}
        self._pairs: dict[tuple[int, int], int] = {}
        self._number(Symbol("", ()))

    def spell(self, form: str) -> int:
        """Give the number of a word's symbol; most have `NOTHING`."""
        # That nearly every word that comes once is in no term shows at once.
        if form not in self._exact and self._openings.isdisjoint(map(form.__getitem__, _OPENINGS)):
            return NOTHING
        number = self._remembered.get(form)
        if number is None:
            if len(self._remembered) >= _REMEMBERED_MAX:
                self._remembered.clear()
            number = self._number(self._find_symbol(form))
            if len(form) <= REMEMBERED_LETTERS:
                self._remembered[form] = number
        return number

    def judge_pair(self, first: int, second: int) -> int:
        """Tell what may lead on behind two words, a term having begun at the first.

        Args:
            first: its symbol.
            second: the symbol of the word right behind it.

        Returns:
            The bits of what may; `ANYTHING` if the two may be a term, or a gap be behind one.
        """
        bits = self._pairs.get((first, second))
        if bits is None:
            if len(self._pairs) >= _REMEMBERED_MAX:
                self._pairs.clear()
            bits = self._pairs[first, second] = self._judge_pair(first, second)
        return bits

    def _judge_pair(self, first: int, second: int) -> int:
        starts = self.starts[first]
        reached = [each for start in starts for each in start.step(self.symbols[second])]
        has_gap = any(node.gap for node in (*starts, *reached))
        if has_gap or any(node.concepts for node in reached):
            return ANYTHING
        return gather(reached).leading_bits

    def _find_symbol(self, form: str) -> Symbol:
        cuts = range(_STEM_MIN_LETTERS, min(len(form), _STEM_MAX_LETTERS) + 1)
        return Symbol(
            form if form in self._exact else "",
            tuple(form[:cut] for cut in cuts if form[:cut] in self._stems),
        )

    def _number(self, symbol: Symbol) -> int:
        number = self._numbers.setdefault(symbol, len(self.symbols))
        if number == len(self.symbols):
            starts = self._root.step(symbol)
            role = WordRole(
                unite(*(node.concepts for node in starts)),
                gather(starts).leading_bits,
                self._seconds.find_bits(symbol),
                gather([node.gap for node in starts if node.gap]).leading_bits,
                self._seconds_far.find_bits(symbol),
                symbol.bits,
            )
            self.symbols.append(symbol)
            self.starts.append(tuple(starts))
            self.roles.append(role)
        return number


def may_lead(bits: int, third: int) -> bool:
    """Tell whether a word with these bits may lead on behind a pair; see `judge_pair`."""
    return bits == ANYTHING or bool(bits & third)
