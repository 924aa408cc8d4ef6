import json
from typing import Any

import pytest

from service.arc import find_arc
from service.formats import parse_article
from service.messages import Article, Status
from tests.format_examples import ARTICLE_ID, change_example, read_example


def operate(operation: str, **changes: Any) -> Article:
    return parse_article(change_example("arc-publish", operation=operation, **changes))


def parse_elements(*elements: Any) -> str:
    story = {"type": "story", "_id": "a1", "headlines": {"basic": "h"}}
    return parse_article(json.dumps(story | {"content_elements": elements}).encode()).text


@pytest.mark.parametrize("operation", ["delete", "unpublish_edition", "unpublish", "delete-story"])
def test_operation_that_takes_a_story_away_is_a_withdrawal(operation: str) -> None:
    withdrawn = operate(operation)
    assert (withdrawn.id, withdrawn.status) == (ARTICLE_ID, Status.CANCELED)


@pytest.mark.parametrize("operation", ["create", "update", "publish_edition"])
def test_other_operation_brings_the_story(operation: str) -> None:
    assert operate(operation) == parse_article(read_example("arc-story"))


def test_version_is_not_that_of_the_schema() -> None:
    older = parse_article(change_example("arc-story", version="0.10.9"))
    assert parse_article(change_example("arc-story", version="4")).version == older.version


def test_later_story_and_its_withdrawal_have_higher_versions() -> None:
    versions = [
        parse_article(read_example("arc-story")).version,
        parse_article(change_example("arc-story", last_updated_date="2024-01-03T05:30Z")).version,
        parse_article(read_example("arc-unpublish")).version,
        parse_article(read_example("arc-delete")).version,
    ]
    assert versions == sorted(set(versions))


def test_draft_is_withheld_until_it_is_published() -> None:
    story = json.loads(read_example("arc-story")) | {"revision": {"published": False}}
    assert parse_article(json.dumps(story).encode()).status is Status.WITHHELD
    assert operate("update", story=story).status is Status.WITHHELD
    assert operate("publish_edition", story=story).status is Status.USABLE


def test_text_is_that_of_paragraphs_quotes_and_lists_in_their_order() -> None:
    text = parse_elements(
        {"type": "header", "level": 2, "content": "Head"},
        {"type": "text", "content": "One &amp; <b>two</b>."},
        {"type": "raw_html", "content": "<script>x</script><div>Advert"},
        {"type": "quote", "content_elements": [{"type": "text", "content": "Quoted."}]},
        {"type": "list", "items": [{"type": "text", "content": "a"}, {"type": "text"}, None]},
        {"type": "correction", "correction_type": "correction", "text": "Corrected."},
        {"type": "image", "caption": "A picture."},
        {"type": "interstitial_link", "content": "Read more"},
        "no element",
    )
    assert text == "Head\n\nOne & two.\n\nQuoted.\n\na\n\nCorrected."


def test_element_that_is_never_closed_does_not_swallow_the_next() -> None:
    broken = {"type": "text", "content": "One.<script>"}
    assert parse_elements(broken, {"type": "text", "content": "Two."}) == "One.\n\nTwo."


def test_only_a_whole_address_is_a_link() -> None:
    assert parse_article(change_example("arc-story", canonical_url="/2024/1/")).url == ""
    url = "https://news.example/1"
    assert parse_article(change_example("arc-story", canonical_url=url)).url == url


@pytest.mark.parametrize(
    "content",
    [{"type": "story", "title": "A tale"}, {"type": "story_operation"}, {"_id": "a1"}, [], None],
)
def test_what_only_resembles_arc_is_not_taken_for_it(content: Any) -> None:
    assert find_arc(content) == []
