from typing import Any

import pytest
from pydantic import ValidationError

from service.templates import FILLED_OFF_BEAT, FILLED_ON_BEAT, Family, Templates, fill_family

SHARED = {"town": ["Bannu", "Tank", "Swat"], "who": ["the police"]}


def family(**changes: Any) -> Family:
    return Family.model_validate(
        {"name": "closed", "labels": ["border"], "sentences": ["{town} was closed."], **changes}
    )


def test_each_filling_takes_the_next_value_of_the_slot() -> None:
    filled = [each.text for each in fill_family(family(), SHARED)]
    assert filled == ["Bannu was closed.", "Tank was closed.", "Swat was closed."]
    assert len(filled) == FILLED_ON_BEAT


def test_values_go_on_with_the_next_sentence() -> None:
    values = {"town": [f"T{number}" for number in range(2 * FILLED_ON_BEAT)]}
    sentences = ["{town} is shut.", "{town} is open."]
    filled = [each.text for each in fill_family(family(sentences=sentences), values)]
    assert [text.split()[0] for text in filled] == values["town"]


def test_sentence_without_a_slot_is_given_once() -> None:
    filled = list(fill_family(family(sentences=["It was closed."]), SHARED))
    assert [each.text for each in filled] == ["It was closed."]


def test_twin_has_no_label_and_its_own_values_for_some_slots() -> None:
    doubled = family(sentences=["{Who} shut {town}."], twin={"town": ["El Paso"]})
    filled = list(fill_family(doubled, SHARED))
    twins = [each.text for each in filled if not each.labels]
    assert twins == ["The police shut El Paso."] * FILLED_OFF_BEAT
    assert {each.labels for each in filled} == {frozenset({"border"}), frozenset()}


def test_sentence_without_a_slot_of_the_twin_has_no_twin() -> None:
    doubled = family(sentences=["{Who} shut it."], twin={"town": ["El Paso"]})
    assert all(each.labels for each in fill_family(doubled, SHARED))


def test_values_of_the_family_come_before_the_shared_ones() -> None:
    own = family(slots={"town": ["Chaman"]})
    assert {each.text for each in fill_family(own, SHARED)} == {"Chaman was closed."}


def test_slot_with_a_capital_begins_its_sentence() -> None:
    filled = list(fill_family(family(sentences=["{Who} came. So did {who}."]), SHARED))
    assert filled[0].text == "The police came. So did the police."


@pytest.mark.parametrize("sentence", ["{village} was closed.", "{} was closed."])
def test_slot_without_values_is_an_error_that_names_family_and_slot(sentence: str) -> None:
    with pytest.raises(ValueError, match=r"'closed': no values for the slot '(village)?'"):
        list(fill_family(family(sentences=[sentence]), SHARED))


def test_same_file_gives_the_same_sentences() -> None:
    doubled = family(twin={"town": ["El Paso", "Laredo"]})
    assert list(fill_family(doubled, SHARED)) == list(fill_family(doubled, SHARED))


@pytest.mark.parametrize(
    "tables",
    [
        {"families": [{"name": "x", "labels": [], "sentences": []}]},
        {"families": [{"name": "x", "sentences": ["y"]}]},
        {"families": [{"name": "x", "labels": [], "sentences": ["y"], "twins": {}}]},
        {"slot": {}},
    ],
)
def test_other_tables_are_refused(tables: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Templates.model_validate(tables)
