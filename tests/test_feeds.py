import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.feeds import (
    ELEMENTS_MAX,
    FEED_MAX_BYTES,
    FeedError,
    NotAFeedError,
    read_feed,
)
from service.formats import parse_article

FEEDS = Path(__file__).parent / "data" / "feeds"


@pytest.fixture(autouse=True, scope="module")
def _only_the_strict_parser() -> Iterator[None]:
    """feedparser's loose one works without bounds: nothing may come to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr("feedparser.api.LooseFeedParser")
        yield


def read(content: bytes, url: str = "") -> tuple[list[dict[str, Any]], list[str]]:
    notes: list[str] = []
    articles = [json.loads(value) for value in read_feed(content, url, notes.append)]
    return articles, notes


def item(*elements: str, before: str = "") -> bytes:
    channel = f"<channel><item>{''.join(elements)}</item></channel>"
    return f'{before}<rss version="2.0">{channel}</rss>'.encode()


def test_each_item_of_rss_is_one_native_article() -> None:
    articles, notes = read((FEEDS / "rss-2.0.xml").read_bytes())
    assert notes == []
    assert articles == [
        {
            "id": "urn:newsroom:2024:4711",
            "version": 1704258000,
            "url": "https://news.example/4711",
            "title": "Tehreek-e-Taliban Pakistan (TTP) attacks a police post",
            "text": "The Tehreek-e-Taliban Pakistan (TTP) said it had attacked the post & taken "
            "weapons.\n\nKabul denies it.",
            "language": "en-GB",
            "source": "Example News & Views",
            "published_at": "2024-01-03T04:30:00+00:00",
            "updated_at": "2024-01-03T05:00:00+00:00",
        },
        {
            "id": "https://news.example/4712",
            "version": 1,
            "url": "https://news.example/4712",
            "title": "The harvest festival opened",
            "text": "It rained.\n\nAll day.",
            "language": "en-GB",
            "source": "Example News & Views",
        },
    ]


def test_each_entry_of_atom_is_one_native_article() -> None:
    articles, notes = read((FEEDS / "atom-1.0.xml").read_bytes())
    assert notes == []
    assert articles == [
        {
            "id": "tag:news.example,2024:4711",
            "version": 1704258000,
            "url": "https://news.example/4711",
            "title": "Police post attacked",
            "text": "The post & its weapons.\n\nKabul denies it.",
            "language": "ur",
            "source": "مثال",
            "published_at": "2024-01-03T04:30:00+00:00",
            "updated_at": "2024-01-03T05:00:00+00:00",
        },
        {
            "id": "tag:news.example,2024:4712",
            "version": 1704256200,
            "title": "Less <b> is more",
            "text": "Two < three",
            "language": "ur",
            "source": "مثال",
            "published_at": "2024-01-03T04:30:00+00:00",
        },
    ]


@pytest.mark.parametrize("path", sorted(FEEDS.iterdir()), ids=lambda path: path.name)
def test_every_entry_of_the_examples_is_an_article_to_the_service(path: Path) -> None:
    for value in read_feed(path.read_bytes(), "", print):
        assert parse_article(value).id == json.loads(value)["id"]


def test_feed_published_again_has_the_same_versions_and_a_changed_entry_a_higher_one() -> None:
    content = (FEEDS / "atom-1.0.xml").read_bytes()
    later = content.replace(
        b"05:00:00Z</updated>\n    <summary", b"06:00:00Z</updated>\n    <summary"
    )
    versions = [article["version"] for article in read(content)[0]]
    assert [article["version"] for article in read(content)[0]] == versions
    assert read(later)[0][0]["version"] > versions[0]


def test_links_are_relative_to_where_the_feed_came_from() -> None:
    (article,), _ = read(item("<link>/4711</link><title>t</title>"), "https://news.example/rss")
    assert article["url"] == article["id"] == "https://news.example/4711"


def test_entry_without_id_and_link_is_left_to_the_service_to_reject() -> None:
    (article,), _ = read(item("<title>t</title>"))
    assert article == {"version": 1, "title": "t"}


def test_words_that_name_characters_are_characters_though_xml_does_not_know_them() -> None:
    (article,), notes = read(item("<title>Caf&eacute;&nbsp;&unknown;!</title><guid>g</guid>"))
    assert article["title"] == "Café !"
    assert "read as far as it goes" in notes[0]


def test_feed_that_is_cut_off_is_read_as_far_as_it_goes_and_that_is_said() -> None:
    content = (FEEDS / "rss-2.0.xml").read_bytes()
    articles, (note,) = read(content[: content.index(b"<title>The harvest") + 20])
    assert [article.get("title", "")[:8] for article in articles] == ["Tehreek-", "The harv"]
    assert "no well-formed XML (line 22: " in note


def test_entry_of_endless_html_is_left_out_and_that_is_said() -> None:
    deep = "<description>" + "&lt;div&gt;" * 600 + "</description>"
    content = item(f"{deep}</item><item><guid>2</guid>")
    articles, notes = read(content)
    assert [article["id"] for article in articles] == ["2"]
    assert notes == ["entry 1 left out: HTML is nested more than 500 deep"]


def test_half_characters_do_not_spoil_the_feed() -> None:
    (article,), _ = read(item("<title>It &#xD83D;&#xDE00; rained\x01</title>"))
    assert article["title"].startswith("It ")
    assert article["title"].endswith(" rained")


def test_prefix_that_is_declared_nowhere_hides_no_words_of_a_text() -> None:
    (article,), _ = read(item("<description><o:b>It</o:b> rained.</description>"))
    assert article["text"] == "It rained."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"It rained.",
        b'{"id": "a1", "title": "t"}',
        b"<nitf><head/></nitf>",
        b'<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/"><rss/></newsItem>',
        b"<!DOCTYPE html><p>It rained.",
        b"\x00" * 100,
        "<nitf/>".encode("utf-16"),
    ],
)
def test_what_is_no_feed_is_told_from_a_feed(content: bytes) -> None:
    with pytest.raises(NotAFeedError):
        read(content)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_feed_is_read_in_the_encoding_it_declares(encoding: str) -> None:
    text = item("<title>café</title>").decode()
    (article,), _ = read(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding))
    assert article["title"] == "café"


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what was asked of it."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_outside_the_feed_is_read_for_it(
    asked: tuple[str, list[str]], tmp_path: Path
) -> None:
    server, paths = asked
    secret = tmp_path / "secret.txt"
    secret.write_text("Zanzibar")
    content = item(
        "<title>t &file; &http; %outside;</title><guid>g</guid>",
        "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='", secret.as_uri(), "'/>",
        before=f'<?xml version="1.0"?><?xml-stylesheet href="{server}/style"?>'
        f'<!DOCTYPE rss SYSTEM "{server}/dtd" [<!ENTITY file SYSTEM "{secret.as_uri()}">'
        f'<!ENTITY http SYSTEM "{server}/entity"><!ENTITY % outside SYSTEM "{server}/parameter">'
        "%outside;]>",
    )  # fmt: skip
    (article,), _ = read(content)
    assert article["title"] == "t %outside;"
    assert paths == []


MEGABYTES = 9_900_000


def fill(start: str, repeated: str, end: str = "") -> bytes:
    count = (MEGABYTES - len(start) - len(end)) // len(repeated.encode())
    return (start + repeated * count + end).encode()


def number(name: str, count: int) -> str:
    return " ".join(f"{name}{each}='u'" for each in range(count))


def laugh(use: str) -> bytes:
    powers = "".join(f'<!ENTITY a{each} "{f"&a{each - 1};" * 10}">' for each in range(1, 20))
    return item(use, before=f'<!DOCTYPE rss [<!ENTITY a0 "ha">{powers}]>')


ITEM = '<rss version="2.0"><channel><item><guid>g</guid>'
HOSTILE = {
    "billion_laughs": laugh("<title>&a19;</title>"),
    "billion_laughs_in_an_attribute": laugh('<title type="&a19;">t</title>'),
    "billion_laughs_of_parameters": b'<!DOCTYPE rss [<!ENTITY % a0 "<!ENTITY x \'1\'>">'
    + b"".join(
        b"<!ENTITY %% a%d '%s'>" % (each, b"&#37;a%d;" % (each - 1) * 10) for each in range(1, 20)
    )
    + b"%a19;]>"
    + item("<title>t</title>"),
    "quadratic_blow_up": fill(
        f'<!DOCTYPE rss [<!ENTITY a "{"a" * 4_000_000}">]>{ITEM}<title>', "&a;"
    ),
    "quadratic_blow_up_in_attributes": fill(
        f'<!DOCTYPE rss [<!ENTITY a "{"a" * 4_000_000}">]>{ITEM}<title type="', "&a;"
    ),
    "entities_unknown": fill(f"{ITEM}<title>", "&a;"),
    "ampersands": fill(f"{ITEM}<title>", "&"),
    "less_than": fill(f"{ITEM}<title>", "<"),
    "deep": fill("<rss>", "<a>"),
    "deep_in_content": fill(f"{ITEM}<description>", "<p>"),
    "deep_items": fill("<rss>", "<item>"),
    "deep_html": fill(f"{ITEM}<description>", "&lt;p>", "</description></item></channel></rss>"),
    "elements": fill(ITEM, "<a/>"),
    "attributes": f"{ITEM}<title {number('a', 600_000)}>t</title>".encode(),
    "attributes_of_the_item": f"<rss><item {number('a', 600_000)}><guid>g</guid>".encode(),
    "attribute_again_and_again": fill(f"{ITEM}<title ", "type='' "),
    "name_spaces": f"<rss {number('xmlns:a', 500_000)}>{ITEM}".encode(),
    "end_tags": fill(ITEM, "</a>"),
    "comments": fill(ITEM, "<!---->"),
    "instructions": fill(ITEM, "<?a?>"),
    "letters_in_the_author": fill(f"{ITEM}<author>", "a", "</author></item></channel></rss>"),
    "positions": item("<gml:pos xmlns:gml='http://www.opengis.net/gml'>1 2</gml:pos>"),
    "nul": b"<rss>" + b"\x00" * MEGABYTES,
    "white_space": fill("<rss>", " "),
    "document_type": fill("<!DOCTYPE rss [", "<!ELEMENT a (b)>"),
    "utf_16_of_the_feed": item("<title>t</title>").decode().encode("utf-16-be"),
} | {
    f"{element}_of_{name}": fill(
        f"{ITEM}<{element}>", filling, f"</{element}></item></channel></rss>"
    )
    for element in ("title", "description", "pubDate", "updated", "link", "guid")
    for name, filling in {
        "letters": "a", "digits": "1", "tags": "&lt;", "dashes": "1-", "links": "http://[",
    }.items()
}  # fmt: skip


# As the text they are handed on in is bounded too, this ends; without a bound some take hours.
@pytest.mark.slow
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_feed_is_read_or_refused_in_bounded_work(content: bytes) -> None:
    assert len(content) < FEED_MAX_BYTES
    try:
        articles, _notes = read(content)
    except FeedError:
        return
    assert len(json.dumps(articles, ensure_ascii=False)) < 2 * FEED_MAX_BYTES


def test_feed_of_too_many_bytes_is_refused_unread() -> None:
    with pytest.raises(FeedError, match="10,000,000 bytes; this one has 10,000,001"):
        read(b"<" * (FEED_MAX_BYTES + 1))


def test_feed_of_too_many_elements_is_refused() -> None:
    with pytest.raises(FeedError, match="200,000 elements"):
        read(b"<rss>" + b"<a/>" * ELEMENTS_MAX)


PIECES = [
    *("<rss version='2.0'>", "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"),
    "<feed xmlns='http://www.w3.org/2005/Atom'>", "<channel>", "<item>", "<entry>", "</entry>",
    *("</item>", "</channel>", "<title>", "<title type='html' mode='base64'>", "</title>", "</a>"),
    *("<link href='http://[' rel='alternate'/>", "<link>", "</link>", "http://[::", "<guid>"),
    *("</guid>", "<id>", "</id>", "<content type='xhtml' mode='xml'>", "<content src='x'/>"),
    *("</content>", "<description>", "</description>", "<pubDate>", "</pubDate>", "<updated>"),
    *("</updated>", "0000-00-00T25:61:61Z", "Wed, 31 Feb 99999 10:00 EST", "2024-W60", "20240103"),
    *("<p xml:lang='' xml:base='::'>", "<div>", "</div>", "<image>", "<author>", "<svg>", "</svg>"),
    *("<gml:pos>", "<media:title>", "<media:content>", "&lt;p&gt;", "&nbsp;", "&", "<", "]]>"),
    *("<![CDATA[", "<!--", "\x00", "é", " ", "x", "<language>", "</language>", "<summary>"),
    *("<x:title xmlns:x='http://purl.org/dc/elements/1.1/'>", "<dc:date>", "</dc:date>"),
]  # fmt: skip


@given(st.sampled_from(PIECES[:3]), st.lists(st.sampled_from(PIECES), max_size=25))
@example(PIECES[0], ["<item>", "<link>", "http://[::", "</link>"])
def test_any_feed_is_read_or_refused(root: str, pieces: list[str]) -> None:
    try:
        articles, _notes = read(f"{root}{''.join(pieces)}".encode(), "http://127.0.0.1/")
    except FeedError:
        return
    assert all(isinstance(article["version"], int) for article in articles)
