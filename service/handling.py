"""Bytes -> outcome. Pure: no Kafka, no Prometheus, no clock."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from service.alerts import AlertLabel, reference_article
from service.classifier import Classifier, Labelling
from service.fields import derive_version
from service.formats import RejectedArticleError, parse_article
from service.matches import Match, Origin
from service.messages import Article, Headers, RawArticle, RejectionReason, Status


@dataclass(frozen=True, slots=True)
class Matched:
    """For the desk: an article that matched, a newer version that does not, or a kill."""

    match: Match
    labelling: Labelling | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """No label holds: nothing goes out. `review` are the labels that may hold."""

    article_id: str
    review: tuple[str, ...] = ()
    published_at: datetime | None = field(default=None, compare=False)
    labelling: Labelling | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Not to be used yet: nothing goes out until a usable version comes."""

    article_id: str
    published_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not a valid article, or one we could not handle: the original goes to the dead letters.

    `exception` is the class of what we raised on it; empty where that is not the reason.
    """

    reason: RejectionReason
    detail: str
    exception: str = ""


# `labelling` and `published_at` are for the numbers that are shown; what was decided is the same.
Decided = Matched | Unmatched | Withheld | Rejected


@dataclass(frozen=True, slots=True)
class HandlingRules:
    """What the operator decides about articles.

    `article_max_bytes`: a longer value is rejected unread. `review`: whether an article with
    labels in the review band alone is published or dropped.
    """

    article_max_bytes: int
    review: Literal["drop", "publish"]


def handle_article(
    raw: RawArticle, classifier: Classifier, rules: HandlingRules, now: datetime
) -> Decided:
    """Decide the one outcome of one message of the articles topic; see `handle_articles`."""
    return handle_articles([raw], classifier, rules, now)[0]


def handle_articles(
    messages: Sequence[RawArticle], classifier: Classifier, rules: HandlingRules, now: datetime
) -> list[Decided]:
    """Decide the one outcome of each message of the articles topic, as if it were alone.

    Args:
        messages: as the broker gave them.
        classifier: labels the articles; together each costs less.
        rules: how long an article may be, and what becomes of one that only may match.
        now: becomes the alert's `labelled_at`; before `embargoed_until` an article is withheld.
    """
    opened = [_open(raw, classifier, rules, now) for raw in messages]
    labellings = iter(
        classifier.label_articles([each for each in opened if isinstance(each, Article)])
    )
    return [
        _decide(each, next(labellings), raw, classifier, rules=rules, now=now)
        if isinstance(each, Article)
        else each
        for raw, each in zip(messages, opened, strict=True)
    ]


def _open(
    raw: RawArticle, classifier: Classifier, rules: HandlingRules, now: datetime
) -> Article | Matched | Withheld | Rejected:
    # The article, if it has to be labelled; else what it comes to.
    try:
        article = read_article(raw.value, raw.headers, rules.article_max_bytes)
    except RejectedArticleError as rejection:
        return Rejected(rejection.reason, rejection.detail)
    status = judge_status(article, now)
    if status is Status.WITHHELD:
        return Withheld(article.id, article.published_at)
    if status is Status.CANCELED:
        return Matched(_write_match(article, raw, classifier, now))
    return article


def _decide(
    article: Article,
    labelling: Labelling,
    raw: RawArticle,
    classifier: Classifier,
    *,
    rules: HandlingRules,
    now: datetime,
) -> Matched | Unmatched:
    labels = select_labels(labelling, rules)
    review = () if labels else tuple(label.label for label in labelling.labels)
    # A first version that does not match ends here; a later one may end what an earlier one began.
    if not labels and article.version == 1:
        return Unmatched(article.id, review, article.published_at, labelling)
    match = _write_match(article, raw, classifier, now, labels=labels, review=review)
    return Matched(match, labelling)


def read_article(value: bytes | None, headers: Headers, max_bytes: int) -> Article:
    """Read the article of a message, if it is not longer than the operator allows.

    Raises:
        RejectedArticleError: it is too long, or not a valid article.
    """
    if value is not None and len(value) > max_bytes:
        raise RejectedArticleError(
            RejectionReason.TOO_LARGE, f"{len(value)} bytes; at most {max_bytes} are read"
        )
    return parse_article(value, headers)


def judge_status(article: Article, now: datetime) -> Status:
    """Judge whether an article may be used, is withheld (as its embargo may say), or is killed."""
    embargoed = article.embargoed_until is not None and now < article.embargoed_until
    # A kill is told at once, embargoed or not.
    return Status.WITHHELD if embargoed and article.status is Status.USABLE else article.status


def select_labels(labelling: Labelling, rules: HandlingRules) -> list[AlertLabel]:
    """Select the labels that go out: none where none holds, unless the rules say otherwise."""
    if labelling.alerts or rules.review == "publish":
        return labelling.labels
    return []


def _write_match(
    article: Article,
    raw: RawArticle,
    classifier: Classifier,
    now: datetime,
    *,
    labels: Sequence[AlertLabel] = (),
    review: Sequence[str] = (),
) -> Match:
    told_at = article.published_at or now
    reference = reference_article(article)
    if article.status is Status.CANCELED and not article.version_given:
        # It kills every version; what was made before it is not to be told again.
        version = derive_version(None, article.updated_at) or 1
        reference = reference.model_copy(update={"version": version})
    return Match(
        origin=Origin(
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            timestamp_ms=raw.timestamp_ms,
        ),
        status="canceled" if article.status is Status.CANCELED else "usable",
        version_given=article.version_given,
        article=reference,
        labels=list(labels),
        review=list(review),
        sketch=classifier.sketcher.make_sketch(article, told_at) if labels else b"",
        model=classifier.reference,
        labelled_at=now,
    )


# Long enough to tell a bad release from a bad feed, short enough to stop within seconds.
_WINDOW_ARTICLES = 1000
_WINDOW_LEAST_ARTICLES = 100


@dataclass
class FailureLimit:
    """How many `handler_failed` are too many: then our release is bad, not the articles."""

    in_a_row: int
    ratio: float
    _run: int = 0
    _window: deque[bool] = field(default_factory=lambda: deque(maxlen=_WINDOW_ARTICLES))

    def is_exceeded_after(self, *, failed: bool) -> bool:
        """Take note of one message and tell whether the worker must stop."""
        self._window.append(failed)
        if not failed:
            self._run = 0
            return False
        self._run += 1
        ratio = sum(self._window) / len(self._window)
        return self._run >= self.in_a_row or (
            len(self._window) >= _WINDOW_LEAST_ARTICLES and ratio > self.ratio
        )
