import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from service.alerts import Alert
from service.contracts import SCHEMAS
from service.dead_letters import (
    LetterId,
    Place,
    RejectionHeader,
    ReplayHeader,
    format_replay_note,
)
from service.digests import Digest
from service.handling import Rejected
from service.headers import AlertEvent, DigestEvent
from service.messages import OutgoingMessage, RejectionReason
from service.outgoing import format_alert, format_digest, format_rejection
from service.settings import Settings
from tests.contract_schemas import list_problems, read_asyncapi, read_schema
from tests.factories import NOW, alert, raw, story

DATA = Path(__file__).parent / "data"
RECORDED = sorted(DATA.glob("alert-*.json"))
DOCUMENT = read_asyncapi()
MESSAGES = DOCUMENT["components"]["messages"]


def list_problems_of_document(document: dict[str, Any]) -> list[str]:
    official = read_schema(DATA / "asyncapi" / "3.0.0.json")
    # Its definitions name each other by their ids.
    parts = [DRAFT7.create_resource(each) for each in official["definitions"].values()]
    registry = Registry().with_resources((part.id() or "", part) for part in parts)
    return [
        f"{error.json_path}: {error.message}"
        for error in Draft7Validator(official, registry=registry).iter_errors(document)
    ]


def list_references(node: Any, file: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield file, value
            else:
                yield from list_references(value, file)
    elif isinstance(node, list):
        for value in node:
            yield from list_references(value, file)


def resolve(file: Path, reference: str, documents: dict[Path, Any]) -> Any:
    name, _, pointer = reference.partition("#")
    found = documents[(file.parent / name).resolve() if name else file]
    for key in pointer.split("/")[1:]:
        found = found[key]
    return found


def headers_of(message: OutgoingMessage) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in message.headers}


def find_message(headers: dict[str, str]) -> dict[str, Any]:
    """As a client does that was generated from the document: by `ce_type`."""
    (found,) = (each for each in MESSAGES.values() if each["name"] == headers["ce_type"])
    assert isinstance(found, dict)
    return found


def test_document_is_valid_by_the_official_schema() -> None:
    assert list_problems_of_document(DOCUMENT) == []


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("operations", {"receiveArticles": {"action": "eat"}}),
        ("channels", {"articles": {"bindings": {"kafka": {"partitions": "four"}}}}),
        ("servers", {"tls": {"protocol": "kafka-secure"}}),
    ],
)
def test_official_schema_notices_what_is_wrong(part: str, broken: dict[str, Any]) -> None:
    assert list_problems_of_document({**DOCUMENT, part: broken})


def test_every_reference_resolves() -> None:
    documents: dict[Path, Any] = {
        path.resolve(): read_schema(path) for path in SCHEMAS.glob("*.json")
    }
    documents[(SCHEMAS / "asyncapi.yaml").resolve()] = DOCUMENT
    references = [each for path, node in documents.items() for each in list_references(node, path)]
    assert len(references) > 20
    for file, reference in references:
        assert resolve(file, reference, documents), f"{reference} in {file.name}"


def test_topics_are_the_defaults_and_the_internal_ones_are_not_told() -> None:
    settings = Settings()
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {
        settings.articles_topic,
        settings.alerts_topic,
        settings.dlq_topic,
    }


def test_alerts_have_a_message_for_each_type_of_event() -> None:
    names = {
        MESSAGES[reference["$ref"].rsplit("/")[-1]]["name"]
        for reference in DOCUMENT["channels"]["alerts"]["messages"].values()
    }
    assert names == {*get_args(AlertEvent), *get_args(DigestEvent)}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_alert_is_the_message_of_its_type(file: Path) -> None:
    recorded = json.loads(file.read_text(encoding="utf-8"))
    sent = format_alert(Alert.model_validate(recorded), "news.alerts")
    headers = headers_of(sent)
    assert headers["ce_type"] == f"beatwatch.{file.stem.replace('-', '.')}.v1"
    message = find_message(headers)
    assert list_problems(message["headers"], headers) == []
    assert list_problems(message["payload"], recorded) == []
    assert list_problems(message["payload"], json.loads(sent.value or b"")) == []


def test_recorded_digest_is_the_message_of_its_type() -> None:
    recorded = json.loads((DATA / "digest.json").read_text(encoding="utf-8"))
    sent = format_digest(Digest.model_validate(recorded), "news.alerts")
    headers = headers_of(sent)
    message = find_message(headers)
    assert message is MESSAGES["alertDigest"]
    assert list_problems(message["headers"], headers) == []
    assert list_problems(MESSAGES["alertRaised"]["headers"], headers) != []
    assert list_problems(message["payload"], json.loads(sent.value or b"")) == []
    assert json.loads(sent.value or b"") == recorded
    properties = read_schema(SCHEMAS / "digest-headers.v1.schema.json")["properties"]
    assert set(properties) == set(headers)


def test_every_type_of_event_is_recorded() -> None:
    recorded = {f"beatwatch.{file.stem.replace('-', '.')}.v1" for file in RECORDED}
    assert recorded == set(get_args(AlertEvent))


def test_alert_is_not_the_message_of_another_type() -> None:
    headers = headers_of(format_alert(alert(story=story(role="repeat")), "news.alerts"))
    assert list_problems(MESSAGES["alertRepeated"]["headers"], headers) == []
    assert list_problems(MESSAGES["alertRaised"]["headers"], headers) != []


@pytest.mark.parametrize("reason", RejectionReason)
def test_rejection_has_the_headers_that_are_told(reason: RejectionReason) -> None:
    rejection = format_rejection(raw(), Rejected(reason, "“why”"), "news.articles.dlq", NOW)
    raised = Rejected(reason, "KeyError", "KeyError")
    with_exception = format_rejection(raw(), raised, "news.articles.dlq", NOW)
    omitted = ("dlq.value.omitted", b"larger than the topic takes")
    for headers in (
        rejection.headers,
        (*rejection.headers, omitted),
        with_exception.headers,
    ):
        told = {name: (value or b"").decode() for name, value in headers}
        assert list_problems(MESSAGES["rejection"]["headers"], told) == []
    properties = read_schema(SCHEMAS / "rejection-headers.v1.schema.json")["properties"]
    optional = [ReplayHeader.OF, RejectionHeader.VALUE_OMITTED, RejectionHeader.EXCEPTION]
    assert list(properties) == [*dict(rejection.headers), *optional]
    assert set(RejectionHeader) == set(properties) - {ReplayHeader.OF}


def test_replay_note_is_told_and_is_no_rejection() -> None:
    note = headers_of(format_replay_note(LetterId(0, 17), Place("news.articles", 3, 118), "d", NOW))
    assert list_problems(MESSAGES["replayNote"]["headers"], note) == []
    assert list_problems(MESSAGES["rejection"]["headers"], note) != []
    properties = read_schema(SCHEMAS / "replay-note-headers.v1.schema.json")["properties"]
    assert list(properties) == list(note) == list(ReplayHeader)
    assert "replayNote" in DOCUMENT["channels"]["rejections"]["messages"]


def test_headers_of_an_alert_are_those_that_are_told() -> None:
    properties = read_schema(SCHEMAS / "alert-headers.v1.schema.json")["properties"]
    assert set(properties) == set(dict(format_alert(alert(), "news.alerts").headers))
