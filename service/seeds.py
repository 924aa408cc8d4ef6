"""Read and check what the model is trained on: the folder `seeds/`.

Everything the model knows lies there, in files people read and edit; seeds/README.md describes
them.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SeedsError(Exception):
    """The seeds contradict themselves; says in which file, which line, and what."""


class LabelDefinition(BaseModel):
    """A watched label: one table of labels.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    aliases: list[str] = Field(min_length=1)


class LabelsFile(BaseModel):
    """labels.toml: the watched labels by their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: dict[str, LabelDefinition] = Field(min_length=1)


class SeedPassage(BaseModel):
    """One line of passages.jsonl: offsets in code points into articles/<article>.txt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: str
    start: int = Field(ge=0)
    end: int
    labels: list[str]
    boilerplate: bool = False


class BackgroundText(BaseModel):
    """One line of background.jsonl: a short text of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1)
    labels: list[str]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A training text. `article` names the seed it is from, none for background."""

    text: str
    labels: frozenset[str]
    article: str | None


@dataclass(frozen=True, slots=True)
class Seeds:
    """All that the model learns from."""

    labels: dict[str, LabelDefinition]
    articles: dict[str, str]
    texts: list[LabelledText]
    sha256: str

    def labels_of(self, article: str) -> frozenset[str]:
        """Return the labels of a seed: those of its passages."""
        return frozenset().union(*(text.labels for text in self.texts if text.article == article))


def read_seeds(seeds_dir: Path) -> Seeds:
    """Read the seeds and check them against each other.

    Raises:
        SeedsError: a file is missing or broken, an offset does not fit its article, a label is
            not in labels.toml.
    """
    labels = _read_labels(seeds_dir / "labels.toml")
    articles = {
        path.stem: _read_file(path) for path in sorted((seeds_dir / "articles").glob("*.txt"))
    }

    def read_passage(line: str) -> LabelledText:
        passage = SeedPassage.model_validate_json(line)
        if passage.boilerplate and passage.labels:
            raise ValueError("boilerplate with labels")
        _check_labels(passage.labels, labels)
        return LabelledText(
            _quote_passage(passage, articles), frozenset(passage.labels), passage.article
        )

    def read_background(line: str) -> LabelledText:
        background = BackgroundText.model_validate_json(line)
        _check_labels(background.labels, labels)
        return LabelledText(background.text, frozenset(background.labels), None)

    texts = _read_lines(seeds_dir / "passages.jsonl", read_passage)
    texts += _read_lines(seeds_dir / "background.jsonl", read_background)
    for label in labels:
        if not any(label in text.labels for text in texts):
            raise SeedsError(
                f"{seeds_dir / 'passages.jsonl'}: no passage has the label {label}, which "
                "labels.toml defines; label some, or take it out"
            )
    return Seeds(labels, articles, texts, _hash_files(seeds_dir))


def _check_labels(given: list[str], known: dict[str, LabelDefinition]) -> None:
    unknown = sorted(set(given) - known.keys())
    if unknown:
        raise ValueError(f"not in labels.toml: {', '.join(unknown)}")


def _quote_passage(passage: SeedPassage, articles: dict[str, str]) -> str:
    quote = articles.get(passage.article, "")[passage.start : passage.end]
    if not quote or quote != quote.strip() or len(quote) != passage.end - passage.start:
        raise ValueError(f"{passage.start}-{passage.end} is no passage of {passage.article}")
    return quote


def _read_labels(path: Path) -> dict[str, LabelDefinition]:
    try:
        return LabelsFile.model_validate(tomllib.loads(_read_file(path))).labels
    except ValueError as error:  # not TOML, or not the tables that we need
        raise SeedsError(f"{path}: {_explain(error)}") from error


def _read_lines(path: Path, read: Callable[[str], LabelledText]) -> list[LabelledText]:
    texts = []
    # Not str.splitlines: a text may hold U+2028, which JSON does not escape.
    for number, line in enumerate(_read_file(path).removesuffix("\n").split("\n"), start=1):
        try:
            texts.append(read(line))
        except ValueError as error:
            raise SeedsError(f"{path}, line {number}: {_explain(error)}") from error
    return texts


def _read_file(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SeedsError(f"{path} cannot be read: {error}") from error


def _explain(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        ": ".join((*map(str, problem["loc"]), problem["msg"])) for problem in error.errors()
    )


def _hash_files(seeds_dir: Path) -> str:
    # README is for people and does not change the model.
    digests: dict[str, Any] = {
        path.relative_to(seeds_dir).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(seeds_dir.rglob("*"))
        if path.is_file() and path.suffix != ".md"
    }
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
