"""Read and check what the model is trained on: the folder `seeds/`.

Everything the model knows lies there, in files people read and edit; seeds/README.md describes
them.
"""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Line = TypeVar("Line", bound=BaseModel)


class SeedsError(Exception):
    """The seeds contradict themselves; says in which file, which line, and what."""


class LabelDefinition(BaseModel):
    """A watched label: one table of labels.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    aliases: list[str] = Field(min_length=1)


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
    try:
        articles = {
            path.stem: path.read_text(encoding="utf-8")
            for path in sorted((seeds_dir / "articles").glob("*.txt"))
        }
        tables = tomllib.loads((seeds_dir / "labels.toml").read_text(encoding="utf-8"))
        labels = {
            name: LabelDefinition.model_validate(table) for name, table in tables["labels"].items()
        }
        passages = _read_lines(seeds_dir / "passages.jsonl", SeedPassage)
        background = _read_lines(seeds_dir / "background.jsonl", BackgroundText)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise SeedsError(f"{seeds_dir}: {error!r}") from error
    except ValidationError as error:
        raise SeedsError(f"{seeds_dir}/labels.toml: {error}") from error
    texts = [_read_passage(passage, articles) for passage in passages]
    texts += [LabelledText(each.text, frozenset(each.labels), None) for each in background]
    for text in texts:
        unknown = text.labels - labels.keys()
        if unknown:
            raise SeedsError(f"{sorted(unknown)} not in labels.toml: {text.text[:60]!r}")
    return Seeds(labels, articles, texts, _hash_files(seeds_dir))


def _read_passage(passage: SeedPassage, articles: dict[str, str]) -> LabelledText:
    text = articles.get(passage.article, "")[passage.start : passage.end]
    if not text or text != text.strip() or len(text) != passage.end - passage.start:
        raise SeedsError(
            f"passages.jsonl: {passage.start}-{passage.end} is no passage of {passage.article}"
        )
    if passage.boilerplate and passage.labels:
        raise SeedsError(f"passages.jsonl: boilerplate with labels: {text[:60]!r}")
    return LabelledText(text, frozenset(passage.labels), passage.article)


def _read_lines(path: Path, kind: type[Line]) -> list[Line]:
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            lines.append(kind.model_validate_json(line))
        except ValidationError as error:
            raise SeedsError(f"{path}, line {number}: {error}") from error
    return lines


def _hash_files(seeds_dir: Path) -> str:
    # README is for people and does not change the model.
    digests: dict[str, Any] = {
        path.relative_to(seeds_dir).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(seeds_dir.rglob("*"))
        if path.is_file() and path.suffix != ".md"
    }
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
