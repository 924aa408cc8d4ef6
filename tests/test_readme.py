import re
import tomllib

from service.html_text import DEPTH_MAX
from service.messages import RejectionReason
from service.settings import CHECKOUT
from tests.format_examples import FOLDER
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
