"""The README's walk-through: a desk of its own, by editing a folder of seeds and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.classifier import Classifier, Labelling
from service.seeds import read_seeds
from service.seeds_check import check_seeds
from service.settings import CHECKOUT
from tests.factories import SEEDS, TTP_TITLE, article

POLIO = Path(__file__).parent / "data" / "polio"
NEW = {
    "case": "Two more polio cases were reported in Lakki Marwat on Sunday.",
    "campaign": "A three-day campaign against polio began in Kandahar, door to door.",
    "urdu": "پولیو کا ایک اور کیس سامنے آ گیا۔",
}
UNRELATED = {
    "storm": "A storm closed the harbour of Aberdeen for two days.",
    "measles": "A flu campaign began in Multan; nurses will vaccinate the old.",
    "robbery": "Two men on a motorbike shot at the guard of a bank in Quetta.",
    "history": "The museum of medicine lent its iron lung, a relic of polio, to Oslo.",
}


def train(seeds: Path, out: Path) -> Classifier:
    trained = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", "service", "train", "--seeds", str(seeds), "--out", str(out)],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=False,
    )
    assert trained.returncode == 0, trained.stderr.decode()
    return Classifier.load(out)


def label(classifier: Classifier, text: str) -> Labelling:
    filler = "The price of onions rose again, traders in the old market said."
    return classifier.label_article(article(title="", text=f"{filler}\n\n{text}\n\n{filler}"))


def add_polio_to_the_four(folder: Path) -> Path:
    """Do by program what the README says to do by hand."""
    seeds = Path(shutil.copytree(SEEDS, folder / "seeds"))
    for path in (POLIO / "articles").iterdir():
        shutil.copy(path, seeds / "articles")
    # An eighth of the texts, to spare the training's time; of the templates, some are on polio.
    (seeds / "templates.toml").unlink()
    for name in ("background.jsonl", "in_beat.jsonl"):
        lines = (seeds / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        texts = [json.loads(line) for line in lines[::8]]
        for text in texts:
            text["labels"] += ["polio"] * ("polio" in text["text"].lower())
        written = "".join(json.dumps(text, ensure_ascii=False) + "\n" for text in texts)
        (seeds / name).write_text(written, encoding="utf-8")
    for name in ("labels.toml", "passages.jsonl", "background.jsonl"):
        with (seeds / name).open("a", encoding="utf-8") as file:
            file.write((POLIO / name).read_text(encoding="utf-8"))
    return seeds


@pytest.fixture(scope="module")
def polio_desk(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return train(POLIO, tmp_path_factory.mktemp("polio"))


@pytest.fixture(scope="module")
def desk_of_five(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    folder = tmp_path_factory.mktemp("five")
    return train(add_polio_to_the_four(folder), folder / "models")


@pytest.mark.parametrize("text", NEW.values(), ids=NEW)
@pytest.mark.parametrize("desk", ["polio_desk", "desk_of_five"])
def test_new_label_is_alerted_on_with_its_passage(
    request: pytest.FixtureRequest, desk: str, text: str
) -> None:
    (alerted,) = label(request.getfixturevalue(desk), text).alerts
    assert (alerted.label, alerted.title) == ("polio", "Polio")
    assert [evidence.quote for evidence in alerted.evidence] == [text]
    heaviest = alerted.evidence[0].terms[0]
    assert heaviest.weight > 0
    assert heaviest.term.startswith("polio")


@pytest.mark.parametrize("text", UNRELATED.values(), ids=UNRELATED)
@pytest.mark.parametrize("desk", ["polio_desk", "desk_of_five"])
def test_unrelated_article_is_not_alerted_on(
    request: pytest.FixtureRequest, desk: str, text: str
) -> None:
    assert label(request.getfixturevalue(desk), text).alerts == []


def test_labels_that_were_there_before_still_are(desk_of_five: Classifier) -> None:
    assert list(desk_of_five.names) == [*read_seeds(SEEDS).labels, "polio"]
    assert {each.label for each in label(desk_of_five, TTP_TITLE).alerts} == {"ttp"}


def test_walk_through_has_nothing_to_be_found_fault_with() -> None:
    assert check_seeds(read_seeds(POLIO)) == []


def test_walk_through_shows_the_files_that_are_trained_on_here() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert "tests/data/polio/" in readme
    for path in (POLIO / "labels.toml", POLIO / "articles" / "case-in-bannu.txt"):
        assert path.read_text(encoding="utf-8").strip() in readme, path.name
    for name in ("passages.jsonl", "background.jsonl"):
        first_line = (POLIO / name).read_text(encoding="utf-8").split("\n")[0]
        assert first_line in readme, name
