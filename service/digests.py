"""Digest: what a label raised beyond its alert budget, in place of alerts.

Within v1 of this contract fields are only added.
"""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from service.alerts import ArticleReference
from service.examples import ALERT_ID, ARTICLE, LEAD
from service.messages import Message

# More do not help anyone who reads them; the count tells how many there are.
LEADS_MAX = 50
_DIGEST_ID = "0d8a7b6e-5a83-5e0e-9d58-6f3f5b0a7d11"


class DigestLead(Message):
    """An article that leads a story, whose alert was not published by itself."""

    alert_id: UUID = Field(
        description="Its alert's id: should the article be withdrawn, that alert is.",
        examples=[ALERT_ID],
    )
    article: ArticleReference = Field(description="The article.", examples=[ARTICLE])
    probability: float = Field(
        ge=0, le=1, description="That it is about the label.", examples=[0.97]
    )


class Digest(Message):
    """What a label raised beyond its alert budget in an hour, in place of alerts."""

    digest_id: UUID = Field(description="One a label and hour.", examples=[_DIGEST_ID])
    revision: int = Field(
        ge=1,
        description="Rises whenever what the digest says changes; the highest is valid.",
        examples=[12],
    )
    label: str = Field(description="Name of the label, for programs.", examples=["ttp"])
    title: str = Field(
        description="Name of the label, for people.", examples=["Pakistani Taliban (TTP)"]
    )
    since: datetime = Field(description="When the hour began.", examples=["2026-03-12T06:00:00Z"])
    until: datetime = Field(description="When it ends.", examples=["2026-03-12T07:00:00Z"])
    alerts_per_hour: int = Field(ge=0, description="The budget of the label.", examples=[20])
    count: int = Field(ge=1, description="How many alerts are in the digest.", examples=[12])
    leads: list[DigestLead] = Field(
        description=f"The newest {LEADS_MAX} of them that were not withdrawn since, newest first.",
        examples=[[LEAD]],
    )
    digested_at: datetime = Field(
        description="When the broker got the newest of the articles.",
        examples=["2026-03-12T06:30:01Z"],
    )
