"""A passage -> numbers: the words it uses, the terms an editor listed, what they say together.

Everything known about a beat lies in `seeds/labels.toml`; no label, place or name is in code.
Listed terms are looked up word by word; every term keeps its words, and so their offsets.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin

from service.words import Word, list_words, split_words

# No listed stem is longer; a word that is no word may be as long as its text.
_STEM_MAX_LETTERS = 64
# As many words as are in use; names and numbers that come once are without end.
_STARTS_MAX = 65536
# How many words may stand for the `...` of a term ("sent ... back").
GAP_WORDS = 5


@dataclass(frozen=True, slots=True)
class Hit:
    """A listed term found in a text: the concepts it stands for and its span of words."""

    concepts: tuple[str, ...]
    first: int
    last: int


def expand_term(term: str) -> list[str]:
    """Write out a term's `{a,b}` alternatives; an empty one leaves the word out."""
    match = re.search(r"\{([^{}]*)\}", term)
    if match is None:
        return [" ".join(term.split())]
    return [
        whole
        for choice in match.group(1).split(",")
        for whole in expand_term(term[: match.start()] + choice + term[match.end() :])
    ]


class TermIndex:
    """Listed terms as a tree of words: finds every one in a single walk over a text.

    A word ending in `*` stands for every word that begins so; `...` for up to five words within
    the sentence. A term of a hiding concept hides the terms inside its own words: "border collie"
    listed in one keeps "border" from being found.
    """

    def __init__(self, concepts: Mapping[str, Sequence[str]], hiding: frozenset[str]) -> None:
        self._hiding = hiding
        self._root: dict[str, Any] = {}
        # Nearly every word of a text begins no term; remembered, that costs one look-up.
        self._starts: dict[str, list[dict[str, Any]]] = {}
        for concept, terms in concepts.items():
            for term in terms:
                for written in expand_term(term):
                    self._add(written, concept)

    def _add(self, term: str, concept: str) -> None:
        node = self._root
        for part in term.split():
            if part == "...":
                node = node.setdefault("...", {})
                continue
            if not (pieces := list_words(part)):
                continue
            *whole, last = pieces
            for word in whole:
                node = node.setdefault(word, {})
            node = node.setdefault(last + "*" if part.endswith("*") else last, {})
        names = node.setdefault("", [])
        if concept not in names:
            names.append(concept)

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Find the terms in a text's words, in order."""
        hits: dict[tuple[int, int], set[str]] = {}
        for first, word in enumerate(words):
            for start in self._find_starts(word.form):
                for last, names in self._walk(start, words, first + 1):
                    hits.setdefault((first, last), set()).update(names)
        # By its first word, where the longest hiding term ends; and where any begun earlier does.
        longest: dict[int, int] = {}
        for (first, last), concepts in hits.items():
            if not self._hiding.isdisjoint(concepts):
                longest[first] = max(last, longest.get(first, 0))
        reached = list(accumulate((longest.get(at, 0) for at in range(len(words))), max, initial=0))
        return [
            Hit(tuple(sorted(concepts)), first, last)
            for (first, last), concepts in hits.items()
            if last > reached[first] and last >= longest.get(first, 0)
        ]

    def _find_starts(self, form: str) -> list[dict[str, Any]]:
        starts = self._starts.get(form)
        if starts is None:
            starts = list(_step(self._root, form))
            if len(self._starts) < _STARTS_MAX:
                self._starts[form] = starts
        return starts

    def _walk(
        self, node: dict[str, Any], words: Sequence[Word], at: int
    ) -> Iterator[tuple[int, list[str]]]:
        if "" in node:
            yield at, node[""]
        if at == len(words):
            return
        if words[at].joined:
            for step in _step(node, words[at].form):
                yield from self._walk(step, words, at + 1)
        if "..." in node:
            for later in range(at, min(at + GAP_WORDS + 1, len(words))):
                if words[later].sentence != words[at - 1].sentence:
                    return
                for step in _step(node["..."], words[later].form):
                    yield from self._walk(step, words, later + 1)


def _step(node: dict[str, Any], form: str) -> Iterator[dict[str, Any]]:
    if form in node:
        yield node[form]
    for cut in range(2, min(len(form), _STEM_MAX_LETTERS) + 1):
        if (key := form[:cut] + "*") in node:
            yield node[key]


@lru_cache(maxsize=8)
def _index(concepts: tuple[tuple[str, tuple[str, ...]], ...], hiding: frozenset[str]) -> TermIndex:
    return TermIndex(dict(concepts), hiding)


class ConceptFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Which concepts a passage names, and which conjunctions of them hold.

    Args:
        concepts: name -> its terms (see `TermIndex` for their syntax).
        hiding: names of the concepts whose terms hide the terms inside them.
        conjunctions: each with `name`, `label`, `all` and optionally `none` (names of concepts),
            `within` ("sentence" or "passage") and `hint` (it holds for less than a claim).
        claim_weight: value of "some conjunction of this label holds", beside the 1.0 of each.
            One feature shared by a label's conjunctions lets a rare one count like its sisters.

    Features are 0 or the weight: `concept:NAME`, `conjunction:NAME`, `claim:LABEL`.
    """

    def __init__(
        self,
        concepts: dict[str, list[str]],
        conjunctions: list[dict[str, Any]],
        hiding: list[str] | None = None,
        claim_weight: float = 1.0,
        concept_weight: float = 1.0,
    ) -> None:
        self.concepts = concepts
        self.conjunctions = conjunctions
        self.hiding = hiding
        self.claim_weight = claim_weight
        self.concept_weight = concept_weight

    def fit(self, _passages: Iterable[str], _y: object = None) -> Self:
        """Name the features; nothing is learnt from the passages."""
        labels = dict.fromkeys(str(rule["label"]) for rule in self.conjunctions)
        self.feature_names_ = [
            *(f"concept:{name}" for name in self.concepts),
            *(f"conjunction:{rule['name']}" for rule in self.conjunctions),
            *(f"claim:{label}" for label in labels),
        ]
        return self

    def transform(self, passages: Iterable[str]) -> csr_matrix:
        """Give one row of features per passage."""
        column = {name: number for number, name in enumerate(self.feature_names_)}
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        count = 0
        index = self._build_index()
        for row, passage in enumerate(passages):
            count = row + 1
            for name, value in self._describe(split_words(passage), index).items():
                rows.append(row)
                columns.append(column[name])
                values.append(value)
        return csr_matrix((values, (rows, columns)), shape=(count, len(column)), dtype=np.float64)

    def describe(self, passage: str) -> dict[str, float]:
        """Give a passage's non-zero features by name."""
        return self._describe(split_words(passage), self._build_index())

    def _describe(self, words: Sequence[Word], index: TermIndex) -> dict[str, float]:
        hits = index.find(words)
        everywhere = {concept for hit in hits for concept in hit.concepts}
        sentences: dict[int, set[str]] = {}
        for hit in hits:
            sentences.setdefault(words[hit.first].sentence, set()).update(hit.concepts)
        found = {
            f"concept:{name}": self.concept_weight for name in self.concepts if name in everywhere
        }
        for rule in self.conjunctions:
            scopes = [everywhere] if rule.get("within") == "passage" else sentences.values()
            if any(_holds(rule, scope) for scope in scopes):
                found[f"conjunction:{rule['name']}"] = 1.0
                if not rule.get("hint"):
                    found[f"claim:{rule['label']}"] = self.claim_weight
        return found

    def find_terms(self, words: Sequence[Word]) -> list[Hit]:
        """Find the listed terms among a text's words."""
        return self._build_index().find(words)

    def _build_index(self) -> TermIndex:
        frozen = tuple((name, tuple(terms)) for name, terms in self.concepts.items())
        return _index(frozen, frozenset(self.hiding or ()))

    def get_feature_names_out(self, _input_features: object = None) -> NDArray[np.object_]:
        """Give the features' names, in the order of the columns."""
        return np.array(self.feature_names_, dtype=object)


def _holds(rule: Mapping[str, Any], scope: set[str]) -> bool:
    return scope.issuperset(rule["all"]) and scope.isdisjoint(rule.get("none", ()))
