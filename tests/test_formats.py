import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.ap import read_ap
from service.arc import read_arc
from service.fields import Draft
from service.formats import RejectedArticleError, parse_article
from service.html_text import HtmlTooDeepError
from service.messages import Article, RejectionReason, Status
from service.ninjs import read_ninjs
from service.schema_org import read_schema_org
from tests.factories import load_classifier, write_article
from tests.format_examples import ARTICLES, FOLDER, WITHDRAWALS, change_example, read_example
from tests.hostile_inputs import HOSTILE, any_bytes, damaged_examples

NOT_FROM_FORMATS = {
    RejectionReason.TOO_LARGE,
    RejectionReason.INVALID_MATCH,
    RejectionReason.HANDLER_FAILED,
    RejectionReason.ALERT_TOO_LARGE,
}
EXAMPLES: dict[RejectionReason, list[bytes | None]] = {
    RejectionReason.EMPTY_MESSAGE: [
        None,
        b"",
        b" \r\n\t",
        b'{"specversion": "1.0", "id": "e1", "source": "/cms", "type": "published"}',
        b'{"specversion": "1.0", "id": "e1", "source": "/cms", "type": "published", "data": null}',
    ],
    RejectionReason.INVALID_JSON: [
        b'{"id": "a1", "title": "cut of',
        b'{"id": "a1", "title": "t"} {}',
        b'{"id": "a1", "title": "Latin-1 caf\xe9"}',
        b"It rained on the harvest festival.",
        b"\xef\xbb\xbf",
        '{"id": "a1", "title": "t"}'.encode("utf-16"),
        b"\x00\x00\x00\x00\x07{",
    ],
    RejectionReason.XML_NOT_SUPPORTED: [
        b"<article/>",
        b'\xef\xbb\xbf\r\n <?xml version="1.0"?><newsItem/>',
        b"<!DOCTYPE html><p>It rained.",
        "<rss/>".encode("utf-16"),
        b"\x00\x00\x00\x00\x07<nitf/>",
        b'{"specversion": "1.0", "id": "e1", "source": "/cms", "type": "t", "data": "<nitf/>"}',
    ],
    RejectionReason.BINARY_NOT_SUPPORTED: [
        b"\x00",
        b"\x00" * 100,
        # Confluent's Avro and Protobuf: the prefix, then no JSON.
        b"\x00\x00\x00\x00\x07\x04a1\x02t",
        b"\x01" + b"\x07" * 16 + b"\x04a1\x02t",
        b"Obj\x01\x04\x14avro.codec\x08null\x00",
        b"\n\x02a1\x12\x01t",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        b"\x89PNG\r\n\x1a\n",
    ],
    RejectionReason.UNKNOWN_FORMAT: [
        b"[]",
        b"17",
        b"null",
        b'"an article"',
        b"{}",
        b'{"headline": "It rained", "content": "All day."}',
        b'{"uri": "/news/17", "method": "GET"}',
        b'{"@context": "https://schema.org", "@type": "Person", "name": "A. Writer"}',
        b'{"type": "story", "title_id": 17}',
        b'{"api_version": "1.1", "data": {"items": []}}',
        b'[{"@type": "NewsArticle", "@id": "a1"}, {"@type": "NewsArticle", "@id": "a2"}]',
    ],
    RejectionReason.INVALID_ARTICLE: [
        b'{"title": "t"}',
        b'{"uri": "", "headline": "t"}',
        b'{"guid": null, "uri": 1.5, "headline": "t"}',
        b'{"uri": "a1", "headline": "t", "pubstatus": "embargoed"}',
        b'{"uri": "a1", "headline": "t", "embargoed": "soon"}',
        json.dumps({"uri": "a1", "body_html": "<div>" * 600}).encode(),
        b'{"@type": "NewsArticle", "@id": "#article", "headline": "t"}',
        b'{"type": "story_operation", "operation": "delete"}',
        b'{"api_version": "1.1", "data": {"item": {"headline": "t"}}}',
        b'{"specversion": "1.0", "source": "/cms", "data_base64": "e"}',
        b'{"specversion": "1.0", "source": "/cms", "data_base64": "e30=!!"}',
        b'{"specversion": "1.0", "source": "/cms", "data_base64": 17}',
        b'{"id": "", "title": "t"}',
        b'{"id": 17, "title": "t"}',
        b'{"id": "a1", "title": ["t"]}',
        b'{"id": "a1", "title": "t", "version": 0}',
        b'{"id": "a1", "title": "t", "status": "embargoed"}',
        b'{"id": "a1", "title": "t", "embargoed_until": "tomorrow"}',
        b'{"id": "a1", "title": ["t"], "published_at": "yesterday"}',
    ],
    RejectionReason.NO_TEXT: [
        b'{"id": "a1"}',
        b'{"id": "a1", "title": null, "text": ""}',
        b'{"id": "a1", "title": " \\n", "text": "\\u00a0"}',
        b'{"uri": "a1", "headline": " ", "body_html": "<p>&nbsp;<script>t</script>"}',
        b'{"@type": "NewsArticle", "@id": "a1"}',
        b'{"type": "story", "_id": "a1", "content_elements": [{"type": "image"}]}',
        b'{"type": "story_operation", "operation": "update", "story_id": "a1"}',
    ],
}


def reject(value: bytes | None) -> RejectedArticleError:
    with pytest.raises(RejectedArticleError) as caught:
        parse_article(value)
    return caught.value


def test_examples_below_show_every_reason_that_parsing_gives() -> None:
    assert EXAMPLES.keys() | NOT_FROM_FORMATS == set(RejectionReason)
    assert not EXAMPLES.keys() & NOT_FROM_FORMATS


@pytest.mark.parametrize(
    ("reason", "value"),
    [(reason, value) for reason, values in EXAMPLES.items() for value in values],
)
def test_what_is_no_article_is_rejected_for_its_reason(
    reason: RejectionReason, value: bytes | None
) -> None:
    rejection = reject(value)
    assert rejection.reason is reason
    assert rejection.detail


def test_detail_names_every_field_that_is_wrong() -> None:
    detail = reject(b'{"title": 1, "version": "x"}').detail
    for field in ("id: ", "title: ", "version: "):
        assert field in detail


def test_detail_is_short_whatever_the_article() -> None:
    fields = {name: [1] for name in Article.model_fields}
    assert len(reject(json.dumps(fields).encode()).detail) <= 300


WORD = "Zanzibar"
# A key is named in the detail if it reads as the name of a field.
KEY = f"{WORD} Beach"
values_of_one_word = st.recursive(
    st.sampled_from([WORD, WORD * 99, f"{WORD}-01-02T00:00:00", f"1 {WORD}", 17, None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just(KEY), inner),
    max_leaves=4,
)


FOREIGN_FIELDS = ["uri", "headline", "pubstatus", "embargoed", "@type", "data", "specversion"]


@given(
    st.dictionaries(
        st.sampled_from([*Article.model_fields, *FOREIGN_FIELDS, KEY]), values_of_one_word
    ),
    st.integers(-20, 0),
)
@example({"id": "a1", "published_at": WORD}, 0)
@example({"id": "a1", "status": WORD}, 0)
@example({"id": "a1", "title": {WORD: WORD}}, 0)
@example({"uri": "a1", "headline": "t", "pubstatus": WORD}, 0)
@example({"uri": "a1", "headline": "t", "embargoed": WORD}, 0)
@example({"specversion": "1.0", "data": WORD}, 0)
def test_detail_never_has_a_word_of_the_article(fields: dict[str, Any], cut: int) -> None:
    value = json.dumps(fields).encode()[: cut or None]
    try:
        parse_article(value)
    except RejectedArticleError as rejection:
        assert WORD not in rejection.detail  # noqa: PT017, an article may also come out
        assert WORD not in str(rejection)  # noqa: PT017, as above


def test_byte_order_mark_is_no_part_of_the_article() -> None:
    assert parse_article(b"\xef\xbb\xbf" + write_article()) == parse_article(write_article())


def test_last_of_duplicate_keys_counts() -> None:
    assert parse_article(b'{"id": "a1", "id": "a2", "title": "t"}').id == "a2"


@pytest.mark.parametrize("status", [Status.WITHHELD, Status.CANCELED])
def test_only_a_usable_article_needs_a_title_or_a_text(status: Status) -> None:
    assert parse_article(json.dumps({"id": "a1", "status": status}).encode()).status is status


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_an_article_or_a_rejection(value: bytes) -> None:
    try:
        assert isinstance(parse_article(value), Article)
    except RejectedArticleError as rejection:
        assert rejection.reason in EXAMPLES  # noqa: PT017, an article may also come out


@given(any_bytes)
def test_any_bytes_are_an_article_or_a_rejection(value: bytes) -> None:
    try:
        parsed = parse_article(value)
    except RejectedArticleError as rejection:
        assert rejection.reason in EXAMPLES  # noqa: PT017, an article may also come out
    else:
        # What is read can be written, as an alert about it must be.
        assert Article.model_validate_json(parsed.model_dump_json()) == parsed


@pytest.mark.parametrize("read", [read_ninjs, read_ap, read_schema_org, read_arc])
@given(damaged_examples())
def test_any_object_is_read_by_every_converter(
    read: Callable[[dict[str, Any]], Draft], content: Any
) -> None:
    for each in content if isinstance(content, list) else [content]:
        try:
            draft = read(each if isinstance(each, dict) else {})
        except HtmlTooDeepError:
            continue
        assert isinstance(draft.id, str)
        assert isinstance(draft.title, str)
        assert isinstance(draft.body, str)


# As pairs of what a kill needs, in each form, and a field of it that cannot be read.
DEEP = "<div>" * 600
NINJS_KILL = {"uri": "a1", "pubstatus": "canceled"}
KILLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "native": (
        {"id": "a1", "status": "canceled"},
        {
            "url": "u" * 4097,
            "title": 17,
            "text": ["x"],
            "language": "l" * 65,
            "source": {},
            "published_at": "26 Nov 2026",
            "updated_at": True,
            "embargoed_until": "soon",
        },
    ),
    "ninjs": (
        NINJS_KILL,
        {
            "embargoed": "soon",
            "language": "l" * 65,
            "versioncreated": "26 Nov 2026",
            "source": "s" * 1025,
            "headline": DEEP,
            "body_html": DEEP,
            "bodies": [{"role": "main", "contentType": "text/html", "value": DEEP}],
        },
    ),
    "AP": (
        {"api_version": "1", "data": {"item": {**NINJS_KILL, "language": "l" * 65}}},
        {},
    ),
    "schema.org": (
        {"@type": "NewsArticle", "@id": "a1", "creativeWorkStatus": "retracted"},
        {"inLanguage": "l" * 65, "articleBody": DEEP, "version": 0.5},
    ),
    "Arc ANS": (
        {"type": "story_operation", "operation": "delete", "story_id": "a1"},
        {"date": "now", "story": {"content_elements": [{"type": "text", "content": DEEP}]}},
    ),
}
BROKEN_KILLS = {
    f"{form} {name}": {**kill, name: value}
    for form, (kill, unreadable) in KILLS.items()
    for name, value in unreadable.items()
} | {form: {**kill, **unreadable} for form, (kill, unreadable) in KILLS.items()}


@pytest.mark.parametrize("content", BROKEN_KILLS.values(), ids=BROKEN_KILLS)
def test_kill_is_one_whatever_else_of_it_cannot_be_read(content: dict[str, Any]) -> None:
    kill = parse_article(json.dumps(content).encode())
    assert (kill.id, kill.status, kill.version_given) == ("a1", Status.CANCELED, False)


@pytest.mark.parametrize("version", [0, -1, 1.5, "1.2", "final", True, [2], 2**52])
@pytest.mark.parametrize("form", ["native", "ninjs"])
def test_version_of_a_kill_that_cannot_be_read_is_not_given(form: str, version: Any) -> None:
    kill = parse_article(json.dumps({**KILLS[form][0], "version": version}).encode())
    assert not kill.version_given


def test_what_can_be_read_of_a_kill_is_read() -> None:
    content = {"version": "7", "title": "t", "source": "s", "url": 1, "published_at": "2026-11-26"}
    kill = parse_article(json.dumps({**KILLS["native"][0], **content}).encode())
    assert (kill.version, kill.version_given, kill.title, kill.source) == (7, True, "t", "s")
    assert kill.published_at is not None
    assert kill.url == ""


def test_kill_whose_text_is_nested_too_deep_keeps_what_is_not() -> None:
    content = {"headline": "<b>It</b> rained", "body_html": DEEP, "version": 7}
    kill = parse_article(json.dumps({"guid": "<a1@wire>", **KILLS["ninjs"][0], **content}).encode())
    assert (kill.id, kill.version, kill.title, kill.text) == ("a1", 7, "It rained", "")
    del content["version"]
    kill = parse_article(
        json.dumps({"guid": "<a1@wire>", "pubstatus": "canceled", **content}).encode()
    )
    assert (kill.id, kill.version_given) == ("<a1@wire>", False)


@pytest.mark.parametrize("status", ["usable", "withheld", None])
@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("language", "language: "),
        ("embargoed", "embargoed_until: "),
        ("body_html", "HTML is nested more than 500 deep"),
    ],
)
def test_what_is_no_kill_is_rejected_for_what_cannot_be_read(
    field: str, said: str, status: Any
) -> None:
    content = {"uri": "a1", "headline": "t", "pubstatus": status, field: KILLS["ninjs"][1][field]}
    rejection = reject(json.dumps(content).encode())
    assert rejection.reason is RejectionReason.INVALID_ARTICLE
    assert said in rejection.detail


@pytest.mark.parametrize(
    "content",
    [
        {"status": "canceled", "text": ["x"]},
        {"id": 17, "status": "canceled", "text": ["x"]},
        {"id": "i" * 1025, "status": "canceled"},
        {"id": "a1", "status": ["canceled"], "text": ["x"]},
        {"id": "a1", "status": "cancel", "text": ["x"]},
        {"uri": "", "pubstatus": "canceled", "body_html": DEEP},
        {"uri": "a1", "pubstatus": "cancel", "body_html": DEEP},
    ],
)
def test_kill_needs_an_id_and_a_status(content: dict[str, Any]) -> None:
    assert reject(json.dumps(content).encode()).reason is RejectionReason.INVALID_ARTICLE


MADE = "2026-03-12T07:00:00Z"
MADE_AT = 1_773_298_800


def parse_native(**fields: Any) -> Article:
    return parse_article(write_article(**fields))


@pytest.mark.parametrize("version", [{}, {"version": None}, {"version": ""}])
def test_native_article_without_a_version_has_the_second_it_was_made(version: Any) -> None:
    article = parse_native(updated_at=MADE, published_at="2026-03-12T06:30:00Z", **version)
    assert (article.version, article.version_given) == (MADE_AT, True)


def test_native_version_is_the_number_if_there_is_one() -> None:
    assert parse_native(updated_at=MADE, version=1).version == 1
    assert parse_native(updated_at=MADE, version="2").version == 2


@pytest.mark.parametrize("fields", [{}, {"published_at": MADE}, {"updated_at": "at noon"}])
def test_native_article_with_neither_number_nor_date_has_no_version(fields: Any) -> None:
    article = parse_native(**fields)
    assert (article.version, article.version_given) == (1, False)


def test_native_kill_without_a_number_is_of_every_version_whenever_it_was_made() -> None:
    kill = parse_native(status="canceled", updated_at=MADE)
    assert (kill.version_given, kill.updated_at is not None) == (False, True)


@pytest.mark.parametrize("moment", ["yesterday", "26 Nov 2026", True, [MADE], {}, "2026-02-30"])
@pytest.mark.parametrize("status", ["usable", "withheld"])
def test_date_of_a_native_article_that_cannot_be_read_is_left_out(status: str, moment: Any) -> None:
    made = parse_native(status=status, published_at=moment, updated_at=MADE)
    assert (made.published_at, made.version) == (None, MADE_AT)
    published = parse_native(status=status, published_at=MADE, updated_at=moment)
    assert published.updated_at is None
    assert published.published_at is not None
    assert published.title == made.title == "The harvest festival opened"
    neither = parse_native(status=status, published_at=moment, updated_at=moment)
    assert (neither.published_at, neither.updated_at) == (None, None)


@pytest.mark.parametrize("status", ["usable", "withheld"])
@pytest.mark.parametrize(
    "field", ["embargoed_until", "version", "text", "title", "url", "language", "source", "status"]
)
def test_date_that_cannot_be_read_excuses_no_other_field(field: str, status: str) -> None:
    fields = {"status": status, "published_at": "soon", "updated_at": "soon", field: ["x"]}
    rejection = reject(write_article(**fields))
    assert rejection.reason is RejectionReason.INVALID_ARTICLE
    assert f"{field}: " in rejection.detail


def test_native_article_without_words_is_rejected_for_that_whatever_its_dates() -> None:
    assert reject(b'{"id": "a1", "published_at": "soon"}').reason is RejectionReason.NO_TEXT


def test_text_of_a_native_article_is_what_was_sent() -> None:
    assert parse_native(text=" <p>A &amp; B</p>\n").text == " <p>A &amp; B</p>\n"


def test_every_example_is_of_an_article_or_a_withdrawal() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*ARTICLES, *WITHDRAWALS}


@pytest.mark.parametrize("name", ARTICLES)
def test_same_article_has_the_same_labels_in_every_form(name: str) -> None:
    classifier = load_classifier()
    native = classifier.label_article(parse_article(read_example("native"))).labels
    assert native
    assert classifier.label_article(parse_article(read_example(name))).labels == native


@pytest.mark.parametrize("name", ARTICLES)
def test_evidence_quotes_the_text_that_was_extracted(name: str) -> None:
    article = parse_article(read_example(name))
    quoted = [
        (getattr(article, evidence.part)[evidence.start : evidence.end], evidence.quote)
        for label in load_classifier().label_article(article).labels
        for evidence in label.evidence
    ]
    assert quoted
    assert [text for text, _ in quoted] == [quote for _, quote in quoted]


def test_unknown_format_names_the_keys_that_read_as_names() -> None:
    detail = reject(
        b'{"headline": "It rained", "x-cms": 1, "_links": 1, "All day long.": 1, "": 1}'
    ).detail
    assert detail.endswith("its 5 top-level keys: headline, x-cms, _links")


def test_several_articles_in_one_message_are_not_read_in_part() -> None:
    articles = [json.loads(read_example("schema-org"))] * 3
    assert "3 articles" in reject(json.dumps(articles).encode()).detail


def test_detail_says_as_which_form_an_article_was_read() -> None:
    assert reject(change_example("ninjs-1.6", uri="")).detail.startswith("as ninjs: id: ")
    assert reject(change_example("arc-delete", story_id="")).detail.startswith("as Arc ANS: id: ")


def test_native_article_with_names_of_other_forms_is_native() -> None:
    value = write_article(uri="https://news.example/1", headline="h", slugline="s", type="story")
    assert parse_article(value).title == "The harvest festival opened"
