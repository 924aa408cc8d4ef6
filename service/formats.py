"""What newsrooms send -> Article. Which form it is, its content says: nothing is configured."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic import ValidationError

from service.ap import find_ap, read_ap
from service.arc import find_arc, read_arc
from service.envelopes import open_envelopes
from service.fields import Draft, JsonObject, derive_version, join_description
from service.html_text import HtmlTooDeepError, blank_html
from service.messages import Article, Headers, RejectedArticleError, RejectionReason, Status
from service.ninjs import find_ninjs, read_ninjs
from service.schema_org import find_schema_org, read_schema_org

__all__ = ["RejectedArticleError", "parse_article"]


class _Format(NamedTuple):
    name: str
    find: Callable[[Any], list[JsonObject]]
    read: Callable[[JsonObject], Draft]


# In the order in which they are looked for; the native form is looked for last.
_FORMATS = (
    _Format("ninjs", find_ninjs, read_ninjs),
    _Format("AP", find_ap, read_ap),
    _Format("schema.org", find_schema_org, read_schema_org),
    _Format("Arc ANS", find_arc, read_arc),
)
# Not the embargo, which may be in force.
_DISPENSABLE = frozenset(["published_at", "updated_at"])
_NATIVE_MARKS = frozenset(["title", "text", "status"])
# What a programmer would name a field; anything else may be words of an article.
_FIELD_NAME = re.compile(r"[@$_]{0,2}[A-Za-z][A-Za-z0-9_.:@-]{0,39}")
_NAMES_MAX = 20


def parse_article(value: bytes | None, headers: Headers = ()) -> Article:
    """Read one article in any form that newsrooms send.

    Args:
        value: the message's value as it came.
        headers: the message's headers.

    Raises:
        RejectedArticleError: it is not a valid article.
    """
    if not value or not value.strip():
        raise RejectedArticleError(RejectionReason.EMPTY_MESSAGE, "the message has no value")
    content = open_envelopes(value, headers)
    for each in _FORMATS:
        articles = each.find(content)
        if articles:
            return _read_one(articles, each)
    if isinstance(content, dict) and _is_native(content):
        return _make_article(content, "")
    raise RejectedArticleError(RejectionReason.UNKNOWN_FORMAT, _describe_shape(content))


def _read_one(articles: list[JsonObject], form: _Format) -> Article:
    if len(articles) > 1:
        raise RejectedArticleError(
            RejectionReason.UNKNOWN_FORMAT,
            f"{len(articles)} articles ({form.name}) in one message; send one a message",
        )
    prefix = f"as {form.name}: "
    try:
        return _make_article(_list_fields(form.read(articles[0])), prefix)
    except HtmlTooDeepError as error:
        # A kill needs no words.
        with suppress(RejectedArticleError):
            wordless = _make_article(_list_fields(form.read(blank_html(articles[0]))), prefix)
            if wordless.status is Status.CANCELED:
                return wordless
        raise RejectedArticleError(RejectionReason.INVALID_ARTICLE, f"{prefix}{error}") from None


def _list_fields(draft: Draft) -> JsonObject:
    return {
        "id": draft.id,
        "version": derive_version(draft.version, draft.updated_at),
        "status": draft.status,
        "url": draft.url,
        "title": draft.title,
        "text": join_description(draft.description, draft.body),
        "language": draft.language,
        "source": draft.source,
        "published_at": draft.published_at,
        "updated_at": draft.updated_at,
        "embargoed_until": draft.embargoed_until,
    }


def _make_article(fields: JsonObject, form: str) -> Article:
    if "version" in fields and fields["version"] in (None, ""):
        # Not given.
        fields = {name: value for name, value in fields.items() if name != "version"}
    article = _read_readable(fields, form)
    if article.status is Status.USABLE and not (article.title.strip() or article.text.strip()):
        raise RejectedArticleError(
            RejectionReason.NO_TEXT, f"{form}a usable article needs a `title` or a `text`"
        )
    if article.version_given or article.status is Status.CANCELED:
        # A kill without a version is of every version.
        return article
    version = derive_version(None, article.updated_at)
    return article if version is None else article.model_copy(update={"version": version})


def _read_readable(fields: JsonObject, form: str) -> Article:
    try:
        return Article.model_validate(fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
    unreadable = {problem["loc"][0] for problem in problems}
    if "id" not in unreadable:
        rest = {name: value for name, value in fields.items() if name not in unreadable}
        article = Article.model_validate(rest)
        # An alert that stands although it was killed is worse than a kill without a title.
        if unreadable <= _DISPENSABLE or article.status is Status.CANCELED:
            return article
    detail = "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems
    )
    raise RejectedArticleError(RejectionReason.INVALID_ARTICLE, form + detail)


def _is_native(content: JsonObject) -> bool:
    return bool(content) and (
        not _NATIVE_MARKS.isdisjoint(content) or content.keys() <= Article.model_fields.keys()
    )


def _describe_shape(content: Any) -> str:
    if not isinstance(content, dict):
        return "the value is JSON but not an object that we know"
    names = [name for name in content if _FIELD_NAME.fullmatch(name)][:_NAMES_MAX]
    return f"no form that we know; its {len(content)} top-level keys: {', '.join(names) or '-'}"
