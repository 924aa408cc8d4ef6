"""Article, Alert, Rejection: what goes over the wire.

Within v1 of these contracts fields are only added.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Any fixed UUID serves as the name space; changing it would rename every alert ever published.
ALERT_NAMESPACE = UUID("6f1c1a3e-7a0b-5c57-9d2f-3b1c8e5f4a90")

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


Moment = Annotated[datetime, AfterValidator(_assume_utc)]
Words = Annotated[str, _absent_is("")]
# Twice this is a revision, and JSON readers in JavaScript count to 2**53.
VERSION_MAX = 2**52 - 1


class Message(BaseModel):
    """What all messages share: they do not change, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


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


class Status(StrEnum):
    """May this article be used? The words are those of IPTC ninjs' `pubstatus`."""

    USABLE = "usable"
    WITHHELD = "withheld"
    CANCELED = "canceled"


class Article(Message):
    """A news article in the native form."""

    id: str = Field(min_length=1, max_length=1024)
    version: Annotated[int, _absent_is(1)] = Field(1, ge=1, le=VERSION_MAX)
    status: Annotated[Status, BeforeValidator(_read_status), _absent_is(Status.USABLE)] = (
        Status.USABLE
    )
    url: Words = Field("", max_length=4096)
    title: Words = ""
    text: Words = ""
    language: Words = Field("", max_length=64)
    source: Words = Field("", max_length=1024)
    published_at: Annotated[Moment | None, _absent_is(None)] = None
    updated_at: Annotated[Moment | None, _absent_is(None)] = None
    embargoed_until: Annotated[Moment | None, _absent_is(None)] = None


class Term(Message):
    """What a passage says and what that adds to (or takes from) the log-odds of the label.

    A `word` is one or two words of the passage; a `concept` a group of terms that mean the same; a
    `conjunction` concepts that stand together; a `claim` that some conjunction of the label holds.
    `found` are the words of the passage that name a concept.
    """

    kind: Literal["word", "concept", "conjunction", "claim"]
    term: str
    weight: float
    found: list[str] = []


class Evidence(Message):
    """A passage that carries a label: `article[part][start:end] == quote`, in code points.

    The offsets refer to the text as we extracted it: of HTML what a reader sees, of an article
    with a description that as the first paragraph.

    `bias`, the weights of `terms` and `rest`, which is that of all other terms, add up to the
    log-odds of `probability`.
    """

    part: Literal["title", "text"]
    start: int
    end: int
    quote: str
    probability: float
    terms: list[Term]
    rest: float
    bias: float


class AlertLabel(Message):
    """A label that holds for the article (band `alert`) or may hold (`review`), and why."""

    label: str
    title: str
    band: Literal["alert", "review"]
    probability: float
    threshold: float
    evidence: list[Evidence]


class ArticleReference(Message):
    """The article an alert is about, without its text."""

    id: str
    version: int
    url: str
    title: str
    source: str
    language: str
    published_at: datetime | None


class Story(Message):
    """The articles that report the same thing; `similarity` is to the lead."""

    story_id: UUID
    role: Literal["lead", "repeat"]
    lead_alert_id: UUID
    similarity: float


class ModelReference(Message):
    """Which model decided."""

    version: str
    sha256: str


class Alert(Message):
    """What we say about one article. One alert per article, for life."""

    alert_id: UUID
    revision: int
    status: Literal["raised", "updated", "withdrawn"]
    why: Literal["killed", "no_longer_matches"] | None = None
    article: ArticleReference
    labels: list[AlertLabel]
    story: Story
    model: ModelReference
    labelled_at: datetime


class RejectionReason(StrEnum):
    """Why bytes are not a valid article, or could not be handled. A closed set."""

    EMPTY_MESSAGE = "empty_message"
    TOO_LARGE = "too_large"
    INVALID_JSON = "invalid_json"
    XML_NOT_SUPPORTED = "xml_not_supported"
    BINARY_NOT_SUPPORTED = "binary_not_supported"
    UNKNOWN_FORMAT = "unknown_format"
    INVALID_ARTICLE = "invalid_article"
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


def derive_alert_id(article_id: str) -> UUID:
    """The alert's id, from the article's alone: the same for ever, whatever the model says."""
    return uuid5(ALERT_NAMESPACE, article_id)


def reference_article(article: Article) -> ArticleReference:
    """What an alert carries of its article."""
    fields: dict[str, Any] = article.model_dump(include=set(ArticleReference.model_fields))
    return ArticleReference(**fields)
