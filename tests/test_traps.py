"""Short texts on which a labeller of this beat may stumble; the reason of each is in the file."""

import json
from typing import Any

import pytest

from service.messages import Article
from service.settings import CHECKOUT
from tests.factories import load_classifier

TRAPS = [
    json.loads(line)
    for line in (CHECKOUT / "tests" / "data" / "traps.jsonl")
    .read_text("utf-8")
    .removesuffix("\n")
    .split("\n")
]
FLOOR = 0.95


def is_right(trap: dict[str, Any]) -> bool:
    fields = {name: trap[name] for name in ("id", "title", "text") if trap.get(name)}
    labels = load_classifier().label_article(Article.model_validate(fields)).alerts
    return [label.label for label in labels] == [
        name for name in load_classifier().names if name in trap["labels"]
    ]


def test_traps_are_of_every_language_and_every_label_both_ways() -> None:
    assert len(TRAPS) >= 120
    assert {trap["language"] for trap in TRAPS} == {"en", "ur", "ps", "fa", "hi", "de", "fr"}
    for language in {trap["language"] for trap in TRAPS}:
        has = [bool(trap["labels"]) for trap in TRAPS if trap["language"] == language]
        assert any(has)
        assert not all(has)


def test_all_labels_of_nearly_every_trap_are_right() -> None:
    wrong = [trap["id"] for trap in TRAPS if not is_right(trap)]
    assert 1 - len(wrong) / len(TRAPS) >= FLOOR, wrong


@pytest.mark.parametrize("label", ["ttp", "deportation", "border", "india_ties"])
def test_no_label_is_much_worse_than_the_others(label: str) -> None:
    with_label = [trap for trap in TRAPS if label in trap["labels"]]
    assert sum(is_right(trap) for trap in with_label) / len(with_label) >= 0.88
