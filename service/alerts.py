"""Alert: what we say about one article.

Within v1 of this contract fields are only added. Fields by which a consumer decides are closed
sets; those that only explain (`why`, `kind`) may come to hold further words, and are plain strings
in the schema.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import Field

from service.examples import (
    ALERT_ID,
    ARTICLE,
    CHANGE,
    EVIDENCE,
    LABEL,
    MODEL,
    MOMENT,
    SHA256,
    STORY,
    TERM,
    TITLE,
)
from service.messages import Article, Message

# Any fixed UUID serves as the name space; changing it would rename every alert ever published.
ALERT_NAMESPACE = UUID("6f1c1a3e-7a0b-5c57-9d2f-3b1c8e5f4a90")


class Term(Message):
    """What a passage says and what that adds to (or takes from) the log-odds of the label."""

    kind: str = Field(
        description="`word`: one or two words of the passage; `concept`: a group of terms that "
        "mean the same; `conjunction`: concepts that stand together; `claim`: that some "
        "conjunction of the label holds. Later models may add kinds.",
        examples=["word", "concept"],
    )
    term: str = Field(
        description="The words, or the name of the concept, conjunction or claim.",
        examples=["ttp", "crossing_place"],
    )
    weight: float = Field(description="What it adds, in log-odds.", examples=[2.1, -0.125])
    found: list[str] = Field(
        [], description="Words of the passage that name the concept.", examples=[["Torkham"]]
    )


class Evidence(Message):
    """A passage that carries a label: `article[part][start:end] == quote`.

    `bias`, the weights of `terms` and `rest` add up to the log-odds of `probability`.
    """

    part: Literal["title", "text"] = Field(
        description="The field of the article that is quoted.", examples=["text"]
    )
    start: int = Field(
        ge=0,
        description="Where the quote begins: Unicode code points (neither bytes nor UTF-16 units) "
        "from the start of the part as we extracted it. In the native form that is what was sent; "
        "of HTML it is what a reader sees, and a description is the first paragraph.",
        examples=[0],
    )
    end: int = Field(
        ge=0, description="Where the quote ends, counted alike; not included.", examples=[54]
    )
    quote: str = Field(
        description="The passage.",
        examples=[TITLE],
    )
    probability: float = Field(
        ge=0, le=1, description="That this passage is about the label.", examples=[0.97]
    )
    terms: list[Term] = Field(
        description="What weighed most, the heaviest first.",
        examples=[[TERM]],
    )
    rest: float = Field(description="Weight of all other terms, in log-odds.", examples=[3.9])
    bias: float = Field(
        description="Log-odds of the label before anything is read.", examples=[-2.5]
    )


class AlertLabel(Message):
    """A label that holds for the article or may hold, and why."""

    label: str = Field(description="Name of the label, for programs.", examples=["ttp"])
    title: str = Field(
        description="Name of the label, for people.", examples=["Pakistani Taliban (TTP)"]
    )
    band: Literal["alert", "review"] = Field(
        description="`alert`: the label holds, its probability reaches the threshold; `review`: "
        "it may hold.",
        examples=["alert"],
    )
    probability: float = Field(
        ge=0, le=1, description="Calibrated; that of the best passage.", examples=[0.97]
    )
    threshold: float = Field(
        ge=0, le=1, description="The probability from which the label holds.", examples=[0.75]
    )
    evidence: list[Evidence] = Field(
        description="The passages that carry the label, the most probable first.",
        examples=[[EVIDENCE]],
    )


class ArticleReference(Message):
    """The article an alert is about, without its text. What it did not say is empty."""

    id: str = Field(
        description="The newsroom's id; also the Kafka key and `ce_subject`.",
        examples=["urn:newsroom:4711"],
    )
    version: int = Field(ge=1, description="The version that was read.", examples=[2])
    url: str = Field(description="Where it can be read.", examples=["https://example.org/4711"])
    title: str = Field(
        description="Its headline, as we extracted it.",
        examples=[TITLE],
    )
    source: str = Field(description="Who it is from.", examples=["Example News"])
    language: str = Field(description="As the newsroom named it.", examples=["en"])
    published_at: datetime | None = Field(
        description="When it was first published.", examples=[MOMENT]
    )


class Story(Message):
    """The articles that report the same thing; the first to alert leads it."""

    story_id: UUID = Field(
        description="The same for all articles of the story.", examples=[ALERT_ID]
    )
    role: Literal["lead", "repeat"] = Field(
        description="`lead`: the first of its story, or the next where that was withdrawn; "
        "`repeat`: it reports what the lead did.",
        examples=["lead"],
    )
    lead_alert_id: UUID = Field(
        description="The lead's alert; of a lead its own.", examples=[ALERT_ID]
    )
    similarity: float = Field(
        ge=0,
        le=1,
        description="How probable it is that it reports what the lead does; of a lead 1.",
        examples=[1.0],
    )


class ModelReference(Message):
    """Which model decided."""

    version: str = Field(description="Its version, for people.", examples=["0.1.0+7b26bc8b"])
    sha256: str = Field(
        description="Of the model's file, in hexadecimal.",
        examples=[SHA256],
    )


class Change(Message):
    """What a later revision says that the one before it did not."""

    labels_gained: list[str] = Field(
        [], description="Labels that hold now and did not.", examples=[["border"]]
    )
    labels_lost: list[str] = Field(
        [], description="Labels that held and do not any more.", examples=[["ttp"]]
    )
    text_changed: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of what the two versions say that only one of them says; 0 also where "
        "the earlier one is not remembered any more.",
        examples=[0.25],
    )
    promoted: bool = Field(
        default=False,
        description="Whether it leads its story now because the lead was withdrawn.",
        examples=[False],
    )


class Alert(Message):
    """What we say about one article. One alert per article, for life."""

    alert_id: UUID = Field(
        description="From the article's id alone, the same for ever.", examples=[ALERT_ID]
    )
    revision: int = Field(
        ge=1,
        description="1, 2, 3 …: rises when what we say about the article changes; the highest is "
        "valid.",
        examples=[1],
    )
    status: Literal["raised", "updated", "withdrawn"] = Field(
        description="`raised`: it matches; `updated`: what we said has changed; `withdrawn`: "
        "forget what we said.",
        examples=["raised"],
    )
    why: str | None = Field(
        None,
        description="Why it was withdrawn: `killed` by the newsroom, or a new version "
        "`no_longer_matches`; else null. Later releases may add reasons.",
        examples=[None, "killed"],
    )
    article: ArticleReference = Field(description="What it is about.", examples=[ARTICLE])
    labels: list[AlertLabel] = Field(
        description="The labels that hold or may hold; empty when withdrawn.", examples=[[LABEL]]
    )
    story: Story = Field(description="The story that the article belongs to.", examples=[STORY])
    change: Change | None = Field(
        None,
        description="How it differs from the revision before; null where there is none.",
        examples=[None, CHANGE],
    )
    model: ModelReference = Field(description="The model that decided.", examples=[MODEL])
    labelled_at: datetime = Field(
        description="When it was decided.", examples=["2026-03-12T07:00:01Z"]
    )


class AlertType(StrEnum):
    """What an alert's `ce_type` says: `beatwatch.alert.<type>.v1`."""

    RAISED = "raised"
    REPEATED = "repeated"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"


def tell_type(alert: Alert) -> AlertType:
    """Tell the type of an alert: a raised one that leads no story of its own is a repeat."""
    if alert.status == "raised" and alert.story.role == "repeat":
        return AlertType.REPEATED
    return AlertType(alert.status)


def derive_alert_id(article_id: str) -> UUID:
    """The alert's id, from the article's alone: the same for ever, whatever the model says."""
    return uuid5(ALERT_NAMESPACE, article_id)


def reference_article(article: Article) -> ArticleReference:
    """What an alert carries of its article."""
    fields: dict[str, Any] = article.model_dump(include=set(ArticleReference.model_fields))
    return ArticleReference(**fields)
