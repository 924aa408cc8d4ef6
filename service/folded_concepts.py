"""ConceptFeatures, folded for single articles: listed terms found in, weights out."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from service.fitted import FittedConcepts
from service.terms import Hit
from service.words import WordBounds


class _Rule(NamedTuple):
    all: frozenset[str]
    none: frozenset[str]
    in_sentence: bool
    features: list[tuple[int, float]]

    def holds(self, named: set[str]) -> bool:
        return self.all <= named and self.none.isdisjoint(named)


class FoldedConcepts:
    """The columns and conjunctions of fitted ConceptFeatures.

    Args:
        concepts: fitted.
        share: what its features are multiplied by.
        first_column: the place of its first feature among all features.
    """

    def __init__(self, concepts: FittedConcepts, share: float, first_column: int) -> None:
        columns = {name: at for at, name in enumerate(concepts.feature_names_, start=first_column)}
        self._concepts = {
            name: (columns[f"concept:{name}"], concepts.concept_weight * share)
            for name in concepts.concepts
        }
        # A conjunction is looked at only if that of its concepts is there which is in the fewest.
        used = Counter(name for rule in concepts.conjunctions for name in rule["all"])
        self._rules: dict[str, list[_Rule]] = defaultdict(list)
        for rule in concepts.conjunctions:
            features = [(columns[f"conjunction:{rule['name']}"], share)]
            if not rule.get("hint"):
                features.append((columns[f"claim:{rule['label']}"], concepts.claim_weight * share))
            self._rules[min(rule["all"], key=lambda name: used[name])].append(
                _Rule(
                    all=frozenset(rule["all"]),
                    none=frozenset(rule.get("none", ())),
                    in_sentence=rule.get("within") != "passage",
                    features=features,
                )
            )

    def describe(self, hits: Sequence[Hit], bounds: WordBounds) -> list[tuple[int, float]]:
        """Give a passage's non-zero features: columns, ascending, and values.

        Args:
            hits: the listed terms found in it.
            bounds: what lies between its words.
        """
        named = {concept for hit in hits for concept in hit.concepts}
        found = dict(self._concepts[name] for name in named)
        sentences: list[set[str]] | None = None
        for rule in [rule for name in named for rule in self._rules.get(name, ())]:
            if not rule.in_sentence:
                if rule.holds(named):
                    found.update(rule.features)
            elif rule.all <= named:
                if sentences is None:
                    sentences = _part_by_sentence(hits, bounds)
                if any(map(rule.holds, sentences)):
                    found.update(rule.features)
        return sorted(found.items())


def _part_by_sentence(hits: Sequence[Hit], bounds: WordBounds) -> list[set[str]]:
    sentences: dict[int, set[str]] = defaultdict(set)
    for hit in hits:
        sentences[bounds.sentences[hit.first]].update(hit.concepts)
    return [*sentences.values()]
