"""A line of the log for each outcome: where the message is, what it came to, never what it says."""

from typing import Any, assert_never

import structlog

from service.alerts import Alert
from service.handling import Matched, Rejected, Unmatched, Withheld
from service.matches import Match
from service.messages import RawArticle
from service.outbox import Decision
from service.outcomes import Outcome
from service.stories import Ruling

log = structlog.get_logger(__name__)

# Whoever sends an article may choose its key, and it may have any length.
_KEY_MAX_BYTES = 200


def locate(raw: RawArticle) -> dict[str, Any]:
    """Say where a message is, for the log."""
    return {"topic": raw.topic, "partition": raw.partition, "offset": raw.offset}


def log_decision(decision: Decision, model: str) -> None:
    """Write what a message came to into the log, where there is anything to tell above `debug`.

    Args:
        decision: as it ended.
        model: its version; empty where none has decided.
    """
    line = log.bind(**locate(decision.raw), model=model)
    match decision.decided:
        case Rejected() as rejected:
            # Of what is no article no id is known; where the producer keeps to it, the key is it.
            key = (decision.raw.key or b"")[:_KEY_MAX_BYTES].decode(errors="backslashreplace")
            line.warning(
                "article rejected",
                key=key,
                outcome=Outcome.REJECTED.value,
                reason=rejected.reason.value,
                detail=rejected.detail,
            )
        case Unmatched() as unmatched:
            outcome = Outcome.UNMATCHED.value
            line.debug("nothing to tell", article=unmatched.article_id, outcome=outcome)
        case Withheld() as withheld:
            outcome = Outcome.WITHHELD.value
            line.debug("nothing to tell", article=withheld.article_id, outcome=outcome)
        case Matched() as matched:
            line.debug("article handed to the desk", article=matched.match.article.id)
        case never:
            assert_never(never)


def log_ruling(match: Match, ruling: Ruling) -> None:
    """Write what a match came to into the log: above `debug` if consumers are told."""
    line = log.bind(
        topic=match.origin.topic,
        partition=match.origin.partition,
        offset=match.origin.offset,
        model=match.model.version,
        article=match.article.id,
        outcome=ruling.outcome.value,
    )
    for alert in ruling.alerts:
        line.info("alert published", **_describe(alert))
    if not ruling.alerts:
        line.debug("nothing to tell")


def _describe(alert: Alert) -> dict[str, Any]:
    return {
        "alert": str(alert.alert_id),
        "revision": alert.revision,
        "status": alert.status,
        "role": alert.story.role,
        "labels": [f"{label.label}:{label.band}" for label in alert.labels],
    }
