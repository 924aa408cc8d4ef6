import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.alerts import Alert, derive_alert_id, reference_article
from service.messages import Article, Message
from tests.factories import alert, article

DATA = Path(__file__).parent / "data"
RECORDED = {
    "article.json": Article,
    "alert-raised.json": Alert,
    "alert-repeated.json": Alert,
    "alert-updated.json": Alert,
    "alert-withdrawn.json": Alert,
}


def read_recorded(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "message"), RECORDED.items())
def test_recorded_message_parses_and_serialises_equal(name: str, message: type[Message]) -> None:
    recorded = read_recorded(name)
    written = message.model_validate_json(recorded).model_dump_json()
    # As text, so that the order of the fields counts, and whether 2 is written as 2.0.
    assert json.dumps(json.loads(written)) == json.dumps(json.loads(recorded))


@pytest.mark.parametrize(("name", "message"), RECORDED.items())
def test_unknown_fields_are_ignored(name: str, message: type[Message]) -> None:
    recorded = json.loads(read_recorded(name))
    extended = recorded | {"added_in_v1": {"deep": [1]}}
    assert message.model_validate(extended) == message.model_validate(recorded)


def test_alert_id_is_the_same_for_ever() -> None:
    recorded = UUID("36cdf0ef-97dc-5e73-b5a8-995e15d5372e")
    assert derive_alert_id("urn:newsroom:2024:17") == recorded


@given(st.text(), st.text())
def test_alert_ids_differ_exactly_where_article_ids_do(one: str, other: str) -> None:
    assert (derive_alert_id(one) == derive_alert_id(other)) == (one == other)


@pytest.mark.parametrize("field", ["published_at", "updated_at"])
def test_moment_without_a_zone_is_utc(field: str) -> None:
    parsed = Article.model_validate_json(f'{{"id": "a1", "{field}": "2024-01-03T10:00:00"}}')
    assert getattr(parsed, field) == datetime(2024, 1, 3, 10, tzinfo=UTC)


def test_moment_keeps_its_zone() -> None:
    parsed = article(published_at="2024-01-03T10:00:00+05:00")
    assert parsed.published_at is not None
    assert parsed.published_at.isoformat() == "2024-01-03T10:00:00+05:00"


@pytest.mark.parametrize("field", ["title", "text", "url", "language", "source"])
def test_null_is_an_empty_text(field: str) -> None:
    assert getattr(article(**{field: None}), field) == ""


def test_article_that_says_nothing_else_is_usable_and_the_first_version() -> None:
    parsed = Article.model_validate_json('{"id": "a1", "title": "t"}')
    assert (parsed.status, parsed.version) == ("usable", 1)


@pytest.mark.parametrize("version", [True, False])
def test_true_is_no_version(version: object) -> None:
    with pytest.raises(ValidationError, match="not a number"):
        article(version=version)


def test_alert_does_not_carry_the_text_of_its_article() -> None:
    reference = reference_article(article(text="The whole story."))
    assert "text" not in reference.model_dump()
    assert (reference.id, reference.title) == ("a1", article().title)


def test_words_that_a_later_release_adds_to_open_sets_are_read() -> None:
    published = alert(status="withdrawn", why="recalled", labels=[]).model_dump_json()
    assert Alert.model_validate_json(published).why == "recalled"
