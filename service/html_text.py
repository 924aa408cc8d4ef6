"""HTML -> text with its paragraphs.

Read with lxml as a stream. HTML5 tree builders (selectolax) nest without bound and search what is
open again and again: 1 MiB of `<div>` took it over 8 s, the stream 0.04 s. The standard library's
`html.parser` takes 24 s for 64 KiB of `<a ` (Python 3.11).
"""

import re
from typing import Any

from lxml import etree

# Far beyond any article. An end tag that closes nothing is looked for in all that is open: without
# a bound half a mebibyte of them after as many `<b>` takes over 8 s, with this one 0.2 s.
DEPTH_MAX = 500
# Leaves room for elements that no tag begins: `<html>`, `<body>`, a paragraph of bare text.
_TAGS_SHALLOW = DEPTH_MAX // 2
# Bounds what is read after the depth is exceeded: lxml reports it only at the end of a feed.
_CHUNK_CHARACTERS = 16_384

# fmt: off
_PARAGRAPHS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "header", "hl1", "hl2", "hr", "html", "legend", "li", "main",
    "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
})
_NO_TEXT = frozenset({
    "applet", "canvas", "head", "iframe", "noembed", "noscript", "object", "script", "select",
    "style", "svg", "template", "textarea", "title",
})
# fmt: on
# A tag or a character reference; each alternative reads a character at most once.
_MARKUP = re.compile(
    r"</?[a-zA-Z][^<>]*>|<!--|&(?:[a-zA-Z]{2,32}|#[0-9]{1,7}|#[xX][\da-fA-F]{1,6});"
)


class HtmlTooDeepError(Exception):
    """Elements are nested deeper than in any article."""

    def __init__(self) -> None:
        super().__init__(f"HTML is nested more than {DEPTH_MAX} deep")


class _Paragraphs:
    """Gathers the text between the tags that lxml reports."""

    def __init__(self) -> None:
        self._paragraphs: list[str] = []
        self._pieces: list[str] = []
        self._depth = 0
        self._without_text = 0
        self._preformatted = 0

    def start(self, tag: str, _attributes: Any) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise HtmlTooDeepError
        self._without_text += tag in _NO_TEXT
        self._preformatted += tag == "pre"
        if tag == "br":
            self._pieces.append("\n")
        elif tag in _PARAGRAPHS:
            self._end_paragraph()

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._without_text -= tag in _NO_TEXT
        self._preformatted -= tag == "pre"
        if tag in _PARAGRAPHS:
            self._end_paragraph()

    def data(self, text: str) -> None:
        if not self._without_text:
            self._pieces.append(text if self._preformatted else text.replace("\n", " "))

    def close(self) -> str:
        self._end_paragraph()
        return "\n\n".join(self._paragraphs)

    def _end_paragraph(self) -> None:
        if not self._pieces:
            return
        lines = [" ".join(line.split()) for line in "".join(self._pieces).split("\n")]
        self._pieces.clear()
        # Two line breaks are how many editors write a new paragraph.
        text = re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
        if text:
            self._paragraphs.append(text)


def is_html(text: str) -> bool:
    """Tell whether a text of unknown kind has markup in it."""
    return _MARKUP.search(text) is not None


def blank_html(content: Any) -> Any:
    """Make the same JSON, with "" for each text that has tags enough to be nested too deep."""
    if isinstance(content, dict):
        return {name: blank_html(value) for name, value in content.items()}
    if isinstance(content, list):
        return [blank_html(value) for value in content]
    return "" if isinstance(content, str) and content.count("<") > _TAGS_SHALLOW else content


def extract_text(html: str) -> str:
    """Read the text of a piece of HTML, as a reader sees it.

    Args:
        html: a page or a fragment, however broken.

    Returns:
        Paragraphs with an empty line between them, `<br>` as a line break, other white space
        collapsed; nothing of scripts, styles and embedded frames.

    Raises:
        HtmlTooDeepError: its elements are nested more than DEPTH_MAX deep.
    """
    # lxml refuses lone surrogates, and to close what has read nothing.
    html = html.encode("utf-8", "replace").decode("utf-8")
    if not html.strip():
        return ""
    parser = etree.HTMLParser(target=_Paragraphs())
    for start in range(0, len(html), _CHUNK_CHARACTERS):
        parser.feed(html[start : start + _CHUNK_CHARACTERS])
    return str(parser.close())
