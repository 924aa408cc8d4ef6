"""Files, folders, feeds and standard input -> the articles in them, read as they are needed."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from service.feed_download import fetch_feed
from service.feeds import FeedError, NotAFeedError, read_feed
from service.producers import PRODUCER_MAX_REQUEST_BYTES

STANDARD_INPUT = "-"
# What the producer could not send either.
ARTICLE_MAX_BYTES = PRODUCER_MAX_REQUEST_BYTES
_LINES = frozenset({".jsonl", ".ndjson"})
_XML = frozenset({".atom", ".rss", ".xml"})
_SUFFIXES = _LINES | _XML | {".json", ".txt"}

Note = Callable[[str], None]


class ArticleFileError(Exception):
    """What was given cannot be read; says what and why."""


class FoundArticle(NamedTuple):
    """The bytes of an article in any form, and where it was found, for people."""

    place: str
    value: bytes


def print_note(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"beatwatch: {text}\n")


def read_sources(names: Iterable[str], note: Note = print_note) -> Iterator[FoundArticle]:
    """Read the articles of files, folders, feeds and standard input, in this order, lazily.

    Args:
        names: of a folder all files with a suffix that we know, sorted, hidden ones left out;
            `-` is JSONL on standard input; what begins with http:// or https:// is a feed there.
        note: is told what was left out, and why.

    Raises:
        ArticleFileError: a line or a file is longer than ARTICLE_MAX_BYTES.
        FeedError: a feed cannot be fetched or read.
        OSError: a file is not there, which is found out before the first is read.
    """
    named = list(names)
    for name in named:
        if name != STANDARD_INPUT and not _is_url(name):
            Path(name).stat()
    return _read_named(named, note)


def read_articles(path: Path, note: Note = print_note) -> Iterator[bytes]:
    """Read the articles of one file, in any form: they are checked where they arrive.

    Args:
        path: `.jsonl` and `.ndjson` have one article a line; `.txt` is the text of one article
            whose id is the file's name; `.rss`, `.atom` and `.xml` have one article for each
            entry if they are feeds; anything else is one article.
        note: as for `read_sources`.

    Raises:
        ArticleFileError, FeedError, OSError: as `read_sources`.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as stream:
        if suffix in _LINES:
            yield from read_lines(stream, str(path))
            return
        content = stream.read(ARTICLE_MAX_BYTES + 1)
    if len(content) > ARTICLE_MAX_BYTES:
        raise ArticleFileError(f"{path}: longer than an article may be ({ARTICLE_MAX_BYTES} bytes)")
    if suffix in _XML:
        yield from _read_xml(content, path, note)
    elif suffix == ".txt":
        text = content.decode("utf-8", errors="replace")
        # A name that is no UTF-8 is still an id, and not that of another such name.
        name = os.fsencode(path.stem).decode(errors="backslashreplace")
        yield json.dumps({"id": name, "text": text}, ensure_ascii=False).encode()
    else:
        yield content


def read_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Read JSONL as it comes; an empty line counts, only the end of the last does not.

    Raises:
        ArticleFileError: a line is longer than ARTICLE_MAX_BYTES.
    """
    for number in count(1):
        line = stream.readline(ARTICLE_MAX_BYTES + 1)
        if not line:
            return
        if len(line) > ARTICLE_MAX_BYTES:
            raise ArticleFileError(
                f"{name}:{number}: longer than an article may be ({ARTICLE_MAX_BYTES} bytes)"
            )
        yield line.removesuffix(b"\n")


def _read_named(names: list[str], note: Note) -> Iterator[FoundArticle]:
    for name in names:
        if name == STANDARD_INPUT:
            yield from _place(read_lines(sys.stdin.buffer, "standard input"), "standard input")
        elif _is_url(name):
            yield from _place(_read_url(name, note), name)
        elif Path(name).is_dir():
            for path in _list_files(Path(name), note):
                yield from _place(read_articles(path, note), str(path))
        else:
            yield from _place(read_articles(Path(name), note), name)


def _place(values: Iterator[bytes], name: str) -> Iterator[FoundArticle]:
    return (FoundArticle(f"{name}:{number}", value) for number, value in enumerate(values, 1))


def _is_url(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _read_url(url: str, note: Note) -> Iterator[bytes]:
    content, came_from = fetch_feed(url)
    try:
        yield from read_feed(content, came_from, lambda text: note(f"{url}: {text}"))
    except FeedError as error:
        raise FeedError(f"{url}: {error}") from error


def _read_xml(content: bytes, path: Path, note: Note) -> Iterator[bytes]:
    try:
        yield from read_feed(content, "", lambda text: note(f"{path}: {text}"))
    except NotAFeedError:
        # NewsML-G2, NITF: rejected where all other articles are, with a reason and kept.
        yield content
    except FeedError as error:
        raise FeedError(f"{path}: {error}") from error


def _list_files(folder: Path, note: Note) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(each for each in files if not each.startswith(".")):
            path = Path(place, name)
            if path.suffix.lower() not in _SUFFIXES:
                note(f"{path}: left out, of a folder only {', '.join(sorted(_SUFFIXES))} are read")
            elif path.is_file():
                yield path


def _raise(error: OSError) -> None:
    raise error
