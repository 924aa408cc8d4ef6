"""What `classify` tells the desk: the contract of the internal matches topic.

A match is everything the desk needs to know of an article, and not its text: what is published
of it, and a sketch by which it is compared with others.
"""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from service.alerts import AlertLabel, ArticleReference, ModelReference
from service.messages import Message
from service.sketches import Sketch


class Origin(Message):
    """Where on the articles topic an article came from, and when the broker got it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class Match(Message):
    """An article that matched, a newer version of one that no longer does, or a kill.

    Attributes:
        origin: the message that it was read from.
        status: `usable` or `canceled`.
        version_given: as the article's; a kill without a version is of every version.
        labels: those that go out; empty for a kill, and for a version that matches nothing.
        review: names of labels in the review band where no labels go out.
        sketch: of title and text; of a kill it is empty.
        labelled_at: becomes the alert's.
    """

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    origin: Origin
    status: Literal["usable", "canceled"]
    version_given: bool
    article: ArticleReference
    labels: list[AlertLabel]
    review: list[str]
    sketch: Sketch
    model: ModelReference
    labelled_at: datetime
