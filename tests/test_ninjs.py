import json
from typing import Any

import pytest

from service.formats import parse_article
from service.messages import Article, Status
from service.ninjs import find_ninjs
from tests.format_examples import ARTICLE_ID, change_example

EXAMPLES = ["ninjs-1.6", "ninjs-2.2", "ninjs-3.1", "superdesk"]


def parse(**fields: Any) -> Article:
    return parse_article(json.dumps({"uri": "a1", "headline": "It rained"} | fields).encode())


def body(value: str, role: str | None = None, content_type: str | None = None) -> dict[str, Any]:
    return {"role": role, "contentType": content_type, "value": value}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("usable", Status.USABLE),
        ("withheld", Status.WITHHELD),
        ("canceled", Status.CANCELED),
        ("cancelled", Status.CANCELED),
        ("Cancelled", Status.CANCELED),
        ("stat:canceled", Status.CANCELED),
        (None, Status.USABLE),
        ("", Status.USABLE),
    ],
)
@pytest.mark.parametrize("field", ["pubstatus", "pubStatus"])
def test_status_is_that_of_the_newsroom(field: str, sent: str | None, status: Status) -> None:
    assert parse(**{field: sent}).status is status


@pytest.mark.parametrize("field", ["embargoed", "embargoeduntil", "embargoedUntil"])
def test_embargo_is_carried(field: str) -> None:
    until = parse(**{field: "2024-01-03T10:00:00+05:00"}).embargoed_until
    assert until is not None
    assert until.isoformat() == "2024-01-03T10:00:00+05:00"


@pytest.mark.parametrize("name", EXAMPLES)
def test_version_is_the_number(name: str) -> None:
    assert parse_article(change_example(name, version="12")).version == 12


@pytest.mark.parametrize("name", EXAMPLES)
def test_version_that_is_no_number_is_derived_from_when_it_was_made(name: str) -> None:
    field = "versionCreated" if name == "ninjs-3.1" else "versioncreated"
    moments = ("2024-01-03T05:00:00Z", "2024-01-03T10:00:01+05:00", "2024-02-01T00:00:00Z")
    versions = [
        parse_article(change_example(name, **{"version": "final", field: moment})).version
        for moment in moments
    ]
    assert versions == sorted(set(versions))


def test_main_body_is_read_before_others_and_plain_text_before_html() -> None:
    short = body("Short.", "short", "text/plain")
    html = body("<p>Main <b>HTML</b>.</p>", "main", "text/html")
    plain = body("Main plain.", "main", "text/plain")
    bare = body("Bare.")
    assert parse(bodies=[short, html, plain, bare]).text == "Main plain."
    assert parse(bodies=[bare, html, short]).text == "Main HTML."
    assert parse(bodies=[bare, short]).text == "Short."
    assert parse(bodies=[bare]).text == "Bare."


def test_body_without_a_type_is_html_if_it_has_markup() -> None:
    assert parse(bodies=[body("<p>One.</p><p>Two.</p>")]).text == "One.\n\nTwo."
    assert parse(bodies=[body("1 < 2 & so on")]).text == "1 < 2 & so on"


def test_plain_body_of_the_first_series_is_read_before_html() -> None:
    assert parse(body_html="<p>HTML</p>", body_text="<plain>").text == "<plain>"
    assert parse(body_html="<p>HTML</p>", body_text="").text == "HTML"
    assert parse(body_xhtml="<p>XHTML</p>").text == "XHTML"


def test_credit_line_is_no_description() -> None:
    assert parse(description_creditline="(AP)", body_text="It rained.").text == "It rained."


def test_description_goes_before_the_body() -> None:
    article = parse(description_text="All day.", body_text="It rained all day.")
    assert article.text == "All day.\n\nIt rained all day."


def test_main_headline_is_the_title() -> None:
    headlines = [body("Seo", "seo"), body("<b>Main</b>\nline", "main", "text/html")]
    assert parse(headline=None, headlines=headlines).title == "Main line"
    assert parse(headline="", title="Short name", pubstatus="usable").title == "Short name"
    assert parse(headline="H", title="Short name").title == "H"


def test_web_address_as_identity_is_the_link_too() -> None:
    article = parse(uri="https://news.example/1")
    assert (article.id, article.url) == ("https://news.example/1",) * 2
    assert parse(uri="urn:newsml:1").url == ""


def test_superdesk_is_identified_by_its_guid() -> None:
    assert parse_article(change_example("superdesk")).id == ARTICLE_ID


@pytest.mark.parametrize(
    "content",
    [
        {"standard": {"name": "ninjs"}},
        {"$standard": {"name": "ninjs", "version": "1.6"}},
        {"uri": "a1", "pubstatus": "canceled"},
        {"guid": "a1", "body_html": "<p>x"},
    ],
)
def test_ninjs_is_recognised(content: dict[str, Any]) -> None:
    assert find_ninjs(content) == [content]


@pytest.mark.parametrize(
    "content",
    [
        {"uri": "/a1", "method": "GET"},
        {"headline": "It rained"},
        {"id": "a1", "uri": "/a1", "headline": "It rained"},
        {"uri": "a1", "headline": None},
        ["uri", "headline"],
        "ninjs",
    ],
)
def test_what_only_resembles_ninjs_is_not_taken_for_it(content: Any) -> None:
    assert find_ninjs(content) == []
