import json
from typing import Any

import pytest

from service.ap import find_ap
from service.formats import parse_article
from service.messages import Status
from tests.format_examples import ARTICLE_ID, read_example

WRAPPED: dict[str, Any] = json.loads(read_example("ap"))
ITEM: dict[str, Any] = WRAPPED["data"]["item"]


def wrap(**changes: Any) -> bytes:
    return json.dumps(WRAPPED | {"data": {"item": ITEM | changes}}).encode()


def test_identity_is_the_item_id_whatever_the_address() -> None:
    for uri in (ITEM["uri"], "https://api.example/other", None):
        assert parse_article(wrap(uri=uri)).id == ARTICLE_ID


def test_address_serves_where_there_is_no_item_id() -> None:
    assert parse_article(wrap(altids={})).id == ITEM["uri"]


@pytest.mark.parametrize("pubstatus", ["canceled", "cancelled"])
def test_killed_article_is_a_withdrawal(pubstatus: str) -> None:
    assert parse_article(wrap(pubstatus=pubstatus)).status is Status.CANCELED


def test_headline_and_summary_are_read_where_the_text_is_only_linked() -> None:
    article = parse_article(wrap(body_nitf=None))
    assert article.title == ITEM["headline"]
    assert article.text == ITEM["description_summary"]


def test_feed_of_one_article_is_read() -> None:
    feed = json.dumps({"api_version": "1.1", "data": {"items": [{"item": ITEM}]}}).encode()
    assert parse_article(feed) == parse_article(read_example("ap"))


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"item": ITEM}},
        {"api_version": "1.1"},
        {"api_version": "1.1", "data": []},
        [],
        "AP",
    ],
)
def test_what_only_resembles_the_wrapper_is_not_taken_for_it(content: Any) -> None:
    assert find_ap(content) == []
