"""labels.toml: what a desk watches, and how it is said.

Labels have aliases, concepts group terms that mean the same, conjunctions of concepts claim a
label. The syntax of terms is that of `terms.TermIndex`.
"""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelDefinition(_Strict):
    """A watched label: one table of labels.toml."""

    title: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    aliases: list[str] = Field(min_length=1)
    hides: bool = False


class Concept(_Strict):
    """Terms that mean the same to the desk, and the concepts whose terms they include."""

    terms: list[str]
    includes: list[str] = []
    hides: bool = False


class Conjunction(_Strict):
    """Concepts that together claim a label, or hint at it, in one sentence or one passage."""

    name: str = Field(min_length=1)
    label: str
    all: list[str] = Field(min_length=1)
    none: list[str] = []
    within: Literal["sentence", "passage"] = "sentence"
    hint: bool = False


class Knowledge(_Strict):
    """The content of labels.toml."""

    labels: dict[str, LabelDefinition] = Field(min_length=1)
    concepts: dict[str, Concept] = {}
    conjunctions: list[Conjunction] = []

    def list_terms(self) -> dict[str, list[str]]:
        """Give every concept's terms, included ones with them; a label's aliases are a concept."""
        aliases = {name: list(label.aliases) for name, label in self.labels.items()}
        return aliases | {name: list(dict.fromkeys(self._gather(name))) for name in self.concepts}

    def list_conjunctions(self) -> list[Conjunction]:
        """Give the conjunctions; a label that none claims is claimed by its aliases alone."""
        ruled = {rule.label for rule in self.conjunctions if not rule.hint}
        named = [
            Conjunction(name=f"{name} by name", label=name, all=[name])
            for name in self.labels
            if name not in ruled
        ]
        return [*self.conjunctions, *named]

    def list_hiding(self) -> list[str]:
        """Name the concepts whose terms hide the terms inside them."""
        both: dict[str, LabelDefinition | Concept] = {**self.labels, **self.concepts}
        return [name for name, each in both.items() if each.hides]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        known = self.labels.keys() | self.concepts.keys()
        for name in self.labels.keys() & self.concepts.keys():
            raise ValueError(f"{name} is both a label and a concept")
        for name, concept in self.concepts.items():
            if unknown := set(concept.includes) - self.concepts.keys():
                raise ValueError(f"{name} includes {sorted(unknown)}, not a concept")
        for name in self.concepts:
            self._check_includes(name, ())
        names = [rule.name for rule in self.list_conjunctions()]
        for name in {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two conjunctions are named {name!r}")
        for rule in self.conjunctions:
            if unknown := {*rule.all, *rule.none} - known:
                raise ValueError(f"{rule.name!r} names {sorted(unknown)}, not there")
            if rule.label not in self.labels:
                raise ValueError(f"{rule.name!r} makes {rule.label}, not a label")
        return self

    def _check_includes(self, name: str, includers: tuple[str, ...]) -> None:
        if name in includers:
            raise ValueError(f"{' includes '.join((*includers, name))}: in a circle")
        for included in self.concepts[name].includes:
            self._check_includes(included, (*includers, name))

    def _gather(self, name: str) -> Iterator[str]:
        yield from self.concepts[name].terms
        for included in self.concepts[name].includes:
            yield from self._gather(included)
