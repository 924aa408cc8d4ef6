import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.formats import RejectedArticleError, parse_article
from service.messages import Article, RejectionReason, Status
from tests.factories import write_article

NOT_FROM_FORMATS = {
    RejectionReason.TOO_LARGE,
    RejectionReason.HANDLER_FAILED,
    RejectionReason.ALERT_TOO_LARGE,
}
EXAMPLES: dict[RejectionReason, list[bytes | None]] = {
    RejectionReason.EMPTY_MESSAGE: [None, b"", b" \r\n\t"],
    RejectionReason.INVALID_JSON: [
        b'{"id": "a1", "title": "cut of',
        b'{"id": "a1", "title": "t"} {}',
        b'{"id": "a1", "title": "Latin-1 caf\xe9"}',
        b"<article/>",
        b"\xef\xbb\xbf",
    ],
    RejectionReason.UNKNOWN_FORMAT: [b"[]", b"17", b"null", b'"an article"'],
    RejectionReason.INVALID_ARTICLE: [
        b"{}",
        b'{"id": "", "title": "t"}',
        b'{"id": 17, "title": "t"}',
        b'{"id": "a1", "title": ["t"]}',
        b'{"id": "a1", "title": "t", "version": 0}',
        b'{"id": "a1", "title": "t", "status": "embargoed"}',
        b'{"id": "a1", "title": "t", "published_at": "yesterday"}',
    ],
    RejectionReason.NO_TEXT: [
        b'{"id": "a1"}',
        b'{"id": "a1", "title": null, "text": ""}',
        b'{"id": "a1", "title": " \\n", "text": "\\u00a0"}',
    ],
}
HOSTILE = {
    "brackets_of_a_mebibyte": b"[" * 2**20,
    "objects_of_a_mebibyte": b'{"id":' * (2**20 // 6),
    "deep_nesting_in_an_unknown_field": write_article(x=1).replace(b"1}", b"[" * 9999 + b"]" * 9999)
    + b"}",
    "number_of_many_digits": b'{"id": "a1", "title": "t", "version": ' + b"9" * 5000 + b"}",
    "number_beyond_float": b'{"id": "a1", "title": "t", "version": 1e999}',
    "not_a_number": b'{"id": "a1", "title": "t", "version": NaN}',
    "date_beyond_calendars": b'{"id": "a1", "title": "t", "published_at": 1e300}',
    "lone_surrogate_escaped": b'{"id": "a1", "title": "\\ud800"}',
    "lone_surrogate_in_the_id": b'{"id": "\\udfff", "title": "t"}',
    "lone_surrogate_encoded": b'{"id": "a1", "title": "\xed\xa0\x80"}',
    "nul_escaped": b'{"id": "a\\u0000", "title": "\\u0000"}',
    "nul_raw": b'{"id": "a1", "title": "\x00"}',
    "nul_only": b"\x00" * 100,
    "duplicate_keys": b'{"id": "a1", "id": "a2", "title": "t", "title": ["t"]}',
    "utf_16": '{"id": "a1", "title": "t"}'.encode("utf-16"),
    "two_byte_order_marks": b"\xef\xbb\xbf" * 2 + write_article(),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
articles_of_any_values = st.dictionaries(
    st.sampled_from([*Article.model_fields, "unknown"]), json_values
).map(lambda fields: json.dumps(fields).encode())


@st.composite
def damaged_articles(draw: st.DrawFn) -> bytes:
    value = write_article(text="A story of two lines.\nThis is the other.", version=2)
    position = draw(st.integers(0, len(value)))
    return value[:position] + draw(st.binary(max_size=4)) + value[position + 1 :]


any_bytes = (
    st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | articles_of_any_values
    | damaged_articles()
)


def reject(value: bytes | None) -> RejectedArticleError:
    with pytest.raises(RejectedArticleError) as caught:
        parse_article(value)
    return caught.value


def test_examples_below_show_every_reason_that_parsing_gives() -> None:
    assert EXAMPLES.keys() | NOT_FROM_FORMATS == set(RejectionReason)
    assert not EXAMPLES.keys() & NOT_FROM_FORMATS


@pytest.mark.parametrize(
    ("reason", "value"),
    [(reason, value) for reason, values in EXAMPLES.items() for value in values],
)
def test_what_is_no_article_is_rejected_for_its_reason(
    reason: RejectionReason, value: bytes | None
) -> None:
    rejection = reject(value)
    assert rejection.reason is reason
    assert rejection.detail


def test_detail_names_every_field_that_is_wrong() -> None:
    detail = reject(b'{"title": 1, "version": "x"}').detail
    for field in ("id: ", "title: ", "version: "):
        assert field in detail


def test_detail_is_short_whatever_the_article() -> None:
    fields = {name: [1] for name in Article.model_fields}
    assert len(reject(json.dumps(fields).encode()).detail) <= 300


WORD = "Zanzibar"
values_of_one_word = st.recursive(
    st.sampled_from([WORD, WORD * 99, f"{WORD}-01-02T00:00:00", f"1 {WORD}", 17, None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just(WORD), inner),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from([*Article.model_fields, WORD]), values_of_one_word),
    st.integers(-20, 0),
)
@example({"id": "a1", "published_at": WORD}, 0)
@example({"id": "a1", "status": WORD}, 0)
@example({"id": "a1", "title": {WORD: WORD}}, 0)
def test_detail_never_has_a_word_of_the_article(fields: dict[str, Any], cut: int) -> None:
    value = json.dumps(fields).encode()[: cut or None]
    try:
        parse_article(value)
    except RejectedArticleError as rejection:
        assert WORD not in rejection.detail  # noqa: PT017, an article may also come out
        assert WORD not in str(rejection)  # noqa: PT017, as above


def test_byte_order_mark_is_no_part_of_the_article() -> None:
    assert parse_article(b"\xef\xbb\xbf" + write_article()) == parse_article(write_article())


def test_last_of_duplicate_keys_counts() -> None:
    assert parse_article(b'{"id": "a1", "id": "a2", "title": "t"}').id == "a2"


@pytest.mark.parametrize("status", [Status.WITHHELD, Status.CANCELED])
def test_only_a_usable_article_needs_a_title_or_a_text(status: Status) -> None:
    assert parse_article(json.dumps({"id": "a1", "status": status}).encode()).status is status


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_an_article_or_a_rejection(value: bytes) -> None:
    try:
        assert isinstance(parse_article(value), Article)
    except RejectedArticleError as rejection:
        assert rejection.reason in EXAMPLES  # noqa: PT017, an article may also come out


@given(any_bytes)
def test_any_bytes_are_an_article_or_a_rejection(value: bytes) -> None:
    try:
        parsed = parse_article(value)
    except RejectedArticleError as rejection:
        assert rejection.reason in EXAMPLES  # noqa: PT017, an article may also come out
    else:
        # What is read can be written, as an alert about it must be.
        assert Article.model_validate_json(parsed.model_dump_json()) == parsed
