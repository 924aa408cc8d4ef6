from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fields import (
    derive_version,
    fold_names,
    join_description,
    read_first,
    read_line,
    read_moment,
    read_objects,
    read_text,
    read_url,
    read_words,
)
from service.messages import VERSION_MAX

MOMENT = datetime(2024, 1, 3, 5, 0, tzinfo=UTC)


def test_names_are_the_same_in_both_cases() -> None:
    for name in ("pubStatus", "pubstatus", "pub_status", "PUBSTATUS"):
        assert fold_names({name: "usable"}) == {"pubstatus": "usable"}


def test_empty_field_does_not_hide_a_filled_one() -> None:
    assert fold_names({"pubStatus": None, "pubstatus": "", "pub_status": "x"}) == {"pubstatus": "x"}


@pytest.mark.parametrize(
    ("version", "number"),
    [(3, 3), ("3", 3), (" 007 ", 7), (3.0, 3), (VERSION_MAX, VERSION_MAX), (str(VERSION_MAX),) * 2],
)
def test_version_is_the_number_if_there_is_one(version: Any, number: Any) -> None:
    assert derive_version(version, MOMENT) == int(number)


@pytest.mark.parametrize(
    "version",
    [
        None,
        "",
        0,
        -1,
        "0",
        "-3",
        1.5,
        "1.5",
        "v3",
        "0.10.9",
        True,
        [3],
        {},
        "٣",
        "²",
        VERSION_MAX + 1,
        float("inf"),
        float("nan"),
        1e300,
        "9" * 9999,
    ],
)
def test_version_that_is_no_number_is_the_second_it_was_made(version: Any) -> None:
    assert derive_version(version, MOMENT) == int(MOMENT.timestamp())


@given(st.datetimes(datetime(1970, 1, 2)), st.timedeltas(timedelta(seconds=1)))  # noqa: DTZ001
def test_later_version_is_larger(moment: datetime, later: timedelta) -> None:
    one = moment.replace(tzinfo=UTC)
    try:
        other = one + later
    except OverflowError:
        return
    versions = [derive_version(None, each) or 0 for each in (one, other)]
    assert 1 <= versions[0] < versions[1] <= VERSION_MAX


def test_version_by_time_is_larger_than_a_counted_one() -> None:
    assert (derive_version("v4", MOMENT) or 0) > (derive_version("999999", MOMENT) or 0)


def test_what_has_neither_number_nor_time_has_no_version() -> None:
    assert derive_version("v4", None) is None
    assert derive_version(None, datetime(1, 1, 1, tzinfo=UTC)) == 1


def test_description_goes_before_the_body_as_its_own_paragraph() -> None:
    assert join_description("What it says.", "It rained.") == "What it says.\n\nIt rained."
    assert join_description("", "It rained.") == "It rained."
    assert join_description("What it says.", "") == "What it says."


def test_description_with_which_the_body_begins_is_not_repeated() -> None:
    body = "It rained  all\nday long.\n\nThe end."
    assert join_description("It rained all day", body) == body
    assert join_description("The end.", body) == f"The end.\n\n{body}"


@pytest.mark.parametrize(
    ("value", "words"),
    [(" a1 ", "a1"), (17, "17"), (True, ""), (1.5, ""), (None, ""), (["a"], ""), ({"a": 1}, "")],
)
def test_words_are_text_or_whole_numbers(value: Any, words: str) -> None:
    assert read_words(value) == words


def test_first_that_has_words_is_read() -> None:
    assert read_first(None, "", {}, 17, "a1") == "17"
    assert read_first() == ""


@pytest.mark.parametrize(
    ("value", "content_type", "text"),
    [
        ("<p>A &amp; B</p>", "text/html", "A & B"),
        ("<p>A &amp; B</p>", "application/xhtml+xml; charset=utf-8", "A & B"),
        ("<p>A &amp; B</p>", "", "A & B"),
        ("<p>A &amp; B</p>", "text/plain", "<p>A &amp; B</p>"),
        (" 1 < 2\n\n& so on ", "", "1 < 2\n\n& so on"),
        (["It rained."], "", ""),
        (17, "text/plain", ""),
    ],
)
def test_text_is_read_by_its_type(value: Any, content_type: str, text: str) -> None:
    assert read_text(value, content_type) == text


def test_headline_is_one_line() -> None:
    assert read_line("It rained\n on <b>Monday</b>") == "It rained on Monday"
    assert read_line("It rained\r\n on Monday") == "It rained on Monday"


def test_only_addresses_of_pages_are_addresses() -> None:
    assert read_url("urn:a1", "/news/1", None, "HTTPS://news.example/1") == "HTTPS://news.example/1"
    assert read_url("javascript:alert(1)") == ""


def test_first_moment_that_is_one_is_read() -> None:
    assert read_moment(None, "yesterday", "2024-01-03T10:00:00+0500") == MOMENT
    assert read_moment("2024-01-03 05:00") == MOMENT
    assert read_moment([], "soon") is None


def test_objects_are_read_alone_or_from_an_array() -> None:
    assert read_objects({"a": 1}) == read_objects([{"a": 1}, "b", None]) == [{"a": 1}]
    assert read_objects("a") == read_objects(None) == []
