"""Bytes -> outcome. Pure: no Kafka, no Prometheus, no clock."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, get_args

from service.alerts import Alert, AlertLabel, Story, derive_alert_id, reference_article
from service.classifier import Classifier, Labelling
from service.formats import RejectedArticleError, parse_article
from service.messages import Article, Headers, RawArticle, RejectionReason, Status


@dataclass(frozen=True, slots=True)
class Alerted:
    """A label holds: the alert goes out."""

    name: ClassVar = "alerted"
    alert: Alert


@dataclass(frozen=True, slots=True)
class Unmatched:
    """No label holds: nothing goes out. `review` are the labels that may hold."""

    name: ClassVar = "unmatched"
    article_id: str
    review: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """Not to be used yet: nothing goes out until a usable version comes."""

    name: ClassVar = "withheld"
    article_id: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The newsroom killed the article: whoever holds its alert is told."""

    name: ClassVar = "withdrawn"
    alert: Alert


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not a valid article, or one we could not handle: the original goes to the dead letters."""

    name: ClassVar = "rejected"
    reason: RejectionReason
    detail: str


Outcome = Alerted | Unmatched | Withheld | Withdrawn | Rejected
OUTCOMES: tuple[type[Outcome], ...] = get_args(Outcome)


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
) -> Outcome:
    """Decide the one outcome of one message of the articles topic.

    Args:
        raw: the message as the broker gave it.
        classifier: labels the article.
        rules: how long an article may be, and what becomes of one that only may match.
        now: becomes the alert's `labelled_at`; before `embargoed_until` an article is withheld.
    """
    try:
        article = read_article(raw.value, raw.headers, rules.article_max_bytes)
    except RejectedArticleError as rejection:
        return Rejected(rejection.reason, rejection.detail)
    match _judge_status(article, now):
        case Status.WITHHELD:
            return Withheld(article.id)
        case Status.CANCELED:
            return Withdrawn(_withdraw_alert(article, classifier, now))
        case Status.USABLE:
            labelling = classifier.label_article(article)
            labels = select_labels(labelling, rules)
            if not labels:
                return Unmatched(article.id, tuple(label.label for label in labelling.labels))
            alert_id = derive_alert_id(article.id)
            return Alerted(
                Alert(
                    alert_id=alert_id,
                    revision=2 * article.version - 1,
                    status="raised",
                    article=reference_article(article),
                    labels=labels,
                    story=_start_story(article),
                    model=classifier.reference,
                    labelled_at=now,
                )
            )


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


def _judge_status(article: Article, now: datetime) -> Status:
    embargoed = article.embargoed_until is not None and now < article.embargoed_until
    # A kill is told at once, embargoed or not.
    return Status.WITHHELD if embargoed and article.status is Status.USABLE else article.status


def select_labels(labelling: Labelling, rules: HandlingRules) -> list[AlertLabel]:
    """Select the labels that go out: none where none holds, unless the rules say otherwise."""
    if labelling.alerts or rules.review == "publish":
        return labelling.labels
    return []


def _withdraw_alert(article: Article, classifier: Classifier, now: datetime) -> Alert:
    return Alert(
        alert_id=derive_alert_id(article.id),
        # Even, and a raised alert's odd: a kill often comes with the version it kills, and neither
        # that version's revision nor the next one's is then used twice.
        revision=2 * article.version,
        status="withdrawn",
        why="killed",
        article=reference_article(article),
        labels=[],
        story=_start_story(article),
        model=classifier.reference,
        labelled_at=now,
    )


def _start_story(article: Article) -> Story:
    # Until stories are joined, each alert leads a story of its own.
    alert_id = derive_alert_id(article.id)
    return Story(story_id=alert_id, role="lead", lead_alert_id=alert_id, similarity=1.0)


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

    def is_exceeded_after(self, outcome: Outcome) -> bool:
        """Take note of an outcome and tell whether the worker must stop."""
        failed = isinstance(outcome, Rejected) and outcome.reason is RejectionReason.HANDLER_FAILED
        self._window.append(failed)
        if not failed:
            self._run = 0
            return False
        self._run += 1
        ratio = sum(self._window) / len(self._window)
        return self._run >= self.in_a_row or (
            len(self._window) >= _WINDOW_LEAST_ARTICLES and ratio > self.ratio
        )
