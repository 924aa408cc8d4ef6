"""What comes in: raw messages, the article read from one, or the reason it is none."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from service.accepted import MOMENT, STATUS_PATTERN, USABLE_HAS_WORDS, VERSION_PATTERN, OrElse

# Kafka lets a header be null, and come twice.
Headers = tuple[tuple[str, bytes | None], ...]


def _assume_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _absent_is(default: object) -> BeforeValidator:
    # CMSs send null or an empty string for a field that they do not fill.
    return BeforeValidator(lambda value: default if value in (None, "") else value)


def _read_status(value: object) -> object:
    # British newsrooms write `cancelled`; NewsML-G2's codes have a scheme (`stat:usable`).
    if not isinstance(value, str):
        return value
    word = value.strip().lower().rpartition(":")[2]
    return "canceled" if word == "cancelled" else word


def _refuse_truth(value: object) -> object:
    # To Python true is 1.
    if isinstance(value, bool):
        raise ValueError("is true or false, not a number")  # noqa: TRY004, pydantic wants this one
    return value


Moment = Annotated[datetime, AfterValidator(_assume_utc)]
MomentOrNone = Annotated[Moment | None, _absent_is(None), MOMENT]
Words = Annotated[str, _absent_is(""), OrElse()]
# Twice this is a revision, and JSON readers in JavaScript count to 2**53.
VERSION_MAX = 2**52 - 1

_A_MOMENT = "2026-03-12T06:30:00Z"
_MOMENTS = (
    "RFC 3339, best with a zone: without one it is UTC. A date alone is its midnight, a number "
    "seconds since 1970 (milliseconds above 20,000,000,000)."
)
_LEFT_OUT = "One that cannot be read is left out."


class Message(BaseModel):
    """What all messages share: they do not change, and unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        # We write every field, whether or not it has a default.
        json_schema_serialization_defaults_required=True,
    )


@dataclass(frozen=True, slots=True)
class RawArticle:
    """One message of the articles topic as the broker gave it, before anyone has looked at it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message for one topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Status(StrEnum):
    """May this article be used? The words are those of IPTC ninjs' `pubstatus`."""

    USABLE = "usable"
    WITHHELD = "withheld"
    CANCELED = "canceled"


class Article(Message):
    """A news article in the native form."""

    model_config = ConfigDict(json_schema_extra=USABLE_HAS_WORDS)

    id: str = Field(
        min_length=1,
        max_length=1024,
        description="The newsroom's id, the same for all versions; also the Kafka key.",
        examples=["urn:newsroom:4711"],
    )
    version: Annotated[
        int, BeforeValidator(_refuse_truth), _absent_is(1), OrElse(VERSION_PATTERN)
    ] = Field(
        1,
        ge=1,
        le=VERSION_MAX,
        description="Rises with each new version. Without one it is the second since 1970 in which "
        "this version was made (`updated_at`); a kill without one is of every version.",
        examples=[2],
    )
    status: Annotated[
        Status,
        BeforeValidator(_read_status),
        _absent_is(Status.USABLE),
        OrElse(STATUS_PATTERN),
    ] = Field(
        Status.USABLE,
        description="`usable`; `withheld`: nothing goes out; `canceled`: whoever has the alert "
        "is told. In any case of letters, with or without a scheme (`stat:`).",
        examples=["usable"],
    )
    url: Words = Field(
        "",
        max_length=4096,
        description="Where it can be read.",
        examples=["https://example.org/4711"],
    )
    title: Words = Field(
        "",
        description="Its headline.",
        examples=["Tehreek-e-Taliban Pakistan (TTP) attacks a police post"],
    )
    text: Words = Field(
        "",
        description="All of it as plain text, an empty line between paragraphs.",
        examples=["First paragraph.\n\nSecond paragraph."],
    )
    language: Words = Field(
        "", max_length=64, description="BCP 47 tag; labelling does not need it.", examples=["en"]
    )
    source: Words = Field(
        "", max_length=1024, description="Who it is from.", examples=["Example News"]
    )
    published_at: MomentOrNone = Field(
        None,
        description=f"When it was first published. {_MOMENTS} {_LEFT_OUT}",
        examples=[_A_MOMENT],
    )
    updated_at: MomentOrNone = Field(
        None,
        description=f"When this version was made. {_MOMENTS} {_LEFT_OUT}",
        examples=[_A_MOMENT],
    )
    embargoed_until: MomentOrNone = Field(
        None, description=f"Until then it is withheld. {_MOMENTS}", examples=[_A_MOMENT]
    )

    @property
    def version_given(self) -> bool:
        """Whether the newsroom gave a version, or a date that makes one; else it is 1."""
        return "version" in self.model_fields_set


class RejectionReason(StrEnum):
    """Why bytes are not a valid article, or could not be handled: closed within a release."""

    EMPTY_MESSAGE = "empty_message"
    TOO_LARGE = "too_large"
    INVALID_JSON = "invalid_json"
    XML_NOT_SUPPORTED = "xml_not_supported"
    BINARY_NOT_SUPPORTED = "binary_not_supported"
    UNKNOWN_FORMAT = "unknown_format"
    INVALID_ARTICLE = "invalid_article"
    INVALID_MATCH = "invalid_match"
    NO_TEXT = "no_text"
    HANDLER_FAILED = "handler_failed"
    ALERT_TOO_LARGE = "alert_too_large"


_DETAIL_MAX_CHARACTERS = 300


class RejectedArticleError(Exception):
    """These bytes are not a valid article.

    Attributes:
        reason: one of the closed set.
        detail: what is wrong and where, for the producer; never a word of the article.
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:_DETAIL_MAX_CHARACTERS]
