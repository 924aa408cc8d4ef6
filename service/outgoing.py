"""What an outcome owes, as messages: the alert or the rejection, byte by byte."""

from datetime import datetime

from service import __version__
from service.alerts import Alert, tell_type
from service.dead_letters import RejectionHeader, count_attempts
from service.desk_state import ENTRIES, Entry
from service.digests import Digest
from service.handling import Rejected
from service.headers import ALERT_SCHEMA, DIGEST_SCHEMA
from service.matches import Match
from service.messages import OutgoingMessage, RawArticle

ALERT_SOURCE = "/beatwatch"


def format_alert(alert: Alert, topic: str) -> OutgoingMessage:
    """Write an alert: JSON value, CloudEvents 1.0 headers in Kafka's binary mode.

    Source: CloudEvents Kafka Protocol Binding 1.0.2, section 3.2.
    """
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{alert.alert_id}:{alert.revision}",
        "ce_source": ALERT_SOURCE,
        "ce_type": f"beatwatch.alert.{tell_type(alert)}.v1",
        "ce_time": alert.labelled_at.isoformat(),
        "ce_subject": alert.article.id,
        "ce_dataschema": ALERT_SCHEMA,
        "content-type": "application/json",
    }
    return OutgoingMessage(
        topic,
        key=alert.article.id.encode(),
        value=alert.model_dump_json().encode(),
        headers=tuple((name, text.encode()) for name, text in headers.items()),
    )


def format_digest(digest: Digest, topic: str) -> OutgoingMessage:
    """Write a digest, as an alert."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{digest.digest_id}:{digest.revision}",
        "ce_source": ALERT_SOURCE,
        "ce_type": "beatwatch.alert.digest.v1",
        "ce_time": digest.digested_at.isoformat(),
        "ce_subject": digest.label,
        "ce_dataschema": DIGEST_SCHEMA,
        "content-type": "application/json",
    }
    return OutgoingMessage(
        topic,
        key=f"digest:{digest.label}".encode(),
        value=digest.model_dump_json().encode(),
        headers=tuple((name, text.encode()) for name, text in headers.items()),
    )


def format_match(match: Match, topic: str) -> OutgoingMessage:
    """Write a match for the desk."""
    return OutgoingMessage(
        topic,
        key=match.article.id.encode(),
        value=match.model_dump_json().encode(),
        headers=(),
    )


def format_entry(entry: Entry, topic: str) -> OutgoingMessage:
    """Write what the desk remembers of an article."""
    return OutgoingMessage(
        topic, key=entry.article_id.encode(), value=ENTRIES.dump_json(entry), headers=()
    )


def format_rejection(
    raw: RawArticle, rejected: Rejected, topic: str, failed_at: datetime
) -> OutgoingMessage:
    """Write a rejection: key, value and headers as they came, and headers that say why."""
    why = {
        RejectionHeader.ORIGINAL_TOPIC: raw.topic,
        RejectionHeader.ORIGINAL_PARTITION: str(raw.partition),
        RejectionHeader.ORIGINAL_OFFSET: str(raw.offset),
        RejectionHeader.ORIGINAL_TIMESTAMP: str(raw.timestamp_ms),
        RejectionHeader.REASON: rejected.reason,
        RejectionHeader.DETAIL: rejected.detail,
        RejectionHeader.FAILED_AT: failed_at.isoformat(),
        RejectionHeader.SERVICE_VERSION: __version__,
        RejectionHeader.ATTEMPTS: str(count_attempts(raw.headers) + 1),
    }
    if rejected.exception:
        why[RejectionHeader.EXCEPTION] = rejected.exception
    kept = tuple((name, value) for name, value in raw.headers if name not in why)
    added = tuple((name, text.encode(errors="backslashreplace")) for name, text in why.items())
    return OutgoingMessage(topic, raw.key, raw.value, kept + added)
