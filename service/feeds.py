"""RSS and Atom -> articles in the native form.

feedparser knows the feeds of this world, but not its enemies: 2 MB of letters in `<author>` or
200,000 attributes stall it for minutes, and `<gml:pos>` in the wrong place is a KeyError
(6.0.14). So libxml2 reads the XML first, within bounds and without a DTD's entities, and
feedparser gets only the few elements that make an article.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import escape
from html.entities import html5
from time import struct_time
from typing import Any
from xml.parsers import expat

import feedparser
from lxml import etree

from service.fields import derive_version, read_line, read_text, read_url, read_words
from service.html_text import HtmlTooDeepError

FEED_MAX_BYTES = 10_000_000
# Ten times those of a feed of 10 MB whose elements have 500 bytes each; feedparser takes about
# 15 µs for one.
ELEMENTS_MAX = 200_000

_ROOTS = frozenset({"rss", "RDF", "feed"})
_CONTAINERS = _ROOTS | {"channel", "item", "entry"}
_TEXTS = frozenset({"content", "description", "encoded", "subtitle", "summary", "tagline", "title"})
_LINES = frozenset(
    {
        *("guid", "id", "language", "link"),
        *("created", "date", "issued", "modified", "pubDate", "published", "updated"),
    }
)
_XML = "{http://www.w3.org/XML/1998/namespace}"
_ATTRIBUTES = (
    *("href", "isPermaLink", "mode", "rel", "type", "version", f"{_XML}base", f"{_XML}lang"),
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about",
)
_ENTITY = re.compile(r"&(\w+);")
_PREDEFINED = frozenset({"amp", "apos", "gt", "lt", "quot"})
_CHUNK_BYTES = 65_536


class FeedError(Exception):
    """This feed cannot be read; says why."""


class NotAFeedError(FeedError):
    """This is no RSS or Atom."""

    def __init__(self) -> None:
        super().__init__("this is no RSS or Atom feed")


def read_feed(content: bytes, url: str, note: Callable[[str], None]) -> Iterator[bytes]:
    """Read a feed: one article in the native form for each entry, in the feed's order.

    Args:
        content: the XML as it came.
        url: where it came from, to which its links may be relative; "" if unknown.
        note: is told what was left out, and why.

    Raises:
        NotAFeedError: it is something else.
        FeedError: it is larger than FEED_MAX_BYTES, or has more elements than ELEMENTS_MAX.
    """
    feed = feedparser.parse(
        # feedparser opens a file whose name the bytes are; of a stream it only reads.
        io.BytesIO(_extract_articles(content, note)),
        # What it does to HTML is made for browsers; `extract_text` reads it anyway.
        sanitize_html=False,
        resolve_relative_uris=False,
        response_headers={
            "content-type": "application/xml; charset=utf-8",
            **({"content-location": url} if url else {}),
        },
    )
    for number, entry in enumerate(feed.entries, 1):
        try:
            article = _read_entry(entry, feed.feed)
        except HtmlTooDeepError as error:
            note(f"entry {number} left out: {error}")
            continue
        yield json.dumps(article, ensure_ascii=False).encode("utf-8", "replace")


def _read_entry(entry: Any, feed: Any) -> dict[str, Any]:
    title = entry.get("title_detail", {})
    texts = [*entry.get("content", []), entry.get("summary_detail", {})]
    published = _read_moment(entry, "published_parsed", "created_parsed")
    updated = _read_moment(entry, "updated_parsed")
    fields = {
        "id": read_words(entry.get("id")) or read_words(entry.get("link")),
        "version": derive_version(None, updated or published) or 1,
        "url": read_url(entry.get("link"), entry.get("id")),
        "title": read_line(title.get("value"), title.get("type", "")),
        "text": next(
            filter(None, (read_text(each.get("value"), each.get("type", "")) for each in texts)), ""
        ),
        "language": next(
            filter(None, (each.get("language") for each in (*texts, title, feed))), ""
        ),
        "source": read_line(feed.get("title")),
        "published_at": published and published.isoformat(),
        "updated_at": updated and updated.isoformat(),
    }
    return {name: value for name, value in fields.items() if value}


def _read_moment(entry: Any, *names: str) -> datetime | None:
    for name in names:
        # Asked with `in` first: feedparser gives `published` for an `updated` that is missing.
        moment = entry[name] if name in entry else None  # noqa: SIM401
        if isinstance(moment, struct_time):
            try:
                return datetime(*moment[:6], tzinfo=UTC)
            except ValueError:
                continue
    return None


def _extract_articles(content: bytes, note: Callable[[str], None]) -> bytes:
    """Read the XML and write it anew with nothing but what makes an article."""
    if len(content) > FEED_MAX_BYTES:
        raise FeedError(f"a feed may have {FEED_MAX_BYTES:,} bytes; this one has {len(content):,}")
    root, parser = _parse_xml(content)
    for error in parser.feed_error_log:
        note(f"no well-formed XML (line {error.line}: {error.message}); read as far as it goes")
        break
    _prune(root)
    etree.cleanup_namespaces(root)
    # libxml2 lets `&#xD83D;` pass, half a character, which some write in place of a whole one.
    text = etree.tostring(root, encoding="utf-8").decode("utf-8", "replace")
    written = _ENTITY.sub(_replace_entity, text).encode()
    try:
        # What expat refuses feedparser would read with a parser of its own, which has no bounds.
        expat.ParserCreate(namespace_separator=" ").Parse(written, True)  # noqa: FBT003, takes no names
    except expat.ExpatError as error:
        raise FeedError(f"this is no XML that can be mended: {error}") from None
    return written


def _parse_xml(content: bytes) -> tuple[Any, Any]:
    # Entities are left as they are, so nothing is fetched nor multiplied; those in attributes
    # libxml2 bounds, like depth (256). Feeds that are cut off or badly written are common.
    parser = etree.XMLPullParser(
        events=("start",), recover=True, resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    root, elements = None, 0
    for start in range(0, len(content), _CHUNK_BYTES):
        parser.feed(content[start : start + _CHUNK_BYTES])
        for _, element in parser.read_events():
            root = element if root is None else root
            if _name(root) not in _ROOTS:
                raise NotAFeedError
            elements += 1
            if elements > ELEMENTS_MAX:
                raise FeedError(f"a feed may have {ELEMENTS_MAX:,} elements; this one has more")
    if root is None:
        raise NotAFeedError
    parser.close()
    return root, parser


def _prune(element: Any) -> None:
    kept = {name: element.get(name) for name in _ATTRIBUTES if name in element.attrib}
    element.attrib.clear()
    element.attrib.update(kept)
    name = _name(element)
    if name in _TEXTS:
        for inner in element.iterdescendants(etree.Element):
            inner.attrib.clear()
            if ":" in _name(inner):
                inner.tag = _name(inner).rpartition(":")[2]
        return
    for child in list(element):
        if name in _CONTAINERS and _name(child) in _CONTAINERS | _TEXTS | _LINES:
            _prune(child)
        elif child.tag is not etree.Entity:
            element.remove(child)


def _name(element: Any) -> str:
    # A prefix that is declared nowhere stays in the name, and so is none that we know.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _replace_entity(found: re.Match[str]) -> str:
    if found[1] in _PREDEFINED:
        return found[0]
    return escape(html5.get(f"{found[1]};", ""))
