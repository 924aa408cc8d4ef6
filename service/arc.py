"""Arc XP's ANS: stories, and operations on stories."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from service.fields import (
    Draft,
    JsonObject,
    read_first,
    read_line,
    read_moment,
    read_text,
    read_url,
    read_words,
)

_STORY_MARKS = frozenset(["_id", "content_elements", "headlines"])
# Elements with text of the story; the others are embeds, pictures and links.
_TEXT_ELEMENTS = frozenset(["text", "header", "correction", "quote", "list"])


def find_arc(content: Any) -> list[JsonObject]:
    """Find the story, or the operation on one."""
    if not isinstance(content, dict):
        return []
    operation = content.get("type") == "story_operation" and "operation" in content
    story = content.get("type") == "story" and not _STORY_MARKS.isdisjoint(content)
    return [content] if operation or story else []


def read_arc(article: JsonObject) -> Draft:
    """Read a story or an operation.

    `version` is that of the schema; the article's is derived from when it was last updated. An
    operation that deletes or unpublishes is a withdrawal, as of the operation's date.

    Raises:
        HtmlTooDeepError: as `extract_text`.
    """
    if article.get("type") != "story_operation":
        return _read_story(article)
    story = _read_story(_object(article.get("story")))
    story = replace(story, id=read_first(article.get("story_id"), story.id))
    operation = read_words(article.get("operation")).lower()
    date = read_moment(article.get("date"), article.get("submit_date"))
    if operation.startswith(("delete", "unpublish")):
        return replace(story, status="canceled", updated_at=date or story.updated_at)
    # What an edition publishes is public whatever the draft in hand is.
    status = None if operation.startswith("publish") else story.status
    return replace(story, status=status, updated_at=story.updated_at or date)


def _read_story(story: JsonObject) -> Draft:
    headlines = _object(story.get("headlines"))
    description = _object(story.get("description"))
    subheadlines = _object(story.get("subheadlines"))
    drafted = _object(story.get("revision")).get("published") is False
    return Draft(
        id=read_words(story.get("_id")),
        status="withheld" if drafted else None,
        url=read_url(story.get("canonical_url")),
        title=read_line(headlines.get("basic")) or read_line(headlines.get("web")),
        description=read_text(description.get("basic")) or read_text(subheadlines.get("basic")),
        body="\n\n".join(_list_paragraphs(story.get("content_elements"))),
        language=read_words(story.get("language")),
        source=read_first(
            _object(story.get("source")).get("name"),
            _object(story.get("distributor")).get("name"),
        ),
        published_at=read_moment(
            story.get("first_publish_date"), story.get("publish_date"), story.get("display_date")
        ),
        updated_at=read_moment(story.get("last_updated_date"), story.get("publish_date")),
    )


def _list_paragraphs(elements: Any) -> Iterator[str]:
    for element in elements if isinstance(elements, list) else []:
        if not isinstance(element, dict) or read_words(element.get("type")) not in _TEXT_ELEMENTS:
            continue
        text = read_text(element.get("content")) or read_text(element.get("text"))
        if text:
            yield text
        yield from _list_paragraphs(element.get("content_elements"))
        yield from _list_paragraphs(element.get("items"))


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
