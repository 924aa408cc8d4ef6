import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from service.seeds import read_seeds
from service.seeds_check import Finding, check_seeds
from tests.factories import SEEDS

POLIO = Path(__file__).parent / "data" / "polio"


@pytest.fixture
def seeds_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLIO, tmp_path / "seeds"))


def check(seeds_dir: Path) -> list[Finding]:
    return check_seeds(read_seeds(seeds_dir))


def add(path: Path, *lines: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def write(seeds_dir: Path, text: str, *labels: str) -> None:
    add(seeds_dir / "background.jsonl", {"text": text, "labels": labels})


def know(seeds_dir: Path, toml: str) -> None:
    with (seeds_dir / "labels.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{toml}\n")


def test_nothing_is_found_in_sound_seeds(seeds_dir: Path) -> None:
    assert check(seeds_dir) == []


def test_there_is_no_problem_in_our_own_seeds() -> None:
    assert [str(each) for each in check_seeds(read_seeds(SEEDS)) if each.level == "problem"] == []


def test_same_text_with_other_labels_is_a_problem(seeds_dir: Path) -> None:
    write(seeds_dir, "RAIN is forecast, for the rest of the week", "polio")
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind) == ("problem", "label conflict")
    assert finding.where == "passages.jsonl, team-shot-at and background.jsonl:7"
    assert "the same text has no label and polio, “Rain is forecast" in finding.what


def test_nearly_the_same_text_with_other_labels_is_a_hint(seeds_dir: Path) -> None:
    write(seeds_dir, "Two vaccinators escaped into a shop. Work against polio was halted.")
    write(
        seeds_dir,
        "The two vaccinators escaped into a shop. Work against polio was halted in four wards of "
        "the town.",
    )
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind) == ("hint", "label conflict")
    assert finding.where == "passages.jsonl, team-shot-at and background.jsonl:8"


def test_same_text_twice_is_a_hint(seeds_dir: Path) -> None:
    write(seeds_dir, "Rain is forecast for the rest of the week.")
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind) == ("hint", "duplicate text")


def test_whole_article_is_compared_too(seeds_dir: Path) -> None:
    text = "Rain is forecast for the rest of the week."
    add(seeds_dir / "labelled_articles.jsonl", {"id": "w1", "text": text, "labels": ["polio"]})
    (finding,) = check(seeds_dir)
    assert finding.kind == "label conflict"
    assert finding.where.endswith(" and labelled_articles.jsonl, w1")


def test_label_whose_words_no_other_text_uses_is_a_problem(seeds_dir: Path) -> None:
    path = seeds_dir / "background.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "polio" not in line), encoding="utf-8")
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind) == ("problem", "no near misses")
    assert finding.where == "label polio"


def test_label_of_few_texts_is_a_hint(seeds_dir: Path) -> None:
    know(
        seeds_dir,
        '[labels.flu]\ntitle = "Flu"\ndefinition = "Flu."\naliases = ["flu"]',
    )
    write(seeds_dir, "The markets caught the flu, a broker said.")
    write(seeds_dir, "Flu closed four schools.", "flu")
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind, finding.where) == ("hint", "few texts", "label flu")
    assert finding.what == "hand-written texts that have it: 1"


@pytest.mark.parametrize(("times", "level"), [(1, "hint"), (3, "problem")])
def test_alias_found_more_often_without_the_label_is_named(
    seeds_dir: Path, times: int, level: str
) -> None:
    path = seeds_dir / "labels.toml"
    toml = path.read_text(encoding="utf-8")
    path.write_text(toml.replace('"polio", ', '"polio", "{drop,drops} in", '), encoding="utf-8")
    for number in range(times):
        write(seeds_dir, f"Shares of bank {number} saw a drop in value.")
    findings = check(seeds_dir)
    assert ("loose alias", level) in [(each.kind, each.level) for each in findings]
    assert any("'{drop,drops} in' of polio" in each.where for each in findings)


@pytest.mark.parametrize(("times", "level"), [(1, "hint"), (3, "problem")])
def test_conjunction_that_holds_more_often_without_the_label_is_named(
    seeds_dir: Path, times: int, level: str
) -> None:
    know(
        seeds_dir,
        '[concepts.health]\nterms = ["health"]\n[concepts.measles]\nterms = ["measles"]\n'
        '[[conjunctions]]\nname = "health"\nlabel = "polio"\nall = ["health", "measles"]',
    )
    for number in range(times - 1):
        write(seeds_dir, f"Health officials in ward {number} count measles among the young.")
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind) == (level, "loose conjunction")
    assert finding.where == "labels.toml, conjunction 'health'"


def test_hint_may_hold_where_the_label_is_not(seeds_dir: Path) -> None:
    know(
        seeds_dir,
        '[concepts.health]\nterms = ["health"]\n'
        '[[conjunctions]]\nname = "health"\nlabel = "polio"\nall = ["health"]\nhint = true',
    )
    write(seeds_dir, "Health food was dear.")
    assert check(seeds_dir) == []


def test_word_that_excludes_more_true_texts_than_false_ones_is_named(seeds_dir: Path) -> None:
    path = seeds_dir / "labels.toml"
    toml = path.read_text(encoding="utf-8")
    path.write_text(toml.replace('"iron lung*", ', '"iron lung*", "runs", '), encoding="utf-8")
    for number in range(3):
        write(seeds_dir, f"A campaign against polio runs in district {number}.", "polio")
    (finding,) = check(seeds_dir)
    assert (finding.level, finding.kind) == ("problem", "over-broad exclusion")
    assert finding.where == "labels.toml, term 'runs' of polio_of_old"
    assert finding.what == "texts it keeps from being claimed: 3 with polio, 0 without"


def test_exclusion_from_a_text_that_is_claimed_otherwise_is_no_finding(seeds_dir: Path) -> None:
    write(seeds_dir, "The museum was shut. The polio case count rose to eleven.", "polio")
    assert check(seeds_dir) == []


def test_concept_that_nothing_uses_is_a_hint(seeds_dir: Path) -> None:
    know(
        seeds_dir,
        '[concepts.health]\nterms = ["health"]\n'
        '[concepts.hound]\nhides = true\nterms = ["afghan hound"]',
    )
    (finding,) = check(seeds_dir)
    assert (finding.kind, finding.where) == ("unused concept", "labels.toml, concept health")


def test_problems_come_first_and_say_what_to_do(seeds_dir: Path) -> None:
    write(seeds_dir, "Rain is forecast for the rest of the week.")
    write(seeds_dir, "Rain is forecast for the rest of the week.", "polio")
    findings = check(seeds_dir)
    assert [each.level for each in findings] == ["problem", "problem", "hint"]
    assert str(findings[0]).startswith("problem: background.jsonl:7 and background.jsonl:8: ")
    assert "; settle which is right [label conflict]" in str(findings[0])
    assert findings == check(seeds_dir)
