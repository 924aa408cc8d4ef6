"""Read and check what the model is trained on: the folder `seeds/`.

Everything the model knows lies there, in files people read and edit; seeds/README.md describes
them.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.knowledge import Knowledge, LabelDefinition
from service.templates import Templates, fill_family
from service.whole_articles import WholeArticle

Tables = TypeVar("Tables", bound=BaseModel)
Line = TypeVar("Line")


# Fewer cannot be dealt into folds of which each can be learnt from.
_LEAST_TEXTS = 6


class SeedsError(Exception):
    """The seeds contradict themselves; says in which file, which line, and what."""


class SeedPassage(BaseModel):
    """One line of passages.jsonl: offsets in code points into articles/<article>.txt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: str
    start: int = Field(ge=0)
    end: int
    labels: list[str]
    boilerplate: bool = False


class WrittenText(BaseModel):
    """One line of background.jsonl or in_beat.jsonl: a short text of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1)
    labels: list[str]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A training text.

    `article` names the seed it is from, none for the rest; `group` what may not stand on both
    sides of a fold; `written` is false for a filled template.
    """

    text: str
    labels: frozenset[str]
    article: str | None
    group: str
    written: bool = True


@dataclass(frozen=True, slots=True)
class Seeds:
    """All that the model learns from."""

    knowledge: Knowledge
    articles: dict[str, str]
    texts: list[LabelledText]
    sha256: str
    whole_articles: list[WholeArticle] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, LabelDefinition]:
        """The watched labels."""
        return self.knowledge.labels

    def labels_of(self, article: str) -> frozenset[str]:
        """Return the labels of a seed: those of its passages."""
        return frozenset().union(*(text.labels for text in self.texts if text.article == article))


def read_seeds(seeds_dir: Path) -> Seeds:
    """Read the seeds and check them against each other.

    Only labels.toml and passages.jsonl must be there.

    Raises:
        SeedsError: a file is missing or broken, an offset does not fit its article, a label is
            not in labels.toml, or no text has it, or all have.
    """
    knowledge = _read_toml(seeds_dir / "labels.toml", Knowledge)
    articles = {
        path.stem: _read_file(path) for path in sorted((seeds_dir / "articles").glob("*.txt"))
    }

    def read_passage(line: str, _number: int) -> LabelledText:
        passage = SeedPassage.model_validate_json(line)
        if passage.boilerplate and passage.labels:
            raise ValueError("boilerplate with labels")
        _check_labels(passage.labels, knowledge)
        quote = _quote_passage(passage, articles)
        return LabelledText(quote, frozenset(passage.labels), passage.article, passage.article)

    texts = _read_lines(seeds_dir / "passages.jsonl", read_passage)
    for name in ("background.jsonl", "in_beat.jsonl"):

        def read_written(line: str, number: int, name: str = name) -> LabelledText:
            written = WrittenText.model_validate_json(line)
            _check_labels(written.labels, knowledge)
            return LabelledText(written.text, frozenset(written.labels), None, f"{name}:{number}")

        if (seeds_dir / name).exists():
            texts += _read_lines(seeds_dir / name, read_written)
    if (seeds_dir / "templates.toml").exists():
        texts += _fill_templates(seeds_dir / "templates.toml", knowledge)
    _check_sides(seeds_dir, knowledge, texts)
    whole_articles = _read_whole_articles(seeds_dir / "labelled_articles.jsonl", knowledge)
    return Seeds(knowledge, articles, texts, _hash_files(seeds_dir), whole_articles)


def _check_sides(seeds_dir: Path, knowledge: Knowledge, texts: list[LabelledText]) -> None:
    # A filled template is no measure of how the news is written.
    texts = [text for text in texts if text.written]
    if len(texts) < _LEAST_TEXTS:
        raise SeedsError(
            f"{seeds_dir}: {len(texts)} texts are too few to learn from and to judge by; "
            f"write {_LEAST_TEXTS} or more"
        )
    for label in knowledge.labels:
        having = sum(label in text.labels for text in texts)
        if not having:
            raise SeedsError(
                f"{seeds_dir / 'passages.jsonl'}: no text has the label {label}, which "
                "labels.toml defines; label some, or take it out"
            )
        if having == len(texts):
            raise SeedsError(
                f"{seeds_dir / 'background.jsonl'}: every text there is has the label {label}, "
                "so that nothing tells what it is not; write some without it"
            )


def _read_whole_articles(path: Path, knowledge: Knowledge) -> list[WholeArticle]:
    read: dict[str, int] = {}

    def read_article(line: str, number: int) -> WholeArticle:
        article = WholeArticle.model_validate_json(line)
        _check_labels(article.labels, knowledge)
        if (before := read.setdefault(article.id, number)) != number:
            raise ValueError(f"the id {article.id!r} is that of line {before}")
        return article

    return _read_lines(path, read_article) if path.exists() else []


def _fill_templates(path: Path, knowledge: Knowledge) -> list[LabelledText]:
    templates = _read_toml(path, Templates)
    texts = []
    try:
        for family in templates.families:
            _check_labels(family.labels, knowledge)
            texts += [
                LabelledText(filled.text, filled.labels, None, family.name, written=False)
                for filled in fill_family(family, templates.slots)
            ]
    except ValueError as error:
        raise SeedsError(f"{path}: {error}") from error
    return texts


def _check_labels(given: list[str], knowledge: Knowledge) -> None:
    unknown = sorted(set(given) - knowledge.labels.keys())
    if unknown:
        raise ValueError(f"not in labels.toml: {', '.join(unknown)}")


def _quote_passage(passage: SeedPassage, articles: dict[str, str]) -> str:
    quote = articles.get(passage.article, "")[passage.start : passage.end]
    if not quote or quote != quote.strip() or len(quote) != passage.end - passage.start:
        raise ValueError(f"{passage.start}-{passage.end} is no passage of {passage.article}")
    return quote


def _read_toml(path: Path, kind: type[Tables]) -> Tables:
    try:
        return kind.model_validate(tomllib.loads(_read_file(path)))
    except ValueError as error:  # not TOML, or not the tables that we need
        raise SeedsError(f"{path}: {_explain(error)}") from error


def _read_lines(path: Path, read: Callable[[str, int], Line]) -> list[Line]:
    lines = []
    # Not str.splitlines: a text may hold U+2028, which JSON does not escape.
    for number, line in enumerate(_read_file(path).removesuffix("\n").split("\n"), start=1):
        try:
            lines.append(read(line, number))
        except ValueError as error:
            raise SeedsError(f"{path}, line {number}: {_explain(error)}") from error
    return lines


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
