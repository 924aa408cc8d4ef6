import json
from typing import Literal

import pytest

from service import __version__
from service.alerts import Alert
from service.handling import Rejected
from service.messages import Headers, RejectionReason
from service.outgoing import format_alert, format_rejection
from tests.factories import ALERT_ID, NOW, alert, raw, story

REJECTED = Rejected(RejectionReason.INVALID_JSON, "cut off at line 1 column 9")


def test_alert_is_json_keyed_by_its_article() -> None:
    sent = alert()
    message = format_alert(sent, "news.alerts")
    assert (message.topic, message.key) == ("news.alerts", b"a1")
    assert message.value is not None
    assert Alert.model_validate_json(message.value) == sent


def test_alert_has_the_headers_of_a_cloud_event() -> None:
    assert format_alert(alert(revision=3), "news.alerts").headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{ALERT_ID}:3".encode()),
        ("ce_source", b"/beatwatch"),
        ("ce_type", b"beatwatch.alert.raised.v1"),
        ("ce_time", b"2024-01-03T12:00:00+00:00"),
        ("ce_subject", b"a1"),
        ("ce_dataschema", b"urn:beatwatch:schema:alert:v1"),
        ("content-type", b"application/json"),
    )


@pytest.mark.parametrize(
    ("status", "role", "ce_type"),
    [
        ("raised", "lead", b"beatwatch.alert.raised.v1"),
        ("raised", "repeat", b"beatwatch.alert.repeated.v1"),
        ("updated", "lead", b"beatwatch.alert.updated.v1"),
        ("updated", "repeat", b"beatwatch.alert.updated.v1"),
        ("withdrawn", "repeat", b"beatwatch.alert.withdrawn.v1"),
    ],
)
def test_type_of_the_event_tells_a_repeat_from_the_first(
    status: Literal["raised", "updated", "withdrawn"],
    role: Literal["lead", "repeat"],
    ce_type: bytes,
) -> None:
    message = format_alert(alert(status=status, story=story(role=role)), "news.alerts")
    assert dict(message.headers)["ce_type"] == ce_type


def test_id_of_the_event_is_the_same_each_time_it_is_delivered() -> None:
    assert format_alert(alert(), "news.alerts") == format_alert(alert(), "news.alerts")


def test_article_id_of_any_script_is_key_and_subject() -> None:
    named = alert(article=alert().article.model_copy(update={"id": "خبر-😀\x00"}))
    message = format_alert(named, "news.alerts")
    assert message.key == dict(message.headers)["ce_subject"] == "خبر-😀\x00".encode()
    assert json.loads(message.value or b"")["article"]["id"] == "خبر-😀\x00"


def test_rejection_says_where_it_was_and_why_it_is_here() -> None:
    assert format_rejection(raw(), REJECTED, "news.articles.dlq", NOW).headers == (
        ("dlq.original.topic", b"news.articles"),
        ("dlq.original.partition", b"3"),
        ("dlq.original.offset", b"42"),
        ("dlq.original.timestamp", b"1704283200000"),
        ("dlq.reason", b"invalid_json"),
        ("dlq.detail", b"cut off at line 1 column 9"),
        ("dlq.failed.at", b"2024-01-03T12:00:00+00:00"),
        ("dlq.service.version", __version__.encode()),
        ("dlq.attempts", b"1"),
    )


@pytest.mark.parametrize("key", [None, b"", b"a1", b"\xff\x00"])
@pytest.mark.parametrize("value", [None, b"", b"\x00\xff{", b'{"id": "a1"}'])
def test_rejection_keeps_key_and_value_byte_for_byte(
    key: bytes | None, value: bytes | None
) -> None:
    message = format_rejection(raw(key=key, value=value), REJECTED, "news.articles.dlq", NOW)
    assert (message.topic, message.key, message.value) == ("news.articles.dlq", key, value)


def test_rejection_keeps_the_headers_byte_for_byte_and_in_order() -> None:
    headers = (
        ("trace", b"1"),
        ("empty", b""),
        ("null", None),
        ("trace", b"\xff\x00"),
        ("ce_id", b"theirs"),
        ("", b"nameless"),
    )
    message = format_rejection(raw(headers=headers), REJECTED, "news.articles.dlq", NOW)
    assert message.headers[: len(headers)] == headers
    assert all(name.startswith("dlq.") for name, _value in message.headers[len(headers) :])


def test_rejection_that_is_rejected_again_says_where_it_was_last() -> None:
    first = format_rejection(raw(), REJECTED, "news.articles.dlq", NOW)
    again = format_rejection(
        raw(headers=first.headers, offset=99), REJECTED, "news.articles.dlq", NOW
    )
    assert len(again.headers) == len(first.headers)
    assert dict(again.headers)["dlq.original.offset"] == b"99"


def test_attempts_are_counted_up() -> None:
    headers: Headers = ()
    for attempts in (b"1", b"2", b"3"):
        headers = format_rejection(raw(headers=headers), REJECTED, "dlq", NOW).headers
        assert dict(headers)["dlq.attempts"] == attempts


@pytest.mark.parametrize(
    "forged",
    [None, b"", b"-1", b"many", b"1e9", b"\xd9\xa3", b"9" * 5000, b" 1"],
    ids=lambda forged: repr(forged)[:20],
)
def test_attempts_that_nobody_counted_begin_anew(forged: bytes | None) -> None:
    message = format_rejection(raw(headers=(("dlq.attempts", forged),)), REJECTED, "dlq", NOW)
    assert dict(message.headers)["dlq.attempts"] == b"1"


def test_detail_of_any_script_is_utf_8() -> None:
    rejected = Rejected(RejectionReason.HANDLER_FAILED, "خطا “é” 😀")
    headers = dict(format_rejection(raw(), rejected, "dlq", NOW).headers)
    assert headers["dlq.detail"] == "خطا “é” 😀".encode()


def test_detail_that_utf_8_cannot_write_is_escaped() -> None:
    rejected = Rejected(RejectionReason.HANDLER_FAILED, "\ud800")
    headers = dict(format_rejection(raw(), rejected, "dlq", NOW).headers)
    assert headers["dlq.detail"] == rb"\ud800"
