"""The listed terms of a report, found in all its words at once."""

import numpy as np

from service.folded_terms import FoldedTerms
from service.lexicon import Remembered
from service.report_words import ReportWords
from service.term_tree import Concepts
from service.terms import TermIndex


class ReportTerms:
    """Finds the terms of reports.

    Args:
        index: the terms.
    """

    def __init__(self, index: TermIndex) -> None:
        self._terms = FoldedTerms(index)
        self._symbols = Remembered(self._terms.spell)

    def find_concepts(self, words: ReportWords) -> list[tuple[int, Concepts]]:
        """Find the concepts that are named.

        Returns:
            In order, the first word of a term and what it stands for. A term of one word is left
            out where one was that stands for the same.
        """
        forms = words.forms
        symbols = np.fromiter(map(self._symbols.__getitem__, forms), np.int64, len(forms))
        found = self._terms.find(symbols, words)
        firsts: dict[Concepts, int] = {}
        for at, symbol in zip(found.single.tolist(), found.symbols.tolist(), strict=True):
            firsts.setdefault(self._terms.concepts[symbol], at)
        terms = [(at, at + 1, concepts) for concepts, at in firsts.items()]
        terms += [(hit.first, hit.last, hit.concepts) for hit in found.longer]
        return [(first, concepts) for first, _, concepts in sorted(terms)]
