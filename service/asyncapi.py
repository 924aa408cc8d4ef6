"""What the service receives and sends, as AsyncAPI 3.0."""

from typing import Any, get_args

from service import __version__
from service.headers import AlertEvent, DigestEvent
from service.settings import Settings
from service.topics import ARTICLES_PARTITIONS, TopicSpec, specify_topics

# The newest binding that AsyncAPI 3.0's own schema knows.
_ASYNCAPI_VERSION = "3.0.0"
_KAFKA_BINDING = "0.5.0"

JsonObject = dict[str, Any]

_SECURITY_TYPES = {
    "PLAIN": "plain",
    "SCRAM-SHA-256": "scramSha256",
    "SCRAM-SHA-512": "scramSha512",
}


def describe_asyncapi(settings: Settings) -> JsonObject:
    """Describe servers, topics and messages; the messages' schemas are files beside the document.

    Args:
        settings: has the names of topics and consumer group.
    """
    topics = {topic.name: topic for topic in specify_topics(settings, ARTICLES_PARTITIONS)}
    alerts = {
        **{_name_event(event): _describe_alert(event) for event in get_args(AlertEvent)},
        **{_name_event(event): _describe_digest(event) for event in get_args(DigestEvent)},
    }
    return {
        "asyncapi": _ASYNCAPI_VERSION,
        "id": "urn:beatwatch",
        "info": {
            "title": "beatwatch",
            "version": __version__,
            "description": "News articles in, alerts with their evidence out. Names of topics and "
            "of the consumer group are the defaults of the settings.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            security: _describe_server(security) for security in _list_choices("broker_security")
        },
        "channels": {
            "articles": _describe_channel(topics[settings.articles_topic], ["article"]),
            "alerts": _describe_channel(topics[settings.alerts_topic], list(alerts)),
            "rejections": _describe_channel(
                topics[settings.dlq_topic], ["rejection", "replayNote"]
            ),
        },
        "operations": {
            "receiveArticles": {
                "action": "receive",
                "summary": "Read articles, each to its one outcome.",
                "channel": {"$ref": "#/channels/articles"},
                "bindings": _bind(groupId={"type": "string", "enum": [settings.group]}),
            },
            "sendAlerts": {
                "action": "send",
                "summary": "Alert, each `ce_id` at least once; over an alert budget, digest.",
                "channel": {"$ref": "#/channels/alerts"},
            },
            "sendRejections": {
                "action": "send",
                "summary": "Keep what was no valid article, and why; note what was sent again.",
                "channel": {"$ref": "#/channels/rejections"},
            },
        },
        "components": {
            "messages": {
                "article": _ARTICLE_MESSAGE,
                **alerts,
                "rejection": _REJECTION_MESSAGE,
                "replayNote": _REPLAY_NOTE_MESSAGE,
            },
            "securitySchemes": {
                mechanism: {"type": _SECURITY_TYPES[mechanism]}
                for mechanism in _list_choices("broker_sasl_mechanism")
            },
        },
    }


def _list_choices(setting: str) -> tuple[str, ...]:
    return get_args(Settings.model_fields[setting].annotation)


def _describe_server(security: str) -> JsonObject:
    server: JsonObject = {
        "host": "localhost:9092",
        "protocol": "kafka-secure" if security.endswith("tls") else "kafka",
        "description": f"With BEATWATCH_BROKER_SECURITY={security}.",
    }
    if security.startswith("sasl"):
        server["security"] = [
            {"$ref": f"#/components/securitySchemes/{mechanism}"}
            for mechanism in _list_choices("broker_sasl_mechanism")
        ]
    return server


def _describe_channel(topic: TopicSpec, messages: list[str]) -> JsonObject:
    return {
        "address": topic.name,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": _bind(
            topic=topic.name,
            partitions=topic.partitions,
            # What is not here, such as cleanup.policy and retention, the broker decides.
            topicConfiguration={
                name: int(value) if value.isdigit() else value
                for name, value in topic.config.items()
            },
        ),
    }


def _bind(**kafka: object) -> JsonObject:
    return {"kafka": {**kafka, "bindingVersion": _KAFKA_BINDING}}


def _name_event(event: str) -> str:
    return f"alert{event.split('.')[2].capitalize()}"


def _describe_alert(event: str) -> JsonObject:
    title = f"Alert {event.split('.')[2]}"
    return _describe_event(event, title, file="alert", key="The article's id.")


def _describe_digest(event: str) -> JsonObject:
    title = "Digest of what a label raised beyond its alert budget"
    return _describe_event(event, title, file="digest", key="`digest:` and the label.")


def _describe_event(event: str, title: str, *, file: str, key: str) -> JsonObject:
    return {
        "name": event,
        "title": title,
        "headers": {
            "type": "object",
            "allOf": [
                {"$ref": f"./{file}-headers.v1.schema.json"},
                {"properties": {"ce_type": {"const": event}}},
            ],
        },
        "payload": {"$ref": f"./{file}.v1.schema.json"},
        "bindings": _bind(key={"type": "string", "description": key}),
    }


_ARTICLE_MESSAGE: JsonObject = {
    "name": "article",
    "title": "Article",
    "summary": "A news article in the native form; README lists the other forms that are read.",
    "payload": {"$ref": "./article.v1.schema.json"},
    "bindings": _bind(
        key={"type": "string", "description": "The article's id: keeps its versions in order."}
    ),
}
_REJECTION_MESSAGE: JsonObject = {
    "name": "rejection",
    "title": "Rejection",
    "summary": "What was no valid article; its own headers are kept too. It has `dlq.reason`.",
    "contentType": "application/octet-stream",
    "headers": {"$ref": "./rejection-headers.v1.schema.json"},
    "payload": {"description": "The original value, byte for byte."},
    "bindings": _bind(key={"description": "The original key, byte for byte."}),
}
_REPLAY_NOTE_MESSAGE: JsonObject = {
    "name": "replayNote",
    "title": "Replay note",
    "summary": "The original of a rejection was sent again. It has no `dlq.reason`.",
    "headers": {"$ref": "./replay-note-headers.v1.schema.json"},
    "payload": {"type": "null", "description": "No value."},
    "bindings": _bind(key={"type": "string", "description": "As `dlq.replay.of`."}),
}
