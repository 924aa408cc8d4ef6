from typing import Any

import pytest
from pydantic import ValidationError

from service.knowledge import Knowledge

TITLES = {"title": "Polio", "definition": "Polio."}
LABELS = {"polio": {**TITLES, "aliases": ["polio"]}}
CASES = {"name": "cases", "label": "polio", "all": ["polio", "ill"]}


def read(**tables: Any) -> Knowledge:
    return Knowledge.model_validate({"labels": LABELS, **tables})


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"labels": {}}, "labels"),
        ({"labels": {"polio": {**TITLES, "aliases": []}}}, "labels.polio.aliases"),
        ({"labels": {"polio": {**TITLES, "aliases": ["polio"], "alias": 1}}}, "labels.polio.alias"),
        ({"labels": {"polio": {"title": "", "definition": "x", "aliases": ["x"]}}}, "title"),
        ({"conceptions": {}}, "conceptions"),
        ({"concepts": {"polio": {"terms": ["x"]}}}, "polio is both a label and a concept"),
        ({"concepts": {"ill": {"terms": [], "includes": ["sick"]}}}, r"ill includes \['sick'\]"),
        ({"conjunctions": [CASES]}, r"'cases' names \['ill'\], not there"),
        ({"conjunctions": [{**CASES, "all": ["polio"], "none": ["x"]}]}, r"names \['x'\]"),
        ({"conjunctions": [{**CASES, "all": ["polio"], "label": "flu"}]}, "makes flu, not a label"),
        ({"conjunctions": [{**CASES, "all": []}]}, "conjunctions.0.all"),
        ({"conjunctions": [{**CASES, "within": "article"}]}, "conjunctions.0.within"),
        ({"conjunctions": [{**CASES, "all": ["polio"]}] * 2}, "two conjunctions are named 'cases'"),
    ],
)
def test_error_names_what_is_wrong(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        read(**tables)


@pytest.mark.parametrize(
    ("includes", "circle"),
    [
        ({"a": ["a"]}, "a includes a"),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, "b includes c includes b"),
    ],
)
def test_concepts_that_include_each_other_are_an_error_that_shows_the_circle(
    includes: dict[str, list[str]], circle: str
) -> None:
    concepts = {name: {"terms": [], "includes": each} for name, each in includes.items()}
    with pytest.raises(ValidationError, match=f"{circle}: in a circle"):
        read(concepts=concepts)


def test_concept_has_the_terms_of_those_it_includes_each_once() -> None:
    knowledge = read(
        concepts={
            "ill": {"terms": ["ill", "sick"]},
            "lame": {"terms": ["lame", "sick"], "includes": ["ill"]},
            "hurt": {"terms": ["hurt"], "includes": ["lame", "ill"]},
        }
    )
    assert knowledge.list_terms() == {
        "polio": ["polio"],
        "ill": ["ill", "sick"],
        "lame": ["lame", "sick", "ill"],
        "hurt": ["hurt", "lame", "sick", "ill"],
    }


def test_label_without_conjunctions_is_claimed_by_its_aliases() -> None:
    (claim,) = read().list_conjunctions()
    assert (claim.label, claim.all, claim.none, claim.hint) == ("polio", ["polio"], [], False)


def test_label_with_hints_alone_is_still_claimed_by_its_aliases() -> None:
    hint = {**CASES, "all": ["polio"], "hint": True}
    assert [each.hint for each in read(conjunctions=[hint]).list_conjunctions()] == [True, False]


def test_label_with_a_conjunction_is_claimed_by_that_alone() -> None:
    claim = {**CASES, "all": ["polio"]}
    assert [each.name for each in read(conjunctions=[claim]).list_conjunctions()] == ["cases"]


def test_labels_and_concepts_may_hide() -> None:
    knowledge = Knowledge.model_validate(
        {
            "labels": {"polio": {**TITLES, "aliases": ["polio"], "hides": True}},
            "concepts": {"horse": {"terms": ["polo"], "hides": True}, "ill": {"terms": ["ill"]}},
        }
    )
    assert knowledge.list_hiding() == ["polio", "horse"]
