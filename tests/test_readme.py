import json
import re
import tomllib

import pytest

from service.formats import RejectedArticleError, parse_article
from service.html_text import DEPTH_MAX
from service.messages import RejectionReason
from service.settings import CHECKOUT
from tests.format_examples import FOLDER, change_example, read_example
from tests.readme_tables import README, renew

TEXT = README.read_text(encoding="utf-8")


def test_tables_say_what_the_code_says() -> None:
    assert renew(TEXT) == TEXT, "run `.venv/bin/python -m tests.readme_tables`"


def test_every_rejection_reason_tells_the_producer_what_to_do() -> None:
    section = TEXT.split("## What is rejected")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(RejectionReason)


def test_every_dependency_has_its_reason() -> None:
    pyproject = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    project = pyproject["project"]
    declared = [
        *project["dependencies"],
        *project["optional-dependencies"]["kafka"],
        *pyproject["dependency-groups"]["dev"],
    ]
    section = TEXT.split("## What it is built with")[1].split("\n## ")[0]
    for requirement in declared:
        name = re.split(r"[\[=<>]", requirement)[0]
        assert f"`{name}`" in section, f"{name} has no line in the README"


def test_files_and_targets_that_are_named_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)", TEXT)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"
    for path in set(re.findall(r"`((?:service|seeds|models|tests|benchmarks)/[\w./-]*)`", TEXT)):
        assert (CHECKOUT / path).exists(), path


def test_table_of_forms_links_every_example_and_names_every_reason() -> None:
    section = TEXT.split("### What you send")[1].split("\n## ")[0]
    linked = set(re.findall(r"\]\((tests/data/formats/[\w.-]+\.json)\)", section))
    assert linked == {str(path.relative_to(CHECKOUT)) for path in FOLDER.iterdir()}
    assert set(re.findall(r"`(\w+)`", section)) & set(RejectionReason) == {
        RejectionReason.EMPTY_MESSAGE,
        RejectionReason.XML_NOT_SUPPORTED,
        RejectionReason.BINARY_NOT_SUPPORTED,
        RejectionReason.UNKNOWN_FORMAT,
        RejectionReason.INVALID_ARTICLE,
        RejectionReason.NO_TEXT,
    }
    assert f"more than {DEPTH_MAX} deep" in section


EVENT = {"specversion": "1.0", "id": "e1", "source": "/cms", "type": "published"}
# By the beginning of a row of the table of forms: what its last cell says is rejected, in order.
REJECTED_FORMS: dict[str, list[object]] = {
    "[CloudEvents]": [EVENT, {**EVENT, "data": {**EVENT, "data": {}}}, [{**EVENT, "data": {}}]],
    "behind Confluent's": [b"\x00\x00\x00\x00\x07\x04a1\x02t", b"\x01" + b"\x07" * 16 + b"\x04a1"],
    "IPTC ninjs": [
        change_example("ninjs-3.1", uri=None),
        change_example("ninjs-1.6", pubstatus="spiked"),
        change_example("ninjs-3.1", embargoedUntil="soon"),
    ],
    "[Superdesk]": [],
    "[AP Media API]": [{"api_version": "1", "data": {"items": [{"item": {}}, {"item": {}}]}}],
    "schema.org NewsArticle": [
        [json.loads(read_example("schema-org"))] * 2,
        {"@type": "NewsArticle", "@id": "#article", "headline": "t"},
    ],
    "Arc ANS [story]": [change_example("arc-story", _id=None)],
    "Arc ANS `story_operation`": [change_example("arc-publish", story=None)],
    "the [native form]": [change_example("native", title=["t"])],
    "XML": [b"<newsMessage/>", b"<nitf/>", b"<rss/>", b"<!DOCTYPE html><p>It rained."],
    "Avro, Protobuf": [
        b"Obj\x01\x04\x14avro.codec\x08null\x00",
        b"\n\x02a1\x12\x01t",
        b"\x89PNG\r\n",
    ],
    "other JSON": [{"headline": "It rained"}],
}


def read_rows_of_forms() -> list[list[str]]:
    table = TEXT.split("| what you send | how it is read |")[1].split("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_examples_are_of_every_row_of_the_table_of_forms() -> None:
    beginnings = zip(read_rows_of_forms(), REJECTED_FORMS, strict=True)
    assert all(cells[0].startswith(beginning) for cells, beginning in beginnings)


@pytest.mark.parametrize("beginning", REJECTED_FORMS)
def test_what_a_row_says_is_rejected_is_rejected_for_the_reason_it_says(beginning: str) -> None:
    (cells,) = (each for each in read_rows_of_forms() if each[0].startswith(beginning))
    reasons = []
    for each in REJECTED_FORMS[beginning]:
        with pytest.raises(RejectedArticleError) as rejected:
            parse_article(each if isinstance(each, bytes) else json.dumps(each).encode())
        reasons.append(f"`{rejected.value.reason}`")
    told = [name for name in re.findall(r"`\w+`", cells[2]) if name[1:-1] in set(RejectionReason)]
    # In the order of the cell, each once.
    assert list(dict.fromkeys(reasons)) == told
