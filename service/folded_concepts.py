"""ConceptFeatures, folded for single articles: terms in, weights out."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, Self

import numpy as np

from service.fitted import FittedConcepts
from service.folded_terms import Found
from service.folded_words import Features
from service.model_file import ModelError
from service.term_tree import Concepts
from service.texts_in_words import TextsInWords

# Places among all features.
_Columns = frozenset[int]
# The first word of a term, and the concepts that it stands for.
_Term = tuple[int, _Columns]
_COLUMNS = itemgetter(1)
# As many sets as are in use: paragraphs name few concepts. One of all concepts is some 10 KB.
_REMEMBERED_MAX = 1024


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


class _ColumnsOf(dict[Concepts, _Columns]):
    """Concepts that a term stands for to their columns, found when they first come."""

    def __init__(self, columns: dict[str, int]) -> None:
        super().__init__()
        self._columns = columns

    def __missing__(self, concepts: Concepts) -> _Columns:
        self[concepts] = frozenset(self._columns[f"concept:{name}"] for name in concepts)
        return self[concepts]


class _RulesFor(dict[_Columns, Sequence[_Rule]]):
    """Named concepts to the conjunctions that ask for no others, found when they first come.

    Raises:
        ModelError: a conjunction asks for none, and would hold where nothing is named.
    """

    def __init__(self, rules: Sequence[_Rule]) -> None:
        super().__init__()
        # Each is looked for at the one of its concepts that fewest others ask for.
        self._rules: defaultdict[int, list[_Rule]] = defaultdict(list)
        for rule in rules:
            if not rule.all:
                raise ModelError("a conjunction of the model asks for no concept: give it one")
            self._rules[min(rule.all, key=lambda column: len(self._rules[column]))].append(rule)

    def __missing__(self, named: _Columns) -> Sequence[_Rule]:
        if len(self) == _REMEMBERED_MAX:
            self.clear()
        looked_for = chain.from_iterable(filter(None, map(self._rules.get, named)))
        self[named] = rules = [rule for rule in looked_for if rule.all <= named]
        return rules


class FoldedConcepts:
    """The columns and conjunctions of fitted ConceptFeatures.

    Args:
        concepts: fitted.
        share: what its features are multiplied by.
        first_column: the place of its first feature among all features.
    """

    def __init__(self, concepts: FittedConcepts, share: float, first_column: int) -> None:
        names = concepts.feature_names_
        columns = {name: at for at, name in enumerate(names, start=first_column)}
        self._rules_for = _RulesFor([_Rule.of(rule, columns) for rule in concepts.conjunctions])
        values = {
            "concept": concepts.concept_weight,
            "conjunction": 1.0,
            "claim": concepts.claim_weight,
        }
        self._values = np.array([values[name.partition(":")[0]] * share for name in names])
        self._first_column = first_column
        self._columns_of = _ColumnsOf(columns)

    def describe(self, found: Found, texts: TextsInWords) -> Features:
        """Give the non-zero features of texts, rows ascending and within them columns.

        Args:
            found: the terms in the texts.
            texts: the texts.
        """
        at = [*found.single, *(hit.first for hit in found.longer)]
        concepts = [*found.concepts, *(hit.concepts for hit in found.longer)]
        owners = texts.rows.take(np.array(at, np.int64)).tolist()
        terms: defaultdict[int, list[_Term]] = defaultdict(list)
        columns_of = map(self._columns_of.__getitem__, concepts)
        for row, term in zip(owners, zip(at, columns_of, strict=True), strict=True):
            terms[row].append(term)
        rows: list[int] = []
        columns: list[int] = []
        for row, own in sorted(terms.items()):
            listed = self._list_columns(own, texts, row)
            columns += listed
            rows += [row] * len(listed)
        places = np.array(columns, np.int64)
        return Features(
            np.array(rows, np.int64), places, self._values.take(places - self._first_column)
        )

    def _list_columns(self, terms: Sequence[_Term], texts: TextsInWords, row: int) -> list[int]:
        # Of one text, in order.
        named = frozenset().union(*map(_COLUMNS, terms))
        rules = self._rules_for[named]
        if not rules:
            return sorted(named)
        listed = {*named}
        for rule in rules:
            if not rule.in_sentence and rule.none.isdisjoint(named):
                listed |= rule.columns
        if any(rule.in_sentence for rule in rules):
            for sentence in _name_by_sentence(terms, texts, row):
                for rule in self._rules_for[sentence]:
                    if rule.in_sentence and rule.none.isdisjoint(sentence):
                        listed |= rule.columns
        return sorted(listed)


def _name_by_sentence(terms: Sequence[_Term], texts: TextsInWords, row: int) -> list[_Columns]:
    start = int(texts.starts[row])
    begins = texts.bounds.find_sentences(start, start + int(texts.lengths[row]))
    named: dict[int, _Columns] = {}
    for at, columns in terms:
        sentence = bisect_right(begins, at)
        named[sentence] = named.get(sentence, columns) | columns
    return [*named.values()]
