"""A published alert, made again from its article: the same bit for bit, or what differs."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from service.alerts import Alert
from service.classifier import Classifier
from service.handling import Decided, HandlingRules, Matched, Rejected, handle_article
from service.messages import RawArticle


class Explanation(BaseModel):
    """Whether an alert can be made again, and what differs where it cannot."""

    model_config = ConfigDict(frozen=True)

    identical: bool
    differences: list[str]
    again: Alert | None


def explain_alert(
    published: bytes, article: bytes, classifier: Classifier, rules: HandlingRules
) -> Explanation:
    """Make an alert again from its article.

    Args:
        published: the alert's value as it is on the topic.
        article: the value of the article it is about.
        classifier: should hold the model that the alert names.
        rules: those of the worker that published it.

    Raises:
        ValidationError: `published` is not an alert.
    """
    alert = Alert.model_validate_json(published)
    raw = RawArticle("", 0, 0, 0, None, article)
    decided = handle_article(raw, classifier, rules, alert.labelled_at)
    if not isinstance(decided, Matched) or bool(decided.match.labels) != bool(alert.labels):
        return Explanation(identical=False, differences=[_name(decided)], again=None)
    # Revision, status and story are the desk's, which knows the other articles.
    told = decided.match.model_dump(include={"labels", "model", "labelled_at"})
    again = Alert(
        **alert.model_dump(exclude={"article", *told}), article=decided.match.article, **told
    )
    differences = list(_compare("", alert.model_dump(mode="json"), again.model_dump(mode="json")))
    identical = again.model_dump_json().encode() == published
    if not identical and not differences:
        differences = ["the same content, written in another form"]
    return Explanation(identical=identical, differences=differences, again=again)


def _name(decided: Decided) -> str:
    if isinstance(decided, Rejected):
        return f"the article is now rejected: {decided.reason}, {decided.detail}"
    if isinstance(decided, Matched) and decided.match.labels:
        return "the article now has labels"
    return "the article now has no labels"


def _compare(where: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*before, *now]):
            place = f"{where}.{key}" if where else key
            yield from _compare(place, before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for position, (first, second) in enumerate(zip(before, now, strict=True)):
            yield from _compare(f"{where}[{position}]", first, second)
    elif before != now:
        yield f"{where}: published {before!r:.80}, now {now!r:.80}"
