import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from service.seeds import SeedPassage, SeedsError, read_seeds
from tests.factories import SEEDS

PASSAGES = [
    SeedPassage.model_validate_json(line)
    for line in (SEEDS / "passages.jsonl").read_text(encoding="utf-8").splitlines()
]
BACKGROUND = [
    json.loads(line)["text"]
    for line in (SEEDS / "background.jsonl").read_text(encoding="utf-8").splitlines()
]
ARTICLES = {
    path.stem: path.read_bytes().decode("utf-8")
    for path in sorted((SEEDS / "articles").glob("*.txt"))
}


@pytest.fixture
def copied_seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


def change_line(path: Path, number: int, line: str) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[number - 1] = line
    path.write_text("\n".join(lines), encoding="utf-8")


def read_table(first_heading: str) -> list[list[str]]:
    """Rows of the table in seeds/README.md that follows a heading row, without backticks."""
    readme = (SEEDS / "README.md").read_text(encoding="utf-8")
    rows = readme.split(f"| {first_heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows]


def test_five_articles_and_the_four_watched_labels_are_read() -> None:
    seeds = read_seeds(SEEDS)
    assert seeds.articles.keys() == ARTICLES.keys()
    assert list(seeds.labels) == ["ttp", "deportation", "border", "india_ties"]
    assert len(seeds.texts) == len(PASSAGES) + len(BACKGROUND)


def test_labels_of_an_article_are_those_of_its_passages() -> None:
    seeds = read_seeds(SEEDS)
    assert {article[:3]: seeds.labels_of(article) for article in seeds.articles} == {
        "000": {"ttp", "deportation", "border", "india_ties"},
        "001": {"ttp", "deportation", "border"},
        "002": {"ttp", "border"},
        "003": {"ttp", "deportation", "border"},
        "004": {"ttp", "deportation"},
    }


@pytest.mark.parametrize("article", ARTICLES)
def test_passages_hold_every_character_of_the_article_once_and_in_order(article: str) -> None:
    text = ARTICLES[article]
    end_before = 0
    for passage in (each for each in PASSAGES if each.article == article):
        assert text[end_before : passage.start].strip() == ""
        assert end_before <= passage.start < passage.end <= len(text)
        end_before = passage.end
    assert text[end_before:].strip() == ""


@pytest.mark.parametrize("article", ARTICLES)
def test_passage_is_one_line_without_white_space_at_its_ends(article: str) -> None:
    quotes = [
        ARTICLES[article][each.start : each.end] for each in PASSAGES if each.article == article
    ]
    assert quotes == [line.strip() for line in ARTICLES[article].splitlines() if line.strip()]


def test_passages_are_in_the_order_of_the_articles_and_name_labels_in_their_order() -> None:
    assert [each.article for each in PASSAGES] == sorted(each.article for each in PASSAGES)
    order = list(read_seeds(SEEDS).labels)
    for each in PASSAGES:
        assert each.labels == sorted(each.labels, key=order.index)


def test_no_text_is_in_the_background_twice() -> None:
    assert [text for text, count in Counter(BACKGROUND).items() if count > 1] == []


def test_background_texts_are_of_the_length_that_readme_asks_for() -> None:
    readme = (SEEDS / "README.md").read_text(encoding="utf-8")
    asked = re.search(r"full sentences, (\d+) to (\d+) characters", readme)
    assert asked is not None
    least, most = map(int, asked.groups())
    assert [text for text in BACKGROUND if not least <= len(text) <= most] == []


def test_readme_counts_the_passages_that_there_are() -> None:
    labels = list(read_seeds(SEEDS).labels)
    rows = [
        [
            article,
            *(
                str(sum(counted))
                for counted in (
                    [True for _ in passages],
                    *([label in each.labels for each in passages] for label in labels),
                    [not each.labels and not each.boilerplate for each in passages],
                    [each.boilerplate for each in passages],
                )
            ),
        ]
        for article, passages in [
            *((name, [each for each in PASSAGES if each.article == name]) for name in ARTICLES),
            ("all", PASSAGES),
        ]
    ]
    assert read_table("article | passages") == rows


def test_readme_counts_the_background_that_there_is() -> None:
    assert read_table("file | texts") == [["background.jsonl", str(len(BACKGROUND))]]


@pytest.mark.parametrize(
    "line",
    [
        '{"article": "000_f1623b7d6db58584", "start": 1, "end": 27, "labels": []}',
        '{"article": "000_f1623b7d6db58584", "start": 26, "end": 26, "labels": []}',
        '{"article": "000_f1623b7d6db58584", "start": 0, "end": 999999, "labels": []}',
        '{"article": "no such article", "start": 0, "end": 26, "labels": []}',
        '{"article": "000_f1623b7d6db58584", "start": 28, "end": 89, "labels": ["taliban"]}',
        '{"article": "000_f1623b7d6db58584", "start": 0, "end": 26, "labels": [], "text": ""}',
        '{"article": "000_f1623b7d6db58584", "start": 28, "end": 89}',
        '{"article": "000_f1623b7d6db58584", "start": 28, "end":',
    ],
)
def test_wrong_passage_is_an_error_that_names_file_and_line(copied_seeds: Path, line: str) -> None:
    change_line(copied_seeds / "passages.jsonl", 7, line)
    with pytest.raises(SeedsError, match=r"passages\.jsonl, line 7: "):
        read_seeds(copied_seeds)


def test_boilerplate_with_a_label_is_an_error(copied_seeds: Path) -> None:
    line = PASSAGES[0].model_copy(update={"labels": ["ttp"]}).model_dump_json()
    change_line(copied_seeds / "passages.jsonl", 1, line)
    with pytest.raises(SeedsError, match=r"passages\.jsonl, line 1: boilerplate with labels"):
        read_seeds(copied_seeds)


@pytest.mark.parametrize(
    "line",
    ['{"text": "x", "labels": ["taliban"]}', '{"text": "", "labels": []}', "not JSON"],
)
def test_wrong_background_is_an_error_that_names_file_and_line(
    copied_seeds: Path, line: str
) -> None:
    change_line(copied_seeds / "background.jsonl", 3, line)
    with pytest.raises(SeedsError, match=r"background\.jsonl, line 3: "):
        read_seeds(copied_seeds)


def test_line_separator_inside_a_text_does_not_end_its_line(copied_seeds: Path) -> None:
    text = "One line to JSON,\u2028two to a reader."
    change_line(
        copied_seeds / "background.jsonl",
        3,
        json.dumps({"text": text, "labels": []}, ensure_ascii=False),
    )
    assert text in [each.text for each in read_seeds(copied_seeds).texts]


@pytest.mark.parametrize("name", ["passages.jsonl", "background.jsonl", "labels.toml"])
def test_missing_file_is_an_error_that_names_it(copied_seeds: Path, name: str) -> None:
    (copied_seeds / name).unlink()
    with pytest.raises(SeedsError, match=re.escape(name)):
        read_seeds(copied_seeds)


@pytest.mark.parametrize(
    "content", ["[labels.ttp]\ntitle = 17", "[labels", "", "labels = 3", "[labels]\nttp = 3"]
)
def test_wrong_label_table_is_an_error_that_names_it(copied_seeds: Path, content: str) -> None:
    (copied_seeds / "labels.toml").write_text(content, encoding="utf-8")
    with pytest.raises(SeedsError, match=r"labels\.toml"):
        read_seeds(copied_seeds)


def test_hash_changes_with_the_content_and_not_with_the_readme(copied_seeds: Path) -> None:
    before = read_seeds(SEEDS).sha256
    (copied_seeds / "README.md").write_text("Other words.", encoding="utf-8")
    assert read_seeds(copied_seeds).sha256 == before
    change_line(copied_seeds / "background.jsonl", 1, '{"text": "Other news.", "labels": []}')
    assert read_seeds(copied_seeds).sha256 != before
