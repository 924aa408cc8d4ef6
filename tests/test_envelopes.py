import base64
import json
from collections.abc import Callable

import pytest

from service.formats import RejectedArticleError, parse_article
from service.messages import Headers, RejectionReason, Status
from tests.factories import write_article
from tests.format_examples import ARTICLE_ID, ARTICLES, WITHDRAWALS, read_example


def unwrapped(value: bytes) -> tuple[bytes, Headers]:
    return value, ()


def in_structured_event(value: bytes) -> tuple[bytes, Headers]:
    event = {"specversion": "1.0", "id": "e1", "source": "/cms", "type": "published"}
    return json.dumps(event | {"data": json.loads(value)}).encode(), ()


def in_structured_event_as_text(value: bytes) -> tuple[bytes, Headers]:
    event = {"specversion": "1.0", "id": "e1", "source": "/cms", "type": "published"}
    return json.dumps(event | {"data": value.decode()}).encode(), ()


def in_structured_event_as_base64(value: bytes) -> tuple[bytes, Headers]:
    event = {"specversion": "1.0", "id": "e1", "source": "/cms", "type": "published"}
    return json.dumps(event | {"data_base64": base64.b64encode(value).decode()}).encode(), ()


def in_binary_event(value: bytes) -> tuple[bytes, Headers]:
    headers: Headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e1"),
        ("ce_source", b"/cms"),
        ("ce_type", b"published"),
        ("content-type", b"application/json"),
    )
    return value, headers


def behind_schema_id(value: bytes) -> tuple[bytes, Headers]:
    return b"\x00\x00\x00\x01\x07" + value, ()


def behind_schema_guid(value: bytes) -> tuple[bytes, Headers]:
    return b"\x01" + bytes(range(16)) + value, ()


def in_event_behind_schema_id(value: bytes) -> tuple[bytes, Headers]:
    return behind_schema_id(in_structured_event(value)[0])


ENVELOPES = [
    unwrapped,
    in_structured_event,
    in_structured_event_as_text,
    in_structured_event_as_base64,
    in_binary_event,
    behind_schema_id,
    behind_schema_guid,
    in_event_behind_schema_id,
]


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("name", ARTICLES)
def test_same_article_is_read_from_every_form(
    name: str, envelope: Callable[[bytes], tuple[bytes, Headers]]
) -> None:
    native = parse_article(read_example("native"))
    read = parse_article(*envelope(read_example(name)))
    for field in ("id", "status", "title", "text", "language", "source"):
        assert getattr(read, field) == getattr(native, field), field
    assert (read.published_at, read.updated_at) == (native.published_at, native.updated_at)


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("name", WITHDRAWALS)
def test_withdrawal_is_read_in_every_envelope(
    name: str, envelope: Callable[[bytes], tuple[bytes, Headers]]
) -> None:
    read = parse_article(*envelope(read_example(name)))
    assert (read.id, read.status) == (ARTICLE_ID, Status.CANCELED)


def test_event_whose_other_kind_of_data_is_null_is_read() -> None:
    event = {"specversion": "1.0", "data": json.loads(write_article()), "data_base64": None}
    assert parse_article(json.dumps(event).encode()).id == "a1"


@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        (b"application/xml", RejectionReason.XML_NOT_SUPPORTED),
        (b"application/avro", RejectionReason.BINARY_NOT_SUPPORTED),
        (b"application/x-protobuf", RejectionReason.BINARY_NOT_SUPPORTED),
        (b"text/plain", RejectionReason.INVALID_JSON),
        (None, RejectionReason.INVALID_JSON),
    ],
)
def test_content_type_tells_what_a_value_that_is_no_json_was_meant_to_be(
    content_type: bytes | None, reason: RejectionReason
) -> None:
    with pytest.raises(RejectedArticleError) as caught:
        parse_article(b"a1 It rained", (("Content-Type", content_type),))
    assert caught.value.reason is reason


def test_json_is_read_whatever_the_content_type_says() -> None:
    assert parse_article(write_article(), (("content-type", b"application/avro"),)).id == "a1"
