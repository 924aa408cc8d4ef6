"""Dead letters: what their headers say, and how one is sent again. Pure.

The dead-letter topic holds two kinds of messages. A *rejection* has the header `dlq.reason`. A
*replay note* has none; it says with `dlq.replay.of` that the original of a rejection was sent again
and with `dlq.replay.topic`, `.partition` and `.offset` where it is now.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from service.messages import Headers, OutgoingMessage, RawArticle

_PREFIX = "dlq."
# Offsets have 19 digits at most (a signed 64-bit number).
_NUMBER_MAX_DIGITS = 19
# A rejection replayed each second for thirty years has not been tried so often.
_ATTEMPTS_MAX_DIGITS = 9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RejectionHeader(StrEnum):
    """The headers that a rejection has beside those of its original."""

    ORIGINAL_TOPIC = "dlq.original.topic"
    ORIGINAL_PARTITION = "dlq.original.partition"
    ORIGINAL_OFFSET = "dlq.original.offset"
    ORIGINAL_TIMESTAMP = "dlq.original.timestamp"
    REASON = "dlq.reason"
    DETAIL = "dlq.detail"
    FAILED_AT = "dlq.failed.at"
    SERVICE_VERSION = "dlq.service.version"
    ATTEMPTS = "dlq.attempts"
    VALUE_OMITTED = "dlq.value.omitted"
    EXCEPTION = "dlq.exception"


class ReplayHeader(StrEnum):
    """The headers of a replay note; what is replayed has the first of them."""

    OF = "dlq.replay.of"
    TOPIC = "dlq.replay.topic"
    PARTITION = "dlq.replay.partition"
    OFFSET = "dlq.replay.offset"
    REPLAYED_AT = "dlq.replayed.at"


class LetterId(NamedTuple):
    """Where a dead letter is on its topic; written `partition:offset`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Place(NamedTuple):
    """Where a message is."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic} {self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejection as it is kept, without its value.

    `reason` is text, as a newer release may have more of them. `received_ms` is when the
    dead-letter topic got it. `digest` is of the value, to tell whether two letters have the same.
    """

    id: LetterId
    received_ms: int
    failed_at: datetime
    reason: str
    detail: str
    original: Place
    original_timestamp_ms: int | None
    attempts: int
    replay_of: LetterId | None
    value_is_omitted: bool
    key: bytes | None
    size_bytes: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class ReplayNote:
    """A letter was sent again, and the broker has it at `place`."""

    letter: LetterId
    place: Place


def read_letter_id(text: str) -> LetterId | None:
    """Read `partition:offset`; none if it is not of that form."""
    partition, _, offset = text.partition(":")
    numbers = [_read_number(part.encode(errors="replace")) for part in (partition, offset)]
    return LetterId(*numbers) if None not in numbers else None  # type: ignore[arg-type]


def count_attempts(headers: Headers) -> int:
    """Count how often an article was rejected before, as its headers say; 0 if nobody counted.

    Whoever sends an article sets its headers: this may be null, no number, or longer than `int`
    takes.
    """
    counted = dict(headers).get(RejectionHeader.ATTEMPTS) or b""
    return int(counted) if counted.isdigit() and len(counted) <= _ATTEMPTS_MAX_DIGITS else 0


def read_dead_letter(raw: RawArticle) -> DeadLetter | ReplayNote | None:
    """Read one message of the dead-letter topic; none if it is not one of ours."""
    headers = dict(raw.headers)
    if RejectionHeader.REASON in headers:
        return _read_rejection(raw, headers)
    letter = read_letter_id(_text(headers, ReplayHeader.OF))
    partition = _read_number(headers.get(ReplayHeader.PARTITION))
    offset = _read_number(headers.get(ReplayHeader.OFFSET))
    if letter is None or partition is None or offset is None:
        return None
    return ReplayNote(letter, Place(_text(headers, ReplayHeader.TOPIC), partition, offset))


def _read_rejection(raw: RawArticle, headers: Mapping[str, bytes | None]) -> DeadLetter | None:
    partition = _read_number(headers.get(RejectionHeader.ORIGINAL_PARTITION))
    offset = _read_number(headers.get(RejectionHeader.ORIGINAL_OFFSET))
    if partition is None or offset is None:
        return None
    value = raw.value or b""
    return DeadLetter(
        id=LetterId(raw.partition, raw.offset),
        received_ms=raw.timestamp_ms,
        failed_at=_read_moment(_text(headers, RejectionHeader.FAILED_AT), raw.timestamp_ms),
        reason=_text(headers, RejectionHeader.REASON),
        detail=_text(headers, RejectionHeader.DETAIL),
        original=Place(_text(headers, RejectionHeader.ORIGINAL_TOPIC), partition, offset),
        original_timestamp_ms=_read_number(headers.get(RejectionHeader.ORIGINAL_TIMESTAMP)),
        attempts=count_attempts(raw.headers) or 1,
        replay_of=read_letter_id(_text(headers, ReplayHeader.OF)),
        value_is_omitted=raw.value is None and RejectionHeader.VALUE_OMITTED in headers,
        key=raw.key,
        size_bytes=len(value),
        digest=hashlib.sha256(value).digest(),
    )


def format_replay(letter: DeadLetter, original: RawArticle, topic: str) -> OutgoingMessage:
    """Write the original again: its key, value and headers, and where it comes from.

    Args:
        letter: the dead letter.
        original: has the value and the headers; what `dlq.*` headers it has are left out.
        topic: where it goes.
    """
    kept = tuple(pair for pair in original.headers if not pair[0].startswith(_PREFIX))
    added = (
        (RejectionHeader.ATTEMPTS, str(letter.attempts).encode()),
        (ReplayHeader.OF, str(letter.id).encode()),
    )
    return OutgoingMessage(topic, original.key, original.value, kept + added)


def format_replay_note(
    letter: LetterId, place: Place, topic: str, replayed_at: datetime
) -> OutgoingMessage:
    """Write the note that a letter was sent again and the broker has it at `place`."""
    headers = {
        ReplayHeader.OF: str(letter),
        ReplayHeader.TOPIC: place.topic,
        ReplayHeader.PARTITION: str(place.partition),
        ReplayHeader.OFFSET: str(place.offset),
        ReplayHeader.REPLAYED_AT: replayed_at.isoformat(),
    }
    pairs = tuple((name, text.encode()) for name, text in headers.items())
    return OutgoingMessage(topic, str(letter).encode(), None, pairs)


def _text(headers: Mapping[str, bytes | None], name: str) -> str:
    return (headers.get(name) or b"").decode(errors="replace")


def _read_number(text: bytes | None) -> int | None:
    text = text or b""
    return int(text) if text.isdigit() and len(text) <= _NUMBER_MAX_DIGITS else None


def _read_moment(text: str, otherwise_ms: int) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromtimestamp(otherwise_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return _EPOCH
