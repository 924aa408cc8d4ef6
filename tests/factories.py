"""Articles, alerts and raw messages of which a test shows only what matters to it."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from service.alerts import (
    Alert,
    AlertLabel,
    ArticleReference,
    Evidence,
    ModelReference,
    Story,
    Term,
)
from service.classifier import Classifier
from service.matches import Match, Origin
from service.messages import Article, RawArticle
from service.settings import CHECKOUT

MODELS = CHECKOUT / "models"
SEEDS = CHECKOUT / "seeds"
NOW = datetime(2024, 1, 3, 12, 0, 0, tzinfo=UTC)
# What the model is sure of.
TTP_TITLE = "Tehreek-e-Taliban Pakistan (TTP) attacks a police post"
ALERT_ID = UUID("11111111-2222-5333-8444-555555555555")


@cache
def load_classifier() -> Classifier:
    """Load the committed model, once for all tests."""
    return Classifier.load(MODELS)


def article(**changes: Any) -> Article:
    """Make an article about nothing we watch."""
    return Article(**{"id": "a1", "title": "The harvest festival opened in the rain", **changes})


def write_article(**changes: Any) -> bytes:
    """Make the bytes of an article as a newsroom sends them."""
    return json.dumps({"id": "a1", "title": "The harvest festival opened", **changes}).encode()


def raw(**changes: Any) -> RawArticle:
    """Make a message of the articles topic."""
    fields = {
        "topic": "news.articles",
        "partition": 3,
        "offset": 42,
        "timestamp_ms": 1_704_283_200_000,
        "key": b"a1",
        "value": write_article(),
        "headers": (),
        **changes,
    }
    return RawArticle(**fields)


def label(**changes: Any) -> AlertLabel:
    """Make a label with one passage of evidence."""
    fields = {
        "label": "ttp",
        "title": "Pakistani Taliban (TTP)",
        "band": "alert",
        "probability": 0.98,
        "threshold": 0.7,
        "evidence": [evidence()],
        **changes,
    }
    return AlertLabel(**fields)


def evidence(**changes: Any) -> Evidence:
    """Make evidence that quotes the title."""
    fields = {
        "part": "title",
        "start": 0,
        "end": len(TTP_TITLE),
        "quote": TTP_TITLE,
        "probability": 0.98,
        "terms": [Term(kind="word", term="ttp", weight=5.25)],
        "rest": 0.64,
        "bias": -2.0,
        **changes,
    }
    return Evidence(**fields)


def alert(**changes: Any) -> Alert:
    """Make an alert that was raised."""
    fields = {
        "alert_id": ALERT_ID,
        "revision": 1,
        "status": "raised",
        "article": ArticleReference(
            id="a1",
            version=1,
            url="https://example.org/a1",
            title=TTP_TITLE,
            source="Example News",
            language="en",
            published_at=NOW,
        ),
        "labels": [label()],
        "story": story(),
        "model": ModelReference(version="0.1.0+abcdef12", sha256="abcdef12" * 8),
        "labelled_at": NOW,
        **changes,
    }
    return Alert(**fields)


def match(**changes: Any) -> Match:
    """Make a match of an article, for the desk."""
    fields = {
        "origin": Origin(
            topic="news.articles", partition=3, offset=42, timestamp_ms=1_704_283_200_000
        ),
        "status": "usable",
        "version_given": True,
        "article": alert().article,
        "labels": [label()],
        "review": [],
        "sketch": b"",
        "model": alert().model,
        "labelled_at": NOW,
        **changes,
    }
    return Match(**fields)


def story(**changes: Any) -> Story:
    """Make the story that an alert leads."""
    fields = {
        "story_id": ALERT_ID,
        "role": "lead",
        "lead_alert_id": ALERT_ID,
        "similarity": 1.0,
        **changes,
    }
    return Story(**fields)
