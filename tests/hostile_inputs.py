"""Inputs that no newsroom sends: hostile ones by name, and any others that chance makes."""

import json
from typing import Any

from hypothesis import strategies as st

from service.messages import Article
from tests.factories import write_article
from tests.format_examples import ARTICLES, WITHDRAWALS, read_example

HOSTILE = {
    "brackets_of_a_mebibyte": b"[" * 2**20,
    "objects_of_a_mebibyte": b'{"id":' * (2**20 // 6),
    "deep_nesting_in_an_unknown_field": write_article(x=1).replace(b"1}", b"[" * 9999 + b"]" * 9999)
    + b"}",
    "number_of_many_digits": b'{"id": "a1", "title": "t", "version": ' + b"9" * 5000 + b"}",
    "number_beyond_float": b'{"id": "a1", "title": "t", "version": 1e999}',
    "not_a_number": b'{"id": "a1", "title": "t", "version": NaN}',
    "date_beyond_calendars": b'{"id": "a1", "title": "t", "published_at": 1e300}',
    "lone_surrogate_escaped": b'{"id": "a1", "title": "\\ud800"}',
    "lone_surrogate_in_the_id": b'{"id": "\\udfff", "title": "t"}',
    "lone_surrogate_encoded": b'{"id": "a1", "title": "\xed\xa0\x80"}',
    "nul_escaped": b'{"id": "a\\u0000", "title": "\\u0000"}',
    "nul_raw": b'{"id": "a1", "title": "\x00"}',
    "nul_only": b"\x00" * 100,
    "duplicate_keys": b'{"id": "a1", "id": "a2", "title": "t", "title": ["t"]}',
    "utf_16": '{"id": "a1", "title": "t"}'.encode("utf-16"),
    "version_of_many_digits": b'{"uri": "a1", "headline": "t", "version": "' + b"9" * 2**19 + b'"}',
    "version_of_other_digits": '{"uri": "a1", "headline": "t", "version": "٣"}'.encode(),
    "version_beyond_float": b'{"uri": "a1", "headline": "t", "version": 1e999}',
    "version_of_all_digits_read": b'{"uri": "a1", "headline": "t", "version": '
    + b"9" * 4300
    + b"}",
    "moment_before_all_others": b'{"uri": "a1", "headline": "t", "versioncreated": '
    b'"0001-01-01T00:00:00+23:59"}',
    "moment_after_all_others": b'{"uri": "a1", "headline": "t", "embargoed": '
    b'"9999-12-31T23:59:59-23:59"}',
    "lone_surrogate_as_a_reference": b'{"uri": "a1", "body_html": "<p>&#xD800;&#xDFFF;"}',
    "nul_as_a_reference": b'{"uri": "a1", "body_html": "<p>&#0;\\u0000"}',
    "html_of_divs": json.dumps({"uri": "a1", "body_html": "<div>" * (2**20 // 5)}).encode(),
    "html_of_ampersands": json.dumps({"uri": "a1", "body_html": "&amp;" * (2**20 // 5)}).encode(),
    "html_of_brackets": json.dumps({"uri": "a1", "body_html": "<p>" + "[" * 2**20}).encode(),
    "html_of_less_than": json.dumps({"uri": "a1", "body_html": "<p>" + "<" * 2**20}).encode(),
    "html_of_end_tags": json.dumps(
        {"uri": "a1", "body_html": "<b>" * 490 + "</p>" * 2**18}
    ).encode(),
    "html_of_attributes": json.dumps(
        {"uri": "a1", "body_html": f"<p {' '.join(f'a{each}' for each in range(2**17))}>"}
    ).encode(),
    "html_of_entities_in_entities": json.dumps(
        {
            "uri": "a1",
            "body_html": "<!DOCTYPE p [<!ENTITY a 'ha'>"
            + "".join(f"<!ENTITY a{each} '&a;&a;&a;&a;'>" for each in range(99))
            + "]><p>&a98;</p>",
        }
    ).encode(),
    "html_never_closed": json.dumps({"uri": "a1", "body_html": "<p a='" + "<!--" * 2**18}).encode(),
    "elements_of_a_mebibyte": json.dumps(
        {
            "type": "story",
            "_id": "a1",
            "content_elements": [{"type": "text", "content": "<b>"}] * 2**15,
        }
    ).encode(),
    "elements_in_elements": b'{"type": "story", "_id": "a1", "content_elements": '
    + b'[{"type": "list", "items": ' * 90
    + b"[]"
    + b"}]" * 90
    + b"}",
    "graph_of_a_mebibyte": json.dumps({"@graph": [{"@type": "NewsArticle"}] * 2**15}).encode(),
    "events_in_events": b'{"specversion": "1.0", "data": ' * 150 + b"1" + b"}" * 150,
    "two_byte_order_marks": b"\xef\xbb\xbf" * 2 + write_article(),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
pieces_of_html = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<br>", "<b", ">", "&#xD800;", "&amp", "<!--", "\0", "é", " x "]
    )
).map("".join)
articles_of_any_values = st.dictionaries(
    st.sampled_from([*Article.model_fields, "unknown"]), json_values
).map(lambda fields: json.dumps(fields).encode())


@st.composite
def damaged_articles(draw: st.DrawFn) -> bytes:
    value = write_article(text="A story of two lines.\nThis is the other.", version=2)
    position = draw(st.integers(0, len(value)))
    return value[:position] + draw(st.binary(max_size=4)) + value[position + 1 :]


shapes = st.sampled_from([json.loads(read_example(name)) for name in [*ARTICLES, *WITHDRAWALS]])


def list_keys(content: Any) -> list[Any]:
    """List what an object or an array can be asked for; nothing for other values."""
    if isinstance(content, dict):
        return list(content)
    return list(range(len(content))) if isinstance(content, list) else []


@st.composite
def damaged_examples(draw: st.DrawFn) -> Any:
    """Examples of all forms, as JSON, with values of any kind somewhere inside them."""
    content = json.loads(json.dumps(draw(shapes)))
    for _ in range(draw(st.integers(1, 3))):
        place = content
        for _ in range(draw(st.integers(0, 3))):
            inner = [key for key in list_keys(place) if place[key] and list_keys(place[key])]
            if not inner:
                break
            place = place[draw(st.sampled_from(inner))]
        place[draw(st.sampled_from(list_keys(place)))] = draw(json_values | pieces_of_html)
    return content


any_bytes = (
    st.binary()
    | damaged_examples().map(lambda content: json.dumps(content).encode())
    | json_values.map(lambda value: json.dumps(value).encode())
    | articles_of_any_values
    | damaged_articles()
)
