import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.contracts import CONTRACTS, SCHEMAS, DriftError, check_contracts, write_contracts
from service.formats import RejectedArticleError, parse_article
from service.messages import Article
from service.outgoing import format_alert
from tests.contract_schemas import list_problems, read_exported
from tests.factories import alert, load_classifier
from tests.factories import article as make_article

ARTICLE = read_exported("article.v1.schema.json")

JsonObject = dict[str, Any]


def test_committed_contracts_are_what_the_code_says() -> None:
    check_contracts(SCHEMAS)


def test_export_writes_the_committed_bytes_and_nothing_else(tmp_path: Path) -> None:
    written = write_contracts(tmp_path / "new")
    assert {path.name for path in SCHEMAS.iterdir()} == set(written)
    for name in written:
        assert (tmp_path / "new" / name).read_bytes() == (SCHEMAS / name).read_bytes()
        assert (SCHEMAS / name).read_bytes().endswith(b"\n")


def test_drift_names_the_file_and_the_command(tmp_path: Path) -> None:
    write_contracts(tmp_path)
    (tmp_path / "alert.v1.schema.json").write_text("{}\n")
    (tmp_path / "asyncapi.yaml").unlink()
    with pytest.raises(DriftError, match=r"alert\.v1\.\S+, asyncapi\.yaml .*schema export"):
        check_contracts(tmp_path)


def list_fields(schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for name, each in {"": schema, **schema.get("$defs", {})}.items():
        for field, described in each.get("properties", {}).items():
            yield f"{name}.{field}", described


@pytest.mark.parametrize("name", CONTRACTS)
def test_schema_names_its_dialect_and_itself(name: str) -> None:
    schema = read_exported(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:beatwatch:schema:{name.removesuffix('.v1.schema.json')}:v1"
    assert schema["description"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_field_is_described_and_has_examples_that_are_valid(name: str) -> None:
    schema = read_exported(name)
    for field, described in list_fields(schema):
        assert described.get("description"), field
        assert described.get("examples"), field
        for each in described["examples"]:
            assert list_problems({**described, "$defs": schema.get("$defs", {})}, each) == [], field


def test_alert_that_a_model_makes_is_valid() -> None:
    text = "The Torkham border crossing was closed.\n\nPakistan deported 3,000 Afghans on Friday."
    labels = load_classifier().label_article(make_article(text=text)).labels
    assert labels
    sent = format_alert(alert(labels=labels), "news.alerts")
    assert list_problems(read_exported("alert.v1.schema.json"), json.loads(sent.value or b"")) == []


# What producers send, and what they may think they can.
GOOD: dict[str, JsonObject] = {
    "least": {"id": "a", "title": "t"},
    "text alone": {"id": "a", "text": "t"},
    "nulls": dict.fromkeys(
        ["version", "status", "url", "text", "language", "source", "published_at", "updated_at",
         "embargoed_until"]
    ) | {"id": "a", "title": "t"},
    "empty": dict.fromkeys(
        ["version", "status", "url", "text", "language", "source", "published_at", "updated_at",
         "embargoed_until"], ""
    ) | {"id": "a", "title": "t"},
    "unknown fields": {"id": "a", "title": "t", "byline": ["x"]},
    "killed without words": {"id": "a", "status": "canceled"},
    "withheld without words": {"id": "a", "status": "stat:Withheld", "title": None},
    "British": {"id": "a", "status": "Cancelled"},
    "scheme": {"id": "a", "title": "t", "status": " stat:usable "},
    "version as text": {"id": "a", "title": "t", "version": "17"},
    "whole float": {"id": "a", "title": "t", "version": 2.0},
    "no zone": {"id": "a", "title": "t", "published_at": "2026-03-12T06:30:00"},
    "date": {"id": "a", "title": "t", "published_at": "2026-03-12"},
    "seconds": {"id": "a", "title": "t", "published_at": 1773297000},
    "seconds as text": {"id": "a", "title": "t", "published_at": "1773297000.5"},
    "offset": {"id": "a", "title": "t", "updated_at": "2026-03-12 06:30+0500"},
    "long": {"id": "x" * 1024, "title": "t", "url": "u" * 4096, "source": "s" * 1024},
}  # fmt: skip
BAD: dict[str, JsonObject] = {
    "no id": {"title": "t"},
    "null id": {"id": None, "title": "t"},
    "empty id": {"id": "", "title": "t"},
    "number as id": {"id": 4711, "title": "t"},
    "long id": {"id": "x" * 1025, "title": "t"},
    "no words": {"id": "a", "status": "usable"},
    "white space": {"id": "a", "title": " ", "text": "\n"},
    "null words": {"id": "a", "title": None, "text": ""},
    "list as title": {"id": "a", "title": ["t"]},
    "number as text": {"id": "a", "text": 1},
    "unknown status": {"id": "a", "title": "t", "status": "draft"},
    "number as status": {"id": "a", "title": "t", "status": 1},
    "version zero": {"id": "a", "title": "t", "version": 0},
    "version zero as text": {"id": "a", "title": "t", "version": "0"},
    "version with a fraction": {"id": "a", "title": "t", "version": 1.5},
    "true as version": {"id": "a", "title": "t", "version": True},
    "word as version": {"id": "a", "title": "t", "version": "second"},
    "large version": {"id": "a", "title": "t", "version": 2**52},
    "long url": {"id": "a", "title": "t", "url": "u" * 4097},
    "word as embargo": {"id": "a", "title": "t", "embargoed_until": "tomorrow"},
    "zone alone": {"id": "a", "title": "t", "embargoed_until": "2026-03-12Z"},
    "list as embargo": {"id": "a", "title": "t", "embargoed_until": ["2026-03-12"]},
    "true as embargo": {"id": "a", "title": "t", "embargoed_until": True},
}


# Sent so, each of these is left out, and the article is read without it.
LEFT_OUT: dict[str, JsonObject] = {
    "kill with a list as text": {"id": "a", "status": "canceled", "text": ["x"]},
    "kill with a word as version": {"id": "a", "status": "canceled", "version": "second"},
    "word as date": {"id": "a", "title": "t", "published_at": "yesterday"},
    "list as date": {"id": "a", "title": "t", "published_at": ["2026-03-12"]},
    "true as date": {"id": "a", "title": "t", "updated_at": True},
    "kill with a word as embargo": {"id": "a", "status": "canceled", "embargoed_until": "soon"},
}


def read(fields: JsonObject) -> Article | None:
    try:
        return parse_article(json.dumps(fields).encode())
    except RejectedArticleError:
        return None


def select_read(fields: JsonObject, article: Article) -> JsonObject:
    """Select the fields that were read; of the unknown ones all."""
    left_out = Article.model_fields.keys() - article.model_fields_set
    return {name: value for name, value in fields.items() if name not in left_out}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_article_that_is_read_is_valid(fields: JsonObject) -> None:
    assert read(fields) is not None
    assert list_problems(ARTICLE, fields) == []


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_article_that_is_rejected_is_not_valid(fields: JsonObject) -> None:
    assert read(fields) is None
    assert list_problems(ARTICLE, fields) != []


@pytest.mark.parametrize("fields", LEFT_OUT.values(), ids=LEFT_OUT)
def test_field_that_is_left_out_is_not_valid(fields: JsonObject) -> None:
    assert list_problems(ARTICLE, fields) != []
    article = read(fields)
    assert article is not None
    kept = select_read(fields, article)
    assert len(kept) == len(fields) - 1
    assert list_problems(ARTICLE, kept) == []


# \u2212 is a minus sign, which pydantic takes for one.
_ODD_TEXT = st.text(alphabet="0123456789TtZz:.,+-\u2212_ eE\n", max_size=26)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    _ODD_TEXT,
    st.from_regex(r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]([Tt _][012][0-9]:[0-5][0-9](:[0-5][0-9]([.,]"
                  r"[0-9]{1,9})?)?([Zz]|[+\u2212-][01][0-9]:?[0-5][0-9])?)?\Z"),
    st.from_regex(r"\A[ \n]?[+-]?[0-9_]{1,5}(\.[0-9_]{0,3}([eE][+-]?[0-9])?)?[ \n]?\Z"),
    st.from_regex(r"\A ?([a-z]{0,3}:)?(usable|WITHHELD|Cancell?ed)[ \n]?\Z"),
)  # fmt: skip
_FIELDS = ["version", "status", "title", "text", "url", "language", "published_at", "updated_at",
           "embargoed_until"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES))
@example({"published_at": "2026-03-12T06:30:00\u221205:00"})
@example({"published_at": "5.0e1"})
@example({"version": "00_3.0 "})
def test_whatever_is_read_and_not_left_out_is_valid(fields: JsonObject) -> None:
    given_fields = {"id": "a", "title": "t", **fields}
    article = read(given_fields)
    if article is not None:
        assert list_problems(ARTICLE, select_read(given_fields, article)) == []
