import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from service.seeds import SeedPassage, SeedsError, read_seeds
from tests.factories import SEEDS
from tests.seed_counts import README, replace_counts

PASSAGES = [
    SeedPassage.model_validate_json(line)
    for line in (SEEDS / "passages.jsonl").read_text(encoding="utf-8").splitlines()
]
WRITTEN = {
    name: [
        json.loads(line)["text"]
        for line in (SEEDS / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    ]
    for name in ("background.jsonl", "in_beat.jsonl")
}
POLIO = Path(__file__).parent / "data" / "polio"
ARTICLES = {
    path.stem: path.read_bytes().decode("utf-8")
    for path in sorted((SEEDS / "articles").glob("*.txt"))
}


@pytest.fixture
def copied_seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


@pytest.fixture
def polio_seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLIO, tmp_path / "polio"))


def change_line(path: Path, number: int, line: str) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[number - 1] = line
    path.write_text("\n".join(lines), encoding="utf-8")


def write_whole(seeds: Path, *lines: str) -> None:
    (seeds / "labelled_articles.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_five_articles_and_the_four_watched_labels_are_read() -> None:
    seeds = read_seeds(SEEDS)
    assert seeds.articles.keys() == ARTICLES.keys()
    assert list(seeds.labels) == ["ttp", "deportation", "border", "india_ties"]
    written = [text for text in seeds.texts if text.written]
    assert len(written) == len(PASSAGES) + sum(map(len, WRITTEN.values()))


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


def test_no_text_is_written_twice() -> None:
    texts = [text for each in WRITTEN.values() for text in each]
    assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_background_texts_are_of_the_length_that_readme_asks_for() -> None:
    asked = re.search(r"full sentences, (\d+) to (\d+) characters", README.read_text("utf-8"))
    assert asked is not None
    least, most = map(int, asked.groups())
    assert [text for text in WRITTEN["background.jsonl"] if not least <= len(text) <= most] == []


def test_readme_counts_what_there_is() -> None:
    readme = README.read_text("utf-8")
    assert readme == replace_counts(readme), "python -m tests.seed_counts"


def test_readme_names_every_file_and_no_other() -> None:
    named = set(re.findall(r"^\| `([\w.*/]+)` \| .* \|$", README.read_text("utf-8"), re.MULTILINE))
    there = {path.name for path in SEEDS.iterdir() if path.is_file()} - {"README.md"}
    assert there <= named
    # What may be there and is not.
    assert {name for name in named if "." in name} - there <= {
        "articles/*.txt",
        "labelled_articles.jsonl",
    }


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


@pytest.mark.parametrize("name", ["background.jsonl", "in_beat.jsonl"])
@pytest.mark.parametrize(
    "line",
    ['{"text": "x", "labels": ["taliban"]}', '{"text": "", "labels": []}', "not JSON"],
)
def test_wrong_text_is_an_error_that_names_file_and_line(
    copied_seeds: Path, name: str, line: str
) -> None:
    change_line(copied_seeds / name, 3, line)
    with pytest.raises(SeedsError, match=rf"{re.escape(name)}, line 3: "):
        read_seeds(copied_seeds)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '[[families]]\nname = "x"\nlabels = ["flu"]\nsentences = ["y"]',
            "not in labels.toml: flu",
        ),
        (
            '[[families]]\nname = "x"\nlabels = []\nsentences = ["{y}"]',
            "no values for the slot 'y'",
        ),
        ("families = 3", "families"),
    ],
)
def test_wrong_templates_are_an_error_that_names_them(
    polio_seeds: Path, content: str, said: str
) -> None:
    (polio_seeds / "templates.toml").write_text(content, encoding="utf-8")
    with pytest.raises(SeedsError, match=rf"templates\.toml: .*{re.escape(said)}"):
        read_seeds(polio_seeds)


def test_templates_are_filled_into_texts_of_one_group_a_family(polio_seeds: Path) -> None:
    (polio_seeds / "templates.toml").write_text(
        '[[families]]\nname = "case"\nlabels = ["polio"]\nsentences = ["{place} has polio."]\n'
        'slots = { place = ["Bannu", "Tank", "Swat"] }\ntwin = { place = ["The novel"] }\n',
        encoding="utf-8",
    )
    filled = [text for text in read_seeds(polio_seeds).texts if not text.written]
    assert {text.group for text in filled} == {"case"}
    assert {(text.text, *text.labels) for text in filled} == {
        ("Bannu has polio.", "polio"),
        ("Tank has polio.", "polio"),
        ("Swat has polio.", "polio"),
        ("The novel has polio.",),
    }


def test_labels_articles_and_passages_are_enough(polio_seeds: Path) -> None:
    (polio_seeds / "background.jsonl").unlink()
    assert len(read_seeds(polio_seeds).texts) == 8


def test_label_without_a_text_is_an_error_that_names_it(polio_seeds: Path) -> None:
    with (polio_seeds / "labels.toml").open("a", encoding="utf-8") as file:
        file.write('[labels.flu]\ntitle = "Flu"\ndefinition = "Flu."\naliases = ["flu"]\n')
    with pytest.raises(SeedsError, match="no text has the label flu"):
        read_seeds(polio_seeds)


def test_label_of_all_texts_is_an_error_that_names_it(polio_seeds: Path) -> None:
    (polio_seeds / "background.jsonl").unlink()
    path = polio_seeds / "passages.jsonl"
    path.write_text(path.read_text("utf-8").replace("[]", '["polio"]'), encoding="utf-8")
    with pytest.raises(SeedsError, match=r"every text there is has the label polio, .* without it"):
        read_seeds(polio_seeds)


def test_whole_articles_are_read_with_their_title_and_other_fields_are_ignored(
    polio_seeds: Path,
) -> None:
    write_whole(
        polio_seeds,
        '{"id": "w1", "title": "A case", "text": "It rained.", "labels": ["polio"], "lang": "en"}',
        '{"id": "w2", "text": "It snowed.\\n\\nIt snowed.", "labels": []}',
    )
    one, other = read_seeds(polio_seeds).whole_articles
    assert (one.split(), one.labels) == (["A case", "It rained."], ["polio"])
    assert (other.split(), other.labels) == (["It snowed."], [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "w2", "text": "It snowed.", "labels": ["flu"]}', "not in labels.toml: flu"),
        ('{"id": "w1", "text": "It snowed.", "labels": []}', "the id 'w1' is that of line 1"),
        ('{"id": "w2", "text": "x"}', "labels: Field required"),
        ('{"id": "", "text": "x", "labels": []}', "id: "),
        ('{"id": "w2", "text": " \\n", "labels": []}', "neither title nor text has a passage"),
        ("", "Invalid JSON"),
    ],
)
def test_wrong_whole_article_is_an_error_that_names_file_and_line(
    polio_seeds: Path, line: str, said: str
) -> None:
    write_whole(polio_seeds, '{"id": "w1", "text": "It rained.", "labels": []}', line)
    with pytest.raises(SeedsError, match=rf"labelled_articles\.jsonl, line 2: .*{said}"):
        read_seeds(polio_seeds)


def test_hash_changes_with_whole_articles(polio_seeds: Path) -> None:
    before = read_seeds(polio_seeds).sha256
    write_whole(polio_seeds, '{"id": "w1", "text": "It rained.", "labels": []}')
    assert read_seeds(polio_seeds).sha256 != before


def test_line_separator_inside_a_text_does_not_end_its_line(copied_seeds: Path) -> None:
    text = "One line to JSON,\u2028two to a reader."
    change_line(
        copied_seeds / "background.jsonl",
        3,
        json.dumps({"text": text, "labels": []}, ensure_ascii=False),
    )
    assert text in [each.text for each in read_seeds(copied_seeds).texts]


@pytest.mark.parametrize("name", ["passages.jsonl", "labels.toml"])
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
