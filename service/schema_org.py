"""schema.org NewsArticle and its family, in JSON-LD: alone, in an array or in a `@graph`."""

import re
from collections.abc import Iterator
from typing import Any

from service.fields import (
    Draft,
    JsonObject,
    read_line,
    read_moment,
    read_objects,
    read_text,
    read_url,
    read_words,
)

# https://schema.org/NewsArticle and what is above, beside and below it.
_TYPES = frozenset(
    [
        "Article",
        "NewsArticle",
        "AnalysisNewsArticle",
        "AskPublicNewsArticle",
        "BackgroundNewsArticle",
        "OpinionNewsArticle",
        "ReportageNewsArticle",
        "ReviewNewsArticle",
        "AdvertiserContentArticle",
        "Report",
        "SatiricalArticle",
        "SocialMediaPosting",
        "BlogPosting",
        "LiveBlogPosting",
    ]
)
# `creativeWorkStatus` is free text; these are the words for what must not be used.
_STATUSES = {
    **dict.fromkeys(["draft", "embargoed", "pending", "scheduled", "withheld"], "withheld"),
    **dict.fromkeys(
        ["canceled", "cancelled", "deleted", "retracted", "unpublished", "withdrawn"], "canceled"
    ),
}


def find_schema_org(content: Any) -> list[JsonObject]:
    """Find the articles, each with its publisher where that is another node of the graph."""
    found = [node for each in read_objects(content) for node in _list_nodes(each)]
    if not any("@type" in node or "schema:@type" in node for node in found):
        return []  # As most that newsrooms send.
    nodes = [
        {name.removeprefix("schema:"): value for name, value in node.items()} for node in found
    ]
    by_id = {read_words(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    return [
        {
            **node,
            "publisher": [
                by_id.get(read_words(each.get("@id")), each)
                for each in read_objects(node.get("publisher"))
            ]
            or node.get("publisher"),
        }
        for node in nodes
        if not _TYPES.isdisjoint(_list_types(node))
    ]


def read_schema_org(article: JsonObject) -> Draft:
    """Read an article in JSON-LD.

    Raises:
        HtmlTooDeepError: as `extract_text`.
    """
    page = article.get("mainEntityOfPage")
    status = _first(article.get("creativeWorkStatus"), "name").lower()
    ids = [_first(article.get(name), "@id", "value") for name in ("@id", "identifier", "url")]
    return Draft(
        # `#article` and `_:b0` name a node within its page alone.
        id=next((each for each in ids if each and not each.startswith(("#", "_:"))), "")
        or _first(page, "@id", "url"),
        version=_first(article.get("version")),
        status=_STATUSES.get(status),
        url=read_url(
            _first(article.get("url"), "@id"), _first(page, "@id", "url"), article.get("@id")
        ),
        title=read_line(_first(article.get("headline")) or _first(article.get("name"))),
        description=read_text(
            _first(article.get("description")) or _first(article.get("abstract"))
        ),
        body=read_text(_first(article.get("articleBody")) or _first(article.get("text"))),
        language=_first(article.get("inLanguage"), "alternateName", "name"),
        source=_first(article.get("publisher"), "name")
        or _first(article.get("sourceOrganization"), "name"),
        published_at=read_moment(_first(article.get("datePublished"))),
        updated_at=read_moment(
            _first(article.get("dateModified")), _first(article.get("datePublished"))
        ),
    )


def _list_nodes(content: JsonObject) -> Iterator[JsonObject]:
    yield content
    for name in ("@graph", "mainEntity"):
        yield from read_objects(content.get(name))


def _list_types(node: JsonObject) -> list[str]:
    types = node.get("@type")
    # `schema:NewsArticle` and `https://schema.org/NewsArticle` are `NewsArticle`.
    return [
        re.split("[/:#]", read_words(each))[-1]
        for each in (types if isinstance(types, list) else [types])
    ]


def _first(value: Any, *names: str) -> str:
    """Read the first words of a value that may be text, an object, or an array of these."""
    for each in value if isinstance(value, list) else [value]:
        candidates = (
            [each.get(name) for name in ("@value", *names)] if isinstance(each, dict) else [each]
        )
        for candidate in candidates:
            words = read_words(candidate)
            if words:
                return words
    return ""
