"""A passage -> numbers: the words it uses, the terms an editor listed, what they say together.

Everything known about a beat lies in `seeds/labels.toml`; no label, place or name is in code.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin

from service.fitted import index_terms
from service.terms import TermIndex
from service.words import Word, split_words


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
        index = self.build_index()
        for row, passage in enumerate(passages):
            count = row + 1
            for name, value in self._describe(split_words(passage), index).items():
                rows.append(row)
                columns.append(column[name])
                values.append(value)
        return csr_matrix((values, (rows, columns)), shape=(count, len(column)), dtype=np.float64)

    def describe(self, passage: str) -> dict[str, float]:
        """Give a passage's non-zero features by name."""
        return self._describe(split_words(passage), self.build_index())

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

    def build_index(self) -> TermIndex:
        """Build the index of the listed terms; of equal ones it is built once."""
        return index_terms(self.concepts, self.hiding)

    def get_feature_names_out(self, _input_features: object = None) -> NDArray[np.object_]:
        """Give the features' names, in the order of the columns."""
        return np.array(self.feature_names_, dtype=object)


def _holds(rule: Mapping[str, Any], scope: set[str]) -> bool:
    return scope.issuperset(rule["all"]) and scope.isdisjoint(rule.get("none", ()))
