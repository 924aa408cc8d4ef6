"""The listed terms of a report, found in all its words at once."""

from itertools import chain

import numpy as np

from service.folded_terms import FoldedTerms
from service.report_words import ReportWords
from service.spelling import Remembered
from service.term_tree import Concepts
from service.terms import TermIndex


class ReportTerms:
    """Finds the terms of reports.

    Args:
        index: the terms.

    Attributes:
        concepts: all that terms stand for.
    """

    def __init__(self, index: TermIndex) -> None:
        starts = dict.fromkeys(chain.from_iterable(index.alphabet.starts))
        nodes = chain.from_iterable(start.list_nodes() for start in starts)
        self.concepts = frozenset(chain.from_iterable(node.concepts for node in nodes))
        self._terms = FoldedTerms(index)
        self._symbols = Remembered(self._terms.spell)

    def find_concepts(self, words: ReportWords, until: int) -> dict[Concepts, int]:
        """Find the concepts that are named.

        Args:
            words: of the report.
            until: where the words end that are looked at; a part ends there.

        Returns:
            What terms stand for, and the first word of the first of them.
        """
        forms = words.forms[:until]
        symbols = np.fromiter(map(self._symbols.__getitem__, forms), np.int64, len(forms))
        found = self._terms.find(symbols, words.bounds)
        # Of two of the same, the one that is put in last stays.
        concepts = map(self._terms.concepts.__getitem__, reversed(found.symbols.tolist()))
        firsts = dict(zip(concepts, reversed(found.single.tolist()), strict=True))
        for hit in found.longer:
            firsts[hit.concepts] = min(hit.first, firsts.get(hit.concepts, hit.first))
        return firsts
