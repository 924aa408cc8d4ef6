"""How often terms and conjunctions are right on texts whose labels are known."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from service.knowledge import Conjunction, Knowledge
from service.terms import TermIndex
from service.words import split_words


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text that people labelled: where it stands, its passages, the labels of all together."""

    where: str
    passages: tuple[str, ...]
    labels: frozenset[str]


@dataclass(slots=True)
class Tally:
    """Texts with the label in question, and texts without."""

    having: int = 0
    lacking: int = 0

    def add(self, *, has: bool) -> None:
        """Count a text."""
        self.having += has
        self.lacking += not has


@dataclass(slots=True)
class Usage:
    """What is found in texts, counted in texts.

    Attributes:
        aliases: by label and alias, where it is found.
        conjunctions: by label and name, of those that claim a label, where one holds.
        silencers: by label, excluded concept and its term, where that alone keeps a conjunction
            from holding, and no other conjunction claims the label.
        near_misses: by label, texts without it that name one of its aliases, or a concept that
            one of its conjunctions asks for.
    """

    aliases: dict[tuple[str, str], Tally] = field(default_factory=dict)
    conjunctions: dict[tuple[str, str], Tally] = field(default_factory=dict)
    silencers: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    near_misses: Counter[str] = field(default_factory=Counter)


# A concept and one of its terms.
_Named = tuple[str, str]


def count_usage(knowledge: Knowledge, texts: Sequence[CheckedText]) -> Usage:
    """Count in how many texts aliases, concepts and conjunctions are found, rightly or not."""
    terms = {
        f"{concept}\n{term}": [term]
        for concept, listed in knowledge.list_terms().items()
        for term in listed
    }
    hiding = {name for name in terms if name.split("\n")[0] in knowledge.list_hiding()}
    index = TermIndex(terms, frozenset(hiding))
    rules = [rule for rule in knowledge.list_conjunctions() if not rule.hint]
    usage = Usage()
    for text in texts:
        scopes = [_find_named(index, passage) for passage in text.passages]
        _count_text(usage, knowledge, rules, scopes, text.labels)
    return usage


def _find_named(index: TermIndex, passage: str) -> list[set[_Named]]:
    # What is named in the passage, then what in each of its sentences.
    words = split_words(passage)
    everywhere: set[_Named] = set()
    sentences: dict[int, set[_Named]] = {}
    for hit in index.find(words):
        for name in hit.concepts:
            concept, _, term = name.partition("\n")
            everywhere.add((concept, term))
            sentences.setdefault(words[hit.first].sentence, set()).add((concept, term))
    return [everywhere, *sentences.values()]


def _count_text(
    usage: Usage,
    knowledge: Knowledge,
    rules: Sequence[Conjunction],
    passages: Sequence[list[set[_Named]]],
    labels: frozenset[str],
) -> None:
    named = set().union(*(scopes[0] for scopes in passages))
    for label in knowledge.labels:
        asked = {label}.union(*(rule.all for rule in rules if rule.label == label))
        if label not in labels and any(concept in asked for concept, _ in named):
            usage.near_misses[label] += 1
    for concept, term in named:
        if concept in knowledge.labels:
            usage.aliases.setdefault((concept, term), Tally()).add(has=concept in labels)
    claimed = set()
    silenced: dict[str, set[_Named]] = {}
    for rule in rules:
        excluding = list(_find_excluding(rule, passages))
        if any(not each for each in excluding):
            claimed.add(rule.label)
            tally = usage.conjunctions.setdefault((rule.label, rule.name), Tally())
            tally.add(has=rule.label in labels)
        silenced.setdefault(rule.label, set()).update(*(each for each in excluding if each))
    for label, excluded in silenced.items():
        if label not in claimed:
            for concept, term in excluded:
                tally = usage.silencers.setdefault((label, concept, term), Tally())
                tally.add(has=label in labels)


def _find_excluding(
    rule: Conjunction, passages: Sequence[list[set[_Named]]]
) -> Iterator[set[_Named]]:
    # For each place in which all that the rule asks for is named: what there excludes it.
    for everywhere, *sentences in passages:
        for scope in [everywhere] if rule.within == "passage" else sentences:
            if {concept for concept, _ in scope}.issuperset(rule.all):
                yield {(concept, term) for concept, term in scope if concept in rule.none}
