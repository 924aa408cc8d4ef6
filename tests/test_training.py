import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service import __version__
from service.classifier import Classifier
from service.evaluation import ModelEvaluation
from service.messages import Article
from service.model_card import write_card
from service.model_file import Manifest, load_model
from service.seeds import Seeds, read_seeds
from service.settings import CHECKOUT
from service.training import TrainedModel, train_model, write_model
from tests.factories import MODELS, SEEDS


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return read_seeds(SEEDS)


@pytest.fixture(scope="module")
def trained(seeds: Seeds) -> TrainedModel:
    return train_model(seeds)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Manifest.model_validate_json((MODELS / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def model_dir(
    seeds: Seeds, trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "new" / "models"
    write_model(trained, seeds, folder)
    return folder


@pytest.fixture
def written(model_dir: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(model_dir / "model.skops") as written:
        yield written


def test_training_in_two_processes_gives_the_same_files(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(  # noqa: S603, our own command
            [sys.executable, "-m", "service", "train", "--out", str(tmp_path / hash_seed)],
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
        )
        for hash_seed in ("1", "2")
    ]
    said = [process.communicate()[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    one, other = (
        {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / hash_seed).iterdir()
        }
        for hash_seed in ("1", "2")
    )
    assert one == other
    assert one.keys() == {"README.md", "evaluation.json", "manifest.json", "model.skops"}
    version = f"{__version__}+{one['model.skops'][:8]}"
    assert [f"model {version}, 4 labels" in words for words in said] == [True, True]


def test_committed_model_is_of_these_seeds_and_this_release(
    seeds: Seeds, manifest: Manifest
) -> None:
    assert manifest.seeds_sha256 == seeds.sha256
    assert manifest.version == f"{__version__}+{manifest.sha256[:8]}"
    assert [(label.name, label.title, label.definition) for label in manifest.labels] == [
        (name, label.title, label.definition) for name, label in seeds.labels.items()
    ]


def test_committed_model_says_what_a_fresh_training_says(
    seeds: Seeds, trained: TrainedModel
) -> None:
    texts = [text.text for text in seeds.texts]
    committed, _manifest = load_model(MODELS)
    # Other processors may round otherwise in the last places.
    np.testing.assert_allclose(
        committed.predict_proba(texts), trained.pipeline.predict_proba(texts), rtol=0, atol=1e-4
    )


def test_committed_figures_and_thresholds_are_those_of_a_fresh_training(
    trained: TrainedModel, manifest: Manifest
) -> None:
    committed = ModelEvaluation.model_validate_json((MODELS / "evaluation.json").read_bytes())
    assert committed == trained.evaluation
    assert {label.threshold for label in manifest.labels} == {committed.threshold}


def test_committed_card_is_written_from_the_committed_files(
    seeds: Seeds, manifest: Manifest
) -> None:
    evaluation = ModelEvaluation.model_validate_json((MODELS / "evaluation.json").read_bytes())
    card = write_card(evaluation, manifest, seeds, (MODELS / "model.skops").stat().st_size)
    assert (MODELS / "README.md").read_text(encoding="utf-8") == card


def test_every_seed_is_judged_by_a_model_that_has_not_seen_it(
    seeds: Seeds, trained: TrainedModel
) -> None:
    # On its own passages the model is all but always right: figures as good would be of those.
    texts = [text.text for text in seeds.texts]
    decided = trained.pipeline.predict_proba(texts) >= trained.evaluation.threshold
    names = list(seeds.labels)
    for column, name in enumerate(names):
        truth = np.array([name in text.labels for text in seeds.texts])
        seen_recall = float(decided[truth, column].mean())
        assert trained.evaluation.passages[name].recall < seen_recall
        assert trained.evaluation.passages[name].support == truth.sum()


def test_written_model_is_the_trained_one(
    seeds: Seeds, trained: TrainedModel, model_dir: Path
) -> None:
    pipeline, _manifest = load_model(model_dir)
    texts = [text.text for text in seeds.texts]
    np.testing.assert_array_equal(
        pipeline.predict_proba(texts), trained.pipeline.predict_proba(texts)
    )


def test_model_file_has_no_memory_address_and_no_time_stamp(written: zipfile.ZipFile) -> None:
    assert {entry.date_time for entry in written.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    schema = written.read("schema.json").decode()
    numbers = [int(number) for number in re.findall(r'"__id__": (\d+)', schema)]
    assert numbers
    # Numbered in the order in which they come, not by where they lay in memory.
    assert max(numbers) <= len(set(numbers)) + len(written.namelist())
    assert re.findall(r"0x[0-9a-f]{6,}|\b\d{12,}\b", schema) == []
    assert "_stop_words_id" not in schema


def test_model_file_holds_the_files_that_its_schema_names(written: zipfile.ZipFile) -> None:
    named = re.findall(r'"file": "([^"]+)"', written.read("schema.json").decode())
    assert {*named, "schema.json"} == set(written.namelist())
    assert [name for name in named if not re.fullmatch(r"\d+\.\w+", name)] == []


def test_desk_with_one_label_of_its_own_is_alerted_on_it(tmp_path: Path) -> None:
    seeds_dir = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds_dir)
    labels = tomllib.loads((SEEDS / "labels.toml").read_text())["labels"]
    aliases = json.dumps(labels["border"]["aliases"], ensure_ascii=False)
    (seeds_dir / "labels.toml").write_text(
        f'[labels.border]\ntitle = "Border"\ndefinition = "The border."\naliases = {aliases}\n'
    )
    lines = [json.loads(line) for line in (SEEDS / "passages.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"] = [label for label in line["labels"] if label == "border"]
    (seeds_dir / "passages.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    seeds = read_seeds(seeds_dir)
    write_model(train_model(seeds), seeds, tmp_path / "models")
    classifier = Classifier.load(tmp_path / "models")
    for name, text in seeds.articles.items():
        labelled = classifier.label_article(Article(id=name, text=text))
        assert {label.label for label in labelled.labels} == seeds.labels_of(name)
