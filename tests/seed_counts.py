"""The counts in seeds/README.md, from the files. `python -m tests.seed_counts` renews them."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from service.seeds import SeedPassage, Seeds, read_seeds
from service.settings import CHECKOUT

SEEDS = CHECKOUT / "seeds"
README = SEEDS / "README.md"


def count_passages(seeds: Seeds, labels: Sequence[str]) -> list[str]:
    lines = (SEEDS / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    passages = [SeedPassage.model_validate_json(line) for line in lines]
    rows = []
    for name in (*seeds.articles, "all"):
        counted = [each for each in passages if name in {each.article, "all"}]
        rows.append([
            f"`{name}`" if name != "all" else name,
            len(counted),
            *(sum(label in each.labels for each in counted) for label in labels),
            sum(not each.labels and not each.boilerplate for each in counted),
            sum(each.boilerplate for each in counted),
        ])  # fmt: skip
    return _tabulate(["article", "passages", *_quote(labels), "no label", "boilerplate"], rows)


def count_texts(seeds: Seeds, labels: Sequence[str]) -> list[str]:
    rows: list[list[object]] = []
    for name in ("background.jsonl", "in_beat.jsonl"):
        labelled = _read_labels(SEEDS / name)
        rows.append([f"`{name}`", *_count(labelled, labels)])
    filled = [text.labels for text in seeds.texts if not text.written]
    rows.append(["`templates.toml`, filled", *_count(filled, labels)])
    if seeds.whole_articles:
        whole = [frozenset(article.labels) for article in seeds.whole_articles]
        rows.append(["`labelled_articles.jsonl`", *_count(whole, labels)])
    return _tabulate(["file", "texts", *_quote(labels), "no label"], rows)


def count_knowledge(seeds: Seeds, labels: Sequence[str]) -> list[str]:
    knowledge = seeds.knowledge
    rows = [
        [
            f"`{label}`",
            len(knowledge.labels[label].aliases),
            sum(rule.label == label and not rule.hint for rule in knowledge.conjunctions),
            sum(rule.label == label and rule.hint for rule in knowledge.conjunctions),
        ]
        for label in labels
    ]
    templates = tomllib.loads((SEEDS / "templates.toml").read_text(encoding="utf-8"))["families"]
    sentences = sum(len(family["sentences"]) for family in templates)
    terms = sum(len(concept.terms) for concept in knowledge.concepts.values())
    totals = (
        f"Concepts: {len(knowledge.concepts)}, with {terms} terms of their own. Templates: "
        f"{sentences} sentences in {len(templates)} families."
    )
    return [*_tabulate(["label", "aliases", "conjunctions", "hints"], rows), "", totals]


def write_counts() -> str:
    seeds = read_seeds(SEEDS)
    labels = list(seeds.labels)
    tables = (count_passages, count_texts, count_knowledge)
    return "\n\n".join("\n".join(table(seeds, labels)) for table in tables)


def replace_counts(readme: str) -> str:
    """Put the counts between their marks."""
    found = re.search(r"<!-- counts -->\n.*?\n<!-- /counts -->", readme, re.DOTALL)
    assert found is not None, "seeds/README.md has no place for the counts"
    counts = f"<!-- counts -->\n\n{write_counts()}\n\n<!-- /counts -->"
    return readme[: found.start()] + counts + readme[found.end() :]


def _read_labels(path: Path) -> list[frozenset[str]]:
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return [frozenset(json.loads(line)["labels"]) for line in lines]


def _count(texts: Sequence[frozenset[str]], labels: Sequence[str]) -> list[int]:
    having = [sum(label in text for text in texts) for label in labels]
    return [len(texts), *having, sum(not text for text in texts)]


def _quote(labels: Sequence[str]) -> list[str]:
    return [f"`{label}`" for label in labels]


def _tabulate(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(map(str, cells))} |" for cells in lines]


if __name__ == "__main__":
    README.write_text(replace_counts(README.read_text(encoding="utf-8")), encoding="utf-8")
