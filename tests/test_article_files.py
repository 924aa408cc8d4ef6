import io
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from service import article_files
from service.article_files import (
    ArticleFileError,
    FoundArticle,
    read_articles,
    read_lines,
    read_sources,
)
from service.feeds import FeedError
from tests.factories import write_article

FEEDS = Path(__file__).parent / "data" / "feeds"


def read(*names: object) -> tuple[list[FoundArticle], list[str]]:
    notes: list[str] = []
    return list(read_sources(map(str, names), notes.append)), notes


def test_line_of_jsonl_is_an_article_and_an_empty_one_counts(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.ndjson", "A.JSONL"):
        (tmp_path / name).write_bytes(b"one\n\n two\r\n{")
        assert list(read_articles(tmp_path / name)) == [b"one", b"", b" two\r", b"{"]


def test_text_is_an_article_with_the_name_of_its_file_as_id(tmp_path: Path) -> None:
    file = tmp_path / "4711.txt"
    file.write_bytes("It rained. خبر".encode() + b"\xff")
    (value,) = read_articles(file)
    assert json.loads(value) == {"id": "4711", "text": "It rained. خبر\ufffd"}


def test_names_of_files_that_are_no_utf_8_are_ids_and_differ(tmp_path: Path) -> None:
    for name in (b"caf\xe9.txt", b"caf\xe8.txt"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"It rained.")
    values, _ = read(tmp_path)
    assert [json.loads(value)["id"] for _, value in values] == ["caf\\xe8", "caf\\xe9"]


@pytest.mark.parametrize("name", ["a.json", "a.dat", "a", "newsml.xml"])
def test_any_other_file_is_one_article_as_it_is(tmp_path: Path, name: str) -> None:
    content = b"<newsItem>\n</newsItem>\n"
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) == ([(f"{tmp_path / name}:1", content)], [])


@pytest.mark.parametrize("name", ["a.rss", "a.atom", "a.xml"])
def test_feed_in_a_file_has_an_article_for_each_entry(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes((FEEDS / "atom-1.0.xml").read_bytes())
    found, notes = read(tmp_path / name)
    assert [place for place, _ in found] == [f"{tmp_path / name}:{number}" for number in (1, 2)]
    assert notes == []


def test_feed_that_cannot_be_read_names_its_file(tmp_path: Path) -> None:
    file = tmp_path / "endless.rss"
    file.write_bytes(b"<rss>" + b"<a/>" * 300_000)
    with pytest.raises(FeedError, match=rf"^{file}: a feed may have 200,000 elements"):
        read(file)


def test_folder_is_read_sorted_without_what_is_hidden_or_unknown(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".hidden.json", "photo.jpg", "sub/c.txt", ".git/d.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "sub.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    found, notes = read(tmp_path)
    names = [Path(place).relative_to(tmp_path).as_posix() for place, _ in found]
    assert names == ["a.json:1", "b.json:1", "sub/c.txt:1"]
    assert [note.split(",")[0] for note in notes] == [f"{tmp_path / 'photo.jpg'}: left out"]


def test_missing_file_is_found_out_before_the_first_is_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        read_sources([str(tmp_path), str(tmp_path / "missing.json")])


class Endless(io.RawIOBase):
    """Standard input that never ends; counts what was taken from it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        piece = (write_article() + b"\n") * 50
        size = min(len(view), len(piece))
        view[:size] = piece[:size]
        self.taken += size
        return size


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endless]:
    source = Endless()
    with io.TextIOWrapper(io.BufferedReader(source)) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield source


def test_endless_standard_input_is_read_no_further_than_asked_for(endless: Endless) -> None:
    found = list(islice(read_sources(["-"]), 100))
    assert {value for _, value in found} == {write_article()}
    assert found[-1].place == "standard input:100"
    assert endless.taken < 1_000_000


def test_line_is_handed_on_before_the_next_has_come() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as sender:
        lines = read_lines(stream, "pipe")
        for line in (b"one", b"two"):
            sender.write(line + b"\n")
            assert next(lines) == line


def test_what_never_ends_is_refused_at_the_longest_that_can_be_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(article_files, "ARTICLE_MAX_BYTES", 10)
    file = tmp_path / "a.json"
    file.write_bytes(b"x" * 11)
    with pytest.raises(ArticleFileError, match=r"a\.json: longer than an article may be"):
        list(read_articles(file))
    lines = read_lines(io.BytesIO(b"x" * 9 + b"\n" + b"x" * 99), "input")
    assert next(lines) == b"x" * 9
    with pytest.raises(ArticleFileError, match="input:2: longer than an article may be"):
        next(lines)
