import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service import html_text
from service.html_text import DEPTH_MAX, HtmlTooDeepError, blank_html, extract_text, is_html

PIECES = [
    *("<p>", "</p>", "<br>", "<b>", "</b>", "<table>", "<td", "<script>", "</script>", "<!--"),
    *("-->", "&amp;", "&am", "&#xD800;", "&#0;", "<![CDATA[", "]]>", "<a href='", "'>", "</"),
    *("\x00", "\x01", "\n", " x ", "é", "😀", "\ud800", "\ufffe"),
]
html_of_pieces = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("<div>One.<p>Two.</div>Three.", "One.\n\nTwo.\n\nThree."),
        ("<h2>Head</h2>\n<ul>\n<li>One</li>\n<li>Two</li>\n</ul>", "Head\n\nOne\n\nTwo"),
        ("<nitf><body.content><hl2>Head</hl2><block><p>One.</p></block>", "Head\n\nOne."),
        ("<table><tr><td>One</td><td>Two</td></tr></table>", "One\n\nTwo"),
    ],
)
def test_paragraphs_are_kept_apart(html: str, text: str) -> None:
    assert extract_text(html) == text


def test_line_break_is_a_line_and_two_are_a_paragraph() -> None:
    assert extract_text("One<br>two<br/>\n<br><br>three<br>") == "One\ntwo\n\nthree"


def test_white_space_is_collapsed_as_a_reader_sees_it() -> None:
    assert extract_text("<p>\n  One\n  <b>two</b>&nbsp; three\t</p>") == "One two three"


def test_words_in_inline_markup_are_not_torn_apart() -> None:
    assert extract_text("<p><b>T</b>ehreek<i>-e-</i>Taliban") == "Tehreek-e-Taliban"


def test_preformatted_text_keeps_its_lines() -> None:
    assert extract_text("<pre>One\ntwo\n\nthree</pre>") == "One\ntwo\n\nthree"


@pytest.mark.parametrize(
    "element", ["script", "style", "iframe", "noscript", "svg", "template", "title", "textarea"]
)
def test_what_no_reader_sees_is_left_out(element: str) -> None:
    html = f"<p>One.<{element}>alert('&lt;Two&gt;')</{element}></p><p>Three.</p>"
    assert extract_text(html) == "One.\n\nThree."


def test_character_references_are_characters() -> None:
    assert extract_text("&ldquo;Tea &amp; caf&#233;&#x201D; &copy 2024") == "“Tea & café” © 2024"


def test_entities_that_a_document_defines_are_not_expanded() -> None:
    assert extract_text("<!DOCTYPE p [<!ENTITY a 'ha'>]><p>&a; b") == "]>\n\n&a; b"


def test_reference_to_half_a_character_is_no_surrogate() -> None:
    assert extract_text("a&#xD800;b&#0;c\x00d") == "a\ufffdb\ufffdc\ufffdd"


@pytest.mark.parametrize("html", ["", " \n", "<!-- nothing -->", "<p></p>", "<script>x"])
def test_html_without_text_has_none(html: str) -> None:
    assert extract_text(html) == ""


def test_html_is_read_to_the_depth_that_is_allowed_and_no_deeper() -> None:
    # `html` and `body` are implied.
    assert extract_text("<div>" * (DEPTH_MAX - 2) + "x") == "x"
    with pytest.raises(HtmlTooDeepError, match=str(DEPTH_MAX)):
        extract_text("<div>" * (DEPTH_MAX - 1) + "x")


def test_paragraphs_that_are_never_closed_are_not_nested() -> None:
    assert extract_text("<p>x" * 2000).count("x") == 2000


@given(html_of_pieces)
@example("<!--")
@example("\x00")
def test_any_html_has_a_text_that_can_be_written(html: str) -> None:
    extract_text(html).encode("utf-8")


@given(st.text())
def test_any_text_can_be_asked_whether_it_is_html(text: str) -> None:
    assert is_html(text) in (True, False)


@given(html_of_pieces, st.integers(1, 7))
def test_text_does_not_depend_on_where_the_reading_is_cut(html: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = extract_text(html)
        patch.setattr(html_text, "_CHUNK_CHARACTERS", chunk)
        assert extract_text(html) == whole


@pytest.mark.parametrize("text", ["<p>x", "x<br/>y", "A &amp; B", "&#8211;", "x</b>", "<!-- x -->"])
def test_markup_is_recognised(text: str) -> None:
    assert is_html(text)


@pytest.mark.parametrize("text", ["", "1 < 2", "A & B", "a <3 b", "R&D; x", "<", "&#;", "<>"])
def test_plain_text_is_recognised(text: str) -> None:
    assert not is_html(text)


def test_only_texts_that_may_be_nested_too_deep_are_blanked() -> None:
    shallow = "<b>" * (DEPTH_MAX // 2)
    content = {"id": "<a1@wire>", "texts": [shallow, shallow + "<"], "count": 7, "none": None}
    assert blank_html(content) == {**content, "texts": [shallow, ""]}


@given(
    st.lists(st.sampled_from(["<p>", "<td>", "<b", "<body>", "</p>", "</b>", "x", "<option>"]))
    | st.lists(st.sampled_from(["<div>", "x", "<li>"]), min_size=300, max_size=600)
)
@example(["<div>"] * (DEPTH_MAX - 1))
def test_what_is_not_blanked_can_be_read(pieces: list[str]) -> None:
    assert extract_text(blank_html("".join(pieces))) is not None
