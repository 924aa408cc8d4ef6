"""Alerts and digests as consumers read them with CloudEvents' own package, not used by us."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.alerts import Alert
from service.digests import Digest
from service.headers import ALERT_SCHEMA, DIGEST_SCHEMA
from service.outgoing import format_alert, format_digest
from tests.cloud_events import read_event
from tests.contract_schemas import read_exported
from tests.factories import alert

DATA = Path(__file__).parent / "data"
RECORDED = sorted(DATA.glob("alert-*.json"))


def read_formatted(sent: Alert) -> Any:
    message = format_alert(sent, "news.alerts")
    return read_event(message.key, message.value, message.headers)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_alert_is_an_event_with_its_attributes(file: Path) -> None:
    sent = Alert.model_validate_json(file.read_bytes())
    event = read_formatted(sent)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == f"{sent.alert_id}:{sent.revision}"
    assert event.get_source() == "/beatwatch"
    assert event.get_type() == f"beatwatch.{file.stem.replace('-', '.')}.v1"
    assert event.get_time() == sent.labelled_at
    assert event.get_subject() == sent.article.id
    assert event.get_dataschema() == ALERT_SCHEMA == read_exported("alert.v1.schema.json")["$id"]
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == json.loads(file.read_bytes())


def test_digest_is_an_event_with_its_attributes() -> None:
    content = (DATA / "digest.json").read_bytes()
    sent = Digest.model_validate_json(content)
    message = format_digest(sent, "news.alerts")
    event = read_event(message.key, message.value, message.headers)
    assert event.get_id() == f"{sent.digest_id}:{sent.revision}"
    assert event.get_source() == "/beatwatch"
    assert event.get_type() == "beatwatch.alert.digest.v1"
    assert event.get_time() == sent.digested_at
    assert event.get_subject() == sent.label
    assert event.get_dataschema() == DIGEST_SCHEMA == read_exported("digest.v1.schema.json")["$id"]
    # Not an article's key: digests of a label are in order, and never an alert's successor.
    assert event.get_extension("partitionkey") == f"digest:{sent.label}"
    assert event.get_data() == json.loads(content)


@pytest.mark.parametrize("article_id", ["خبر-😀", "urn:é", "a\u2028b", "% 41", "\x00"])
def test_article_id_of_any_script_is_subject_and_key_of_the_event(article_id: str) -> None:
    named = alert().article.model_copy(update={"id": article_id})
    event = read_formatted(alert(article=named))
    assert event.get_subject() == article_id
    assert event.get_extension("partitionkey") == article_id
    assert event.get_data()["article"]["id"] == article_id
