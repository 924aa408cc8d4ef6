"""ConceptFeatures, folded for single articles: terms in, weights out.

What each of many passages names is one matrix, and what a conjunction asks for are rows of it.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, NamedTuple, Self

import numpy as np

from service.fitted import FittedConcepts
from service.folded_terms import FoldedTerms, Found
from service.folded_words import Features
from service.model_file import ModelError
from service.slots import Integers
from service.term_tree import Concepts
from service.texts_in_words import TextsInWords

# Places among the features of concepts.
_Columns = frozenset[int]
# An article without end has passages without end; what so many name lies in a CPU's cache.
_ROWS_MAX = 1024


class _Rule(NamedTuple):
    """A conjunction: what it asks for, and the columns that it has if it holds."""

    all: _Columns
    none: _Columns
    in_sentence: bool
    columns: _Columns

    @classmethod
    def of(cls, rule: dict[str, Any], columns: dict[str, int]) -> Self:
        own = [f"conjunction:{rule['name']}"]
        if not rule.get("hint"):
            own.append(f"claim:{rule['label']}")
        return cls(
            frozenset(columns[f"concept:{name}"] for name in rule["all"]),
            frozenset(columns[f"concept:{name}"] for name in rule.get("none", ())),
            rule.get("within") != "passage",
            frozenset(columns[name] for name in own),
        )

    def holds(self, named: _Columns) -> bool:
        return self.all <= named and self.none.isdisjoint(named)


class FoldedConcepts:
    """The columns and conjunctions of fitted ConceptFeatures.

    Args:
        concepts: fitted.
        share: what its features are multiplied by.
        first_column: the place of its first feature among all features.
        terms: finds the terms of the concepts.

    Raises:
        ModelError: a conjunction asks for none, and would hold where nothing is named.
    """

    def __init__(
        self, concepts: FittedConcepts, share: float, first_column: int, terms: FoldedTerms
    ) -> None:
        names = concepts.feature_names_
        self._columns = {name: at for at, name in enumerate(names)}
        self._rules = [_Rule.of(rule, self._columns) for rule in concepts.conjunctions]
        if not all(rule.all for rule in self._rules):
            raise ModelError("a conjunction of the model asks for no concept: give it one")
        # By column, those of each conjunction and of each symbol; behind the last column is one
        # that every passage has, to pad with.
        self._asked = _pad((rule.all for rule in self._rules), len(names))
        self._terms = terms
        self._named = _pad(map(self._list_columns, terms.concepts), len(names))
        values = {
            "concept": concepts.concept_weight,
            "conjunction": 1.0,
            "claim": concepts.claim_weight,
        }
        self._values = np.array([values[name.partition(":")[0]] * share for name in names])
        self._first_column = first_column

    def describe(self, found: Found, texts: TextsInWords) -> Features:
        """Give the non-zero features of texts, rows ascending and within them columns.

        Args:
            found: the terms in the texts.
            texts: the texts.
        """
        blocks = [
            self._describe_rows(found, texts, first, min(first + _ROWS_MAX, len(texts)))
            for first in range(0, len(texts), _ROWS_MAX)
        ]
        rows, columns = map(np.concatenate, zip(*blocks, strict=True))
        return Features(rows, columns + self._first_column, self._values.take(columns))

    def _describe_rows(
        self, found: Found, texts: TextsInWords, first: int, last: int
    ) -> tuple[Integers, Integers]:
        # Of the texts from `first` to before `last`: rows and columns, in order.
        end = int(texts.starts[last - 1] + texts.lengths[last - 1])
        own = found.within(int(texts.starts[first]), end)
        has = np.zeros((len(self._values) + 1, last - first), np.bool_)
        has[-1] = True
        has[self._named.take(own.symbols, axis=1), texts.rows.take(own.single) - first] = True
        longer = [
            (column, hit.first) for hit in own.longer for column in self._list_columns(hit.concepts)
        ]
        if longer:
            columns, at = np.array(longer).T
            has[columns, texts.rows.take(at) - first] = True
        have_all = np.asarray(has.take(self._asked, axis=0).all(axis=0))
        in_sentence: defaultdict[int, list[_Rule]] = defaultdict(list)
        for number, row in zip(*(each.tolist() for each in have_all.nonzero()), strict=True):
            rule = self._rules[number]
            if rule.in_sentence:
                in_sentence[row].append(rule)
            elif not has[[*rule.none], row].any():
                has[[*rule.columns], row] = True
        for row, rules in in_sentence.items():
            sentences = self._name_by_sentence(found, texts, first + row)
            for rule in rules:
                if any(map(rule.holds, sentences)):
                    has[[*rule.columns], row] = True
        rows, columns = has[:-1].T.nonzero()
        return rows + first, columns

    def _name_by_sentence(self, found: Found, texts: TextsInWords, row: int) -> list[_Columns]:
        start = int(texts.starts[row])
        end = start + int(texts.lengths[row])
        begins = texts.bounds.find_sentences(start, end)
        named: defaultdict[int, set[int]] = defaultdict(set)
        for hit in self._terms.list_hits(found.within(start, end)):
            named[bisect_right(begins, hit.first)].update(self._list_columns(hit.concepts))
        return [*map(frozenset, named.values())]

    def _list_columns(self, concepts: Concepts) -> list[int]:
        return [self._columns[f"concept:{name}"] for name in concepts]


def _pad(lists: Iterable[Iterable[int]], filler: int) -> Integers:
    # Shape (longest list, lists).
    filled = [*zip_longest(*lists, fillvalue=filler)]
    return np.array(filled, np.int64).reshape(max(1, len(filled)), -1)
