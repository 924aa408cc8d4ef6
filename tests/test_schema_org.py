import json
from typing import Any

import pytest

from service.formats import parse_article
from service.messages import Article, Status
from service.schema_org import find_schema_org
from tests.format_examples import change_example

URL = "https://news.example/1"


def parse(**fields: Any) -> Article:
    article = {"@type": "NewsArticle", "@id": "a1", "headline": "It rained"}
    return parse_article(json.dumps(article | fields).encode())


@pytest.mark.parametrize(
    "kind",
    ["Article", "ReportageNewsArticle", "schema:LiveBlogPosting", "http://schema.org/NewsArticle"],
)
def test_family_of_news_articles_is_recognised(kind: str) -> None:
    assert parse(**{"@type": kind}).title == "It rained"
    assert parse(**{"@type": ["Thing", kind]}).title == "It rained"


def test_names_with_the_prefix_of_the_vocabulary_are_read() -> None:
    article = {"schema:@type": "NewsArticle", "@id": "a1", "schema:headline": "It rained"}
    assert parse_article(json.dumps(article).encode()).title == "It rained"


@pytest.mark.parametrize("content", [{"@type": "WebPage"}, {"@type": 17}, [], [[]], {}, None, 17])
def test_other_things_are_not_taken_for_articles(content: Any) -> None:
    assert find_schema_org(content) == []


@pytest.mark.parametrize(
    ("fields", "article_id"),
    [
        ({"@id": "urn:1", "identifier": "2", "url": URL}, "urn:1"),
        ({"@id": "#article", "identifier": {"@type": "PropertyValue", "value": 4711}}, "4711"),
        ({"@id": "_:b0", "identifier": ["", "2"]}, "2"),
        ({"@id": None, "url": URL}, URL),
        ({"@id": None, "mainEntityOfPage": {"@id": URL}}, URL),
        ({"@id": None, "mainEntityOfPage": URL}, URL),
    ],
)
def test_identity_is_the_first_that_holds_beyond_the_page(
    fields: dict[str, Any], article_id: str
) -> None:
    assert parse(**fields).id == article_id


def test_main_entity_of_a_page_is_the_article() -> None:
    page = {"@type": "WebPage", "mainEntity": {"@type": "Article", "@id": "a1", "headline": "h"}}
    assert parse_article(json.dumps(page).encode()).id == "a1"


@pytest.mark.parametrize(
    ("publisher", "source"),
    [
        ({"name": "Example News"}, "Example News"),
        ([{"name": "Example News"}, {"name": "Other"}], "Example News"),
        ("Example News", "Example News"),
        ({"@id": "#nobody"}, ""),
        (None, ""),
    ],
)
def test_publisher_is_the_source(publisher: Any, source: str) -> None:
    assert parse(publisher=publisher).source == source


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("Published", Status.USABLE),
        ("Draft", Status.WITHHELD),
        ("Withdrawn", Status.CANCELED),
        ({"@type": "DefinedTerm", "name": "Retracted"}, Status.CANCELED),
        (None, Status.USABLE),
    ],
)
def test_status_of_the_work_is_that_of_the_article(sent: Any, status: Status) -> None:
    assert parse(creativeWorkStatus=sent).status is status


def test_version_is_derived_from_when_it_was_modified() -> None:
    moments = ("2024-01-03", "2024-01-03T00:00:01", "2024-01-03T09:00:00+05:00")
    versions = [
        parse_article(change_example("schema-org", version=None, dateModified=moment)).version
        for moment in moments
    ]
    assert versions == sorted(set(versions))
    assert parse(version=2, dateModified=moments[0]).version == 2


def test_body_is_plain_text_or_html() -> None:
    assert parse(articleBody="<p>One.</p><p>Two.</p>").text == "One.\n\nTwo."
    assert parse(articleBody="One.\n\nTwo.").text == "One.\n\nTwo."
    assert parse(text={"@value": "One."}).text == "One."
