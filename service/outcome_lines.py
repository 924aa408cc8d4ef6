"""A line of the log for each outcome: where the message is, what it came to, never what it says."""

import logging
from typing import Any, assert_never

import structlog
from pydantic import BaseModel, ValidationError

from service.alerts import Alert, ModelReference
from service.handling import Matched, Rejected, Unmatched, Withheld
from service.matches import Match
from service.messages import RawArticle
from service.outbox import Decision
from service.outcomes import Outcome
from service.stories import Ruling

log = structlog.get_logger(__name__)
# Asked whether a line will be written, before there is one.
_level = logging.getLogger(__name__)

# Whoever sends a message may choose what is in it, and it may have any length.
_KEY_MAX_BYTES = 200
_MODEL_MAX_CHARACTERS = 100


class _DecidedBy(BaseModel):
    model: ModelReference


def locate(raw: RawArticle) -> dict[str, Any]:
    """Say where a message is, for the log."""
    return {"topic": raw.topic, "partition": raw.partition, "offset": raw.offset}


def log_decision(decision: Decision, model: str) -> None:
    """Write what a message came to into the log, where there is anything to tell above `debug`.

    Args:
        decision: as it ended.
        model: its version; empty where only the message can say which one it was, as a match does.
    """
    if not isinstance(decision.decided, Rejected) and not _level.isEnabledFor(logging.DEBUG):
        # As most articles end: what a line would say is not put together.
        return
    place = locate(decision.raw)
    match decision.decided:
        case Rejected() as rejected:
            # Of what is no article no id is known; where the producer keeps to it, the key is it.
            key = (decision.raw.key or b"")[:_KEY_MAX_BYTES].decode(errors="backslashreplace")
            log.warning(
                "article rejected",
                **place,
                model=model or _read_model(decision.raw),
                key=key,
                outcome=Outcome.REJECTED.value,
                reason=rejected.reason.value,
                detail=rejected.detail,
            )
        case Unmatched() as unmatched:
            _say_nothing_is_told(Outcome.UNMATCHED, unmatched.article_id, place, model)
        case Withheld() as withheld:
            _say_nothing_is_told(Outcome.WITHHELD, withheld.article_id, place, model)
        case Matched() as matched:
            article_id = matched.match.article.id
            log.debug("article handed to the desk", **place, model=model, article=article_id)
        case never:
            assert_never(never)


def _read_model(match: RawArticle) -> str:
    # As little as is needed: the match was rejected, or is of a later release.
    try:
        version = _DecidedBy.model_validate_json(match.value or b"").model.version
    except ValidationError:
        return ""
    return version[:_MODEL_MAX_CHARACTERS]


def _say_nothing_is_told(
    outcome: Outcome, article_id: str, place: dict[str, Any], model: str
) -> None:
    log.debug("nothing to tell", **place, model=model, article=article_id, outcome=outcome.value)


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
