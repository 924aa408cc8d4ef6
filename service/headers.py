"""What the Kafka headers of alerts, digests, rejections and replay notes say."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from service.messages import Message, RejectionReason

# A URN needs no host to be kept for ever, and nobody will try to fetch it: it names the contract,
# and the file of that `$id` is in service/schemas.
ALERT_SCHEMA = "urn:beatwatch:schema:alert:v1"
DIGEST_SCHEMA = "urn:beatwatch:schema:digest:v1"

AlertEvent = Literal[
    "beatwatch.alert.raised.v1",
    "beatwatch.alert.repeated.v1",
    "beatwatch.alert.updated.v1",
    "beatwatch.alert.withdrawn.v1",
]
DigestEvent = Literal["beatwatch.alert.digest.v1"]
_Count = Annotated[str, Field(pattern="^[0-9]+$")]
_Moment = Annotated[
    str,
    Field(examples=["2026-03-12T07:00:01+00:00"], json_schema_extra={"format": "date-time"}),
]


class AlertHeaders(Message):
    """Kafka headers of an alert, decoded from UTF-8: CloudEvents 1.0 in binary mode."""

    ce_specversion: Literal["1.0"] = Field(description="Of CloudEvents.", examples=["1.0"])
    ce_id: str = Field(
        min_length=1,
        description="`alert_id:revision`. A repeated delivery repeats it: act on each but once.",
        examples=["36cdf0ef-97dc-5e73-b5a8-995e15d5372e:1"],
    )
    ce_source: str = Field(
        min_length=1, description="The service that alerts.", examples=["/beatwatch"]
    )
    ce_type: AlertEvent = Field(
        description="`raised`: an article matches; `repeated`: one matches that reports what its "
        "story's lead did; `updated`, `withdrawn`: as the alert's `status`.",
        examples=["beatwatch.alert.raised.v1"],
    )
    ce_time: _Moment = Field(description="The alert's `labelled_at`.")
    ce_subject: str = Field(
        min_length=1,
        description="The article's id; also the Kafka key.",
        examples=["urn:newsroom:4711"],
    )
    ce_dataschema: Literal["urn:beatwatch:schema:alert:v1"] = Field(
        description="`$id` of the alert's JSON Schema.", examples=[ALERT_SCHEMA]
    )
    content_type: Literal["application/json"] = Field(
        alias="content-type", description="Of the value.", examples=["application/json"]
    )


class DigestHeaders(Message):
    """Kafka headers of a digest, decoded from UTF-8: CloudEvents 1.0 in binary mode."""

    ce_specversion: Literal["1.0"] = Field(description="Of CloudEvents.", examples=["1.0"])
    ce_id: str = Field(
        min_length=1,
        description="`digest_id:revision`. A repeated delivery repeats it.",
        examples=["0d8a7b6e-5a83-5e0e-9d58-6f3f5b0a7d11:12"],
    )
    ce_source: str = Field(
        min_length=1, description="The service that alerts.", examples=["/beatwatch"]
    )
    ce_type: DigestEvent = Field(
        description="Alerts of a label, told together as it was over its alert budget.",
        examples=["beatwatch.alert.digest.v1"],
    )
    ce_time: _Moment = Field(description="The digest's `digested_at`.")
    ce_subject: str = Field(min_length=1, description="The label.", examples=["ttp"])
    ce_dataschema: Literal["urn:beatwatch:schema:digest:v1"] = Field(
        description="`$id` of the digest's JSON Schema.", examples=[DIGEST_SCHEMA]
    )
    content_type: Literal["application/json"] = Field(
        alias="content-type", description="Of the value.", examples=["application/json"]
    )


class RejectionHeaders(Message):
    """Kafka headers of a rejection, decoded from UTF-8; those of the original are there too."""

    model_config = ConfigDict(
        alias_generator=lambda name: f"dlq.{name.replace('_', '.')}",
        # What has a default is left out.
        json_schema_serialization_defaults_required=False,
    )

    original_topic: str = Field(description="Topic it was read from.", examples=["news.articles"])
    original_partition: _Count = Field(description="Partition it was read from.", examples=["3"])
    original_offset: _Count = Field(description="Its offset there.", examples=["42"])
    original_timestamp: str = Field(
        pattern="^(-1|[0-9]+)$",
        description="Its timestamp there, in milliseconds since 1970; -1 if it had none.",
        examples=["1773297000000"],
    )
    reason: RejectionReason = Field(
        description="Why it was rejected; later releases may add reasons.",
        examples=["invalid_article"],
    )
    detail: str = Field(
        description="What is wrong and where, for the producer; no word of the article.",
        examples=["title: Input should be a valid string"],
    )
    failed_at: _Moment = Field(description="When it was rejected.")
    service_version: str = Field(description="The release that rejected it.", examples=["0.1.0"])
    attempts: str = Field(
        pattern="^[1-9][0-9]*$",
        description="How often it was rejected: one that is replayed counts on.",
        examples=["1"],
    )
    replay_of: str = Field(
        default_factory=str,
        pattern="^[0-9]+:[0-9]+$",
        description="Of one that was replayed: `partition:offset` of the earlier rejection.",
        examples=["0:17"],
    )
    value_omitted: str = Field(
        default_factory=str,
        description="Why the value is missing; without this header it is the original.",
        examples=["larger than the topic takes"],
    )
    exception: str = Field(
        default_factory=str,
        description="Of `handler_failed`: the class of the exception that was raised, twice.",
        examples=["ZeroDivisionError"],
    )


class ReplayNoteHeaders(Message):
    """Kafka headers, decoded from UTF-8, of a note: a rejection was sent to be read once more."""

    model_config = ConfigDict(alias_generator=lambda name: f"dlq.{name.replace('_', '.')}")

    replay_of: str = Field(
        pattern="^[0-9]+:[0-9]+$",
        description="`partition:offset` of the rejection, on the topic of this note; also the key.",
        examples=["0:17"],
    )
    replay_topic: str = Field(
        description="Topic that its original was sent to.", examples=["news.articles"]
    )
    replay_partition: _Count = Field(description="Partition there.", examples=["3"])
    replay_offset: _Count = Field(
        description="Offset there. Once the workers have committed a higher one, it was read: if "
        "no later rejection names the same in `dlq.replay.of`, it was accepted.",
        examples=["118"],
    )
    replayed_at: _Moment = Field(description="When the broker had it.")
