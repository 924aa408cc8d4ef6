"""Every BEATWATCH_* variable: unit, bound, default.

Built once, at the entry point, from the environment. README's settings table is held equal to
this class by a test.
"""

import os
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from service.quiet_hours import DeskHours
from service.setting_values import BrokerUrl, Budgets, LabelNames, TopicName

PREFIX = "BEATWATCH_"
CHECKOUT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A BEATWATCH_* variable is unknown or its value is out of bounds."""


class Settings(BaseModel):
    """What an operator can set, each through the environment variable BEATWATCH_<NAME>."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    broker: BrokerUrl = Field(
        "kafka://localhost:9092",
        description="Where Kafka is: `kafka://host:port`, several separated by `;`.",
    )
    broker_security: Literal["plaintext", "tls", "sasl_plaintext", "sasl_tls"] = Field(
        "plaintext", description="How to speak to the broker."
    )
    broker_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to prove who we are, with `sasl_*` security."
    )
    broker_username: str | None = Field(None, description="SASL user name.")
    broker_password: SecretStr | None = Field(None, description="SASL password; never printed.")
    broker_ca_file: Path | None = Field(
        None,
        description="PEM file of the authority that signed the broker's certificate; "
        "default: the system's authorities.",
    )
    broker_cert_file: Path | None = Field(
        None, description="PEM file of our own certificate, if the broker asks for one."
    )
    broker_key_file: Path | None = Field(
        None, description="PEM file of the key to `BEATWATCH_BROKER_CERT_FILE`."
    )
    broker_wait_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="At start, how long to keep trying for the broker and its topics (seconds) "
        "before giving up with exit code 1.",
    )
    articles_topic: TopicName = Field("news.articles", description="Topic we read articles from.")
    alerts_topic: TopicName = Field("news.alerts", description="Topic we publish alerts to.")
    matches_topic: TopicName = Field(
        "news.matches",
        description="Internal topic: matched articles, newer versions and kills, for the desk.",
    )
    stories_topic: TopicName = Field(
        "news.stories",
        description="Internal topic, compacted: what the desk remembers of each article.",
    )
    dlq_topic: TopicName = Field(
        "news.articles.dlq", description="Dead-letter topic: rejections with the original bytes."
    )
    group: TopicName = Field(
        "beatwatch", description="Consumer group; all workers of one service share it."
    )
    instance_id: TopicName | None = Field(
        None,
        description="Stable name of this worker (static membership): restarted, it gets its "
        "partitions back at once instead of after the session time-out of 10 s. No two running "
        "workers may share one: they would take articles from each other without end.",
    )
    model_dir: Path = Field(
        CHECKOUT / "models", description="Folder of the trained model; default: `models/`."
    )
    review: Literal["drop", "publish"] = Field(
        "drop",
        description="What becomes of an article with labels in the review band alone: nothing "
        "(they are counted), or an alert whose labels all say `review`.",
    )
    story_window_hours: int = Field(
        72,
        ge=1,
        le=720,
        description="How long after its lead an article may join a story (hours). Three days: a "
        "story is retold for a day or two; later reports mostly tell what came of it.",
    )
    alert_memory_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="How long the desk remembers an article after its last version (days); later "
        "versions and kills are told as if it were new.",
    )
    repeats: Literal["publish", "suppress"] = Field(
        "publish",
        description="Whether repeats of a story go out (as `repeated`) or are only counted.",
    )
    quiet_repeats: LabelNames = Field(
        frozenset(),
        description="Labels whose repeats are only counted, separated by `,`; a repeat with any "
        "other label still goes out.",
    )
    alerts_per_hour: Budgets = Field(
        {},
        description="Alert budget: `label=number`, several separated by `,`. What a label raises "
        "beyond it in an hour goes into one rolling digest. Default: no budget.",
    )
    quiet_hours: DeskHours = Field(
        (),
        description="Hours of the day in which no articles are to be expected, several separated "
        "by `,`: `22:00-06:00 Europe/London`. The alert rule about missing articles is "
        "silent then; nothing else changes.",
    )
    article_max_bytes: int = Field(
        1_000_000,
        ge=1_000,
        le=50_000_000,
        description="Longer articles (bytes) are rejected as `too_large`.",
    )
    batch_articles: int = Field(
        64, ge=1, le=1000, description="Most articles handled, published and acknowledged together."
    )
    publish_retry_seconds: float = Field(
        120.0,
        ge=1,
        le=3600,
        description="How long to keep trying (seconds) to publish what the broker does not take "
        "before the worker stops with exit code 1, nothing acknowledged; `publish` gives up too.",
    )
    drain_seconds: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="After SIGTERM, how long to wait (seconds) for the broker to take what is in "
        "hand; then the worker ends with exit code 1, and those articles will be read again.",
    )
    stall_seconds: float = Field(
        180.0,
        ge=1,
        le=86_400,
        description="When articles wait and none was handled for so long (seconds), or the worker "
        "does not run or is in no group, it ends with exit code 1 so that a new one takes over. "
        "Time in which the broker does not answer does not count. Above "
        "`BEATWATCH_PUBLISH_RETRY_SECONDS` and what a rebalance takes (30 s), and longer than any "
        "article takes.",
    )
    handler_failures_in_a_row: int = Field(
        10,
        ge=1,
        le=10_000,
        description="So many articles in a row ending as `handler_failed` stop the worker: then "
        "our release is bad, not the articles.",
    )
    handler_failures_ratio: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Stop likewise when more than this share of the last 1,000 articles (at least "
        "100 read) ended as `handler_failed`.",
    )
    http_host: str = Field(
        "127.0.0.1", description="Address of /metrics, /livez and /readyz; `0.0.0.0` for all."
    )
    http_port: int = Field(
        9464,
        ge=0,
        le=65535,
        description="Port of /metrics, /livez and /readyz; 0 takes a free one and logs it.",
    )
    data_dir: Path = Field(
        Path(".beatwatch"), description="Folder for files of Faust's own; safe to delete."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: console lines on a terminal, JSON lines otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if self.broker_security.startswith("sasl") and not (
            self.broker_username and self.broker_password
        ):
            raise ValueError(
                f"{self.broker_security} needs {PREFIX}BROKER_USERNAME and {PREFIX}BROKER_PASSWORD"
            )
        return self

    @model_validator(mode="after")
    def _check_topics(self) -> Self:
        topics = [field for field in type(self).model_fields if field.endswith("_topic")]
        for one, other in combinations(topics, 2):
            if getattr(self, one) == getattr(self, other):
                names = f"{PREFIX}{one.upper()} and {PREFIX}{other.upper()}"
                raise ValueError(f"{names} are the same: what goes to one would be read of both")
        return self

    def find_quiet_repeats(self, labels: Iterable[str]) -> frozenset[str]:
        """Find the labels whose repeats are only counted.

        Raises:
            SettingsError: a label that is not watched is named.
        """
        watched = frozenset(labels)
        unknown = sorted((self.quiet_repeats | self.alerts_per_hour.keys()) - watched)
        if unknown:
            raise SettingsError(
                f"{PREFIX}QUIET_REPEATS or {PREFIX}ALERTS_PER_HOUR names {', '.join(unknown)}; "
                f"the model watches {', '.join(sorted(watched))}"
            )
        return watched if self.repeats == "suppress" else self.quiet_repeats

    @property
    def broker_addresses(self) -> list[str]:
        """The brokers as `host:port`, as clients other than Faust want them."""
        return [part.removeprefix("kafka://") for part in self.broker.replace(",", ";").split(";")]


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check all settings.

    Args:
        environ: variable names to values; only BEATWATCH_* are looked at.

    Raises:
        SettingsError: a name is unknown or a value is out of bounds; says which and why, and
            never shows a secret.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value  # An empty variable is one that was not set.
    }
    unknown = sorted(given.keys() - Settings.model_fields.keys())
    if unknown:
        names = ", ".join(PREFIX + name.upper() for name in unknown)
        raise SettingsError(f"unknown setting: {names} (README lists them all)")
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}"
            if each["loc"]
            else each["msg"]
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise SettingsError(problems) from None
