"""Words -> what they are to the listed terms, which tell no more words apart than they name."""

from collections.abc import Container
from typing import NamedTuple

from service.term_tree import Concepts, Node, Symbol, gather, unite

# The symbol of every word that stands in no term; and what stands where a text has no more words.
NOTHING = 0
# The bits of whatever may lead on.
ANYTHING = -1
# Words that begin with the same letters as a stem are fewer, the more letters are looked at.
_OPENINGS = tuple(map(slice, range(1, 5)))
# More pairs of words than are in use, though not all that a text without end can be made of.
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
    """The symbols of the terms, numbered.

    Args:
        root: of the tree of terms.

    Attributes:
        symbols: by number.
        starts: where each leads as the first word of a term.
        roles: what each is.
    """

    def __init__(self, root: Node) -> None:
        nodes = [*root.list_nodes()]
        exact = {word: None for node in nodes for word in node.exact}
        stems = {stem: None for node in nodes for stem in node.stems}
        self._openings = frozenset(stem[_OPENINGS[-1]] for stem in stems)
        self._longest_stem = max(map(len, stems), default=0)
        # A word that stands in no term by itself is what the longest stem is that it begins with.
        by_word = {word: Symbol(word, self._list_stems(word, stems)) for word in exact}
        by_stem = {stem: Symbol("", self._list_stems(stem, stems)) for stem in stems}
        self.symbols = [*dict.fromkeys([Symbol("", ()), *by_word.values(), *by_stem.values()])]
        numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        self._by_word = {word: numbers[symbol] for word, symbol in by_word.items()}
        self._by_stem = {stem: numbers[symbol] for stem, symbol in by_stem.items()}
        self.starts = [root.step(symbol) for symbol in self.symbols]
        starts = [*root.exact.values(), *root.stems.values()]
        seconds = gather(starts)
        seconds_far = gather([start.gap for start in starts if start.gap])
        self.roles = [
            WordRole(
                unite(*(node.concepts for node in own)),
                gather(own).leading_bits,
                seconds.find_bits(symbol),
                gather([node.gap for node in own if node.gap]).leading_bits,
                seconds_far.find_bits(symbol),
                symbol.bits,
            )
            for symbol, own in zip(self.symbols, self.starts, strict=True)
        ]
        self._pairs: dict[tuple[int, int], int] = {}

    def spell(self, form: str) -> int:
        """Give the number of a word's symbol; most have `NOTHING`."""
        number = self._by_word.get(form)
        if number is not None:
            return number
        # That nearly every word begins with no stem shows at once.
        if self._openings.isdisjoint(map(form.__getitem__, _OPENINGS)):
            return NOTHING
        for letters in range(min(len(form), self._longest_stem), 0, -1):
            number = self._by_stem.get(form[:letters])
            if number is not None:
                return number
        return NOTHING

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

    def _list_stems(self, form: str, stems: Container[str]) -> tuple[str, ...]:
        # Those that it begins with, the shortest first.
        cuts = range(1, min(len(form), self._longest_stem) + 1)
        return tuple(form[:cut] for cut in cuts if form[:cut] in stems)
