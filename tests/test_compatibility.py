import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract_schemas import list_problems, read_exported, read_schema

DATA = Path(__file__).parent / "data"
RECORDED = sorted(DATA.glob("alert-*.json"))
# v1 of what consumers read, as first published: never renewed.
PUBLISHED = sorted((DATA / "contracts").glob("*.json"))

JsonObject = dict[str, Any]


def list_breaks(published: JsonObject, today: JsonObject) -> list[str]:
    """Say what a consumer who relies on the published schema loses today; nothing if nothing."""
    return list(_compare(published, today, published, today, "$"))


# What a field was promised to be stays; more may be promised.
_PROMISES = ("type", "const", "format", "pattern", "minimum", "maximum", "minLength", "maxLength")


def _compare(
    before: JsonObject, after: JsonObject, published: JsonObject, today: JsonObject, path: str
) -> Iterator[str]:
    before, after = _follow(before, published), _follow(after, today)
    for promise in _PROMISES:
        if promise in before and after.get(promise) != before[promise]:
            yield f"{path}: {promise} was {before[promise]}, is {after.get(promise)}"
    if "enum" in before and not set(after.get("enum", ["anything"])) <= set(before["enum"]):
        yield f"{path}: may be what it was not: {after.get('enum', 'anything')}"
    for name in sorted({*before.get("required", [])} - {*after.get("required", [])}):
        yield f"{path}.{name}: was always there, may be missing"
    for name, field in before.get("properties", {}).items():
        if name not in after.get("properties", {}):
            yield f"{path}.{name}: is gone"
        else:
            yield from _compare(
                field, after["properties"][name], published, today, f"{path}.{name}"
            )
    if "items" in before:
        yield from _compare(before["items"], after.get("items", {}), published, today, f"{path}[]")
    choices, choices_now = before.get("anyOf", []), after.get("anyOf", [])
    if len(choices) != len(choices_now):
        yield f"{path}: was one of {choices}, is one of {choices_now}"
    for one, other in zip(choices, choices_now, strict=False):
        yield from _compare(one, other, published, today, path)


def _follow(schema: JsonObject, root: JsonObject) -> JsonObject:
    if "$ref" in schema:
        followed: JsonObject = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return followed
    return schema


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.name)
def test_consumers_of_v1_lose_nothing(file: Path) -> None:
    breaks = list_breaks(read_schema(file), read_exported(file.name))
    assert breaks == [], "v1 consumers break; publish a v2 beside it (README, What comes out)"


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda file: file.stem)
def test_recorded_alert_is_valid_as_published_and_today(recorded: Path) -> None:
    alert_sent = json.loads(recorded.read_text(encoding="utf-8"))
    assert list_problems(read_exported("alert.v1.schema.json"), alert_sent) == []
    published = read_schema(DATA / "contracts" / "alert.v1.schema.json")
    assert list_problems(published, alert_sent) == []


def test_recorded_digest_is_valid_as_published_and_today() -> None:
    digest_sent = json.loads((DATA / "digest.json").read_text(encoding="utf-8"))
    assert list_problems(read_exported("digest.v1.schema.json"), digest_sent) == []
    published = read_schema(DATA / "contracts" / "digest.v1.schema.json")
    assert list_problems(published, digest_sent) == []


def change(path: str, value: Any) -> JsonObject:
    """Today's schema of alerts with one thing changed; None takes it away."""
    schema = copy.deepcopy(read_exported("alert.v1.schema.json"))
    *parents, last = path.split("/")
    node = schema
    for key in parents:
        node = node[key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return schema


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("properties/revision", None, "$.revision: is gone"),
        ("properties/revision/type", "string", "$.revision: type was integer, is string"),
        ("properties/alert_id/format", None, "$.alert_id: format was uuid, is None"),
        ("$defs/Story/required", ["role"], "$.story.story_id: was always there, may be missing"),
        ("$defs/Evidence/properties/part/enum", ["title", "text", "caption"],
         "$.labels[].evidence[].part: may be what it was not: ['title', 'text', 'caption']"),
        ("$defs/Term/properties/found/items/type", "object",
         "$.labels[].evidence[].terms[].found[]: type was string, is object"),
        ("properties/why/anyOf", [{"type": "string"}], "$.why: was one of "),
        ("$defs/AlertLabel/properties/probability/maximum", 100,
         "$.labels[].probability: maximum was 1, is 100"),
    ],
)  # fmt: skip
def test_change_that_breaks_consumers_is_told(path: str, value: Any, told: str) -> None:
    breaks = list_breaks(read_exported("alert.v1.schema.json"), change(path, value))
    assert any(each.startswith(told) for each in breaks), breaks


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/added", {"type": "string"}),
        ("$defs/Story/properties/added", {"type": "string"}),
        ("properties/status/enum", ["raised", "updated"]),
        ("$defs/ModelReference/properties/sha256/pattern", "^[0-9a-f]{64}$"),
    ],
)
def test_change_that_only_adds_or_narrows_breaks_nobody(path: str, value: Any) -> None:
    assert list_breaks(read_exported("alert.v1.schema.json"), change(path, value)) == []


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda file: file.stem)
@pytest.mark.parametrize("field", ["alert_id", "why", "labels", "story", "change", "labelled_at"])
def test_alert_without_a_field_is_not_valid(recorded: Path, field: str) -> None:
    alert_sent = json.loads(recorded.read_text(encoding="utf-8"))
    del alert_sent[field]
    assert list_problems(read_exported("alert.v1.schema.json"), alert_sent) != []
