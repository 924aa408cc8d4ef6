import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service import __version__, training
from service.classifier import Classifier
from service.fitted import take_fitted, write_fitted
from service.fitting import TrainingTexts, fit_pipeline, weigh
from service.messages import Article
from service.model_card import ModelEvaluation, write_card_file
from service.model_file import Manifest
from service.pipeline_file import load_pipeline
from service.seeds import Seeds, read_seeds
from service.settings import CHECKOUT
from service.training import TrainedModel, train_model, write_model
from service.whole_articles import WholeArticle, choose_passages, pool_passages
from tests.factories import MODELS, SEEDS

POLIO = Path(__file__).parent / "data" / "polio"
TEMPLATES = """
[[families]]
name = "campaign"
labels = ["polio"]
sentences = ["A campaign against {illness} began in {town}.", "{Town} counts its {illness} cases."]
slots = { illness = ["polio", "poliovirus"], town = ["Swat", "Tank", "Bannu"] }
twin = { illness = ["measles", "mumps"] }
"""
OUTBREAK = WholeArticle(
    id="w1",
    title="Sewage in Gaza holds type 2 poliovirus",
    text="Laboratories found cVDPV2 in six samples of sewage, a strain of poliovirus.\n\n"
    "A zebra was born in the zoo.",
    labels=["polio"],
)
FAIR = WholeArticle(
    id="w2",
    text="The book fair opened with a speech.\n\nA giraffe was born in the zoo.",
    labels=[],
)


def read_polio(*whole_articles: WholeArticle) -> Seeds:
    return replace(read_seeds(POLIO), whole_articles=list(whole_articles))


def weigh_word(trained: TrainedModel, word: str) -> float:
    names = list(trained.pipeline[:-1].get_feature_names_out())
    (estimator,) = trained.pipeline[-1].estimators_
    return float(estimator.coef_[0][names.index(f"words__{word}")])


def read_evaluation() -> ModelEvaluation:
    return ModelEvaluation.model_validate_json((MODELS / "evaluation.json").read_bytes())


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
def polio() -> TrainedModel:
    return train_model(read_polio())


@pytest.fixture(scope="module")
def model_dir(polio: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "new" / "models"
    write_model(polio, read_polio(), folder)
    return folder


@pytest.fixture
def written(model_dir: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(model_dir / "model.skops") as written:
        yield written


def test_training_in_two_processes_gives_the_same_files(tmp_path: Path) -> None:
    seeds_dir = Path(shutil.copytree(POLIO, tmp_path / "seeds"))
    (seeds_dir / "templates.toml").write_text(TEMPLATES)
    lines = [each.model_dump_json() + "\n" for each in (OUTBREAK, FAIR)]
    (seeds_dir / "labelled_articles.jsonl").write_text("".join(lines))
    command = [sys.executable, "-m", "service", "train", "--seeds", str(seeds_dir), "--out"]
    processes = [
        subprocess.Popen(  # noqa: S603, our own command
            [*command, str(tmp_path / hash_seed)],
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(CHECKOUT)},
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
    assert [f"model {version}, 1 label" in words for words in said] == [True, True]


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
    texts = [text.text for text in seeds.texts[::4]]
    committed, _manifest = load_pipeline(MODELS)
    # Other processors may round otherwise in the last places.
    np.testing.assert_allclose(
        committed.predict_proba(texts), trained.pipeline.predict_proba(texts), rtol=0, atol=1e-4
    )


def test_committed_figures_and_thresholds_are_those_of_a_fresh_training(
    trained: TrainedModel, manifest: Manifest
) -> None:
    committed = read_evaluation()
    assert committed == trained.evaluation
    assert {label.threshold for label in manifest.labels} == {committed.threshold}
    assert {label.review_threshold for label in manifest.labels} == {committed.review_threshold}


def test_committed_card_is_written_from_the_committed_files(tmp_path: Path) -> None:
    copied = Path(shutil.copytree(MODELS, tmp_path / "models"))
    (copied / "README.md").unlink()
    write_card_file(copied)
    assert (copied / "README.md").read_bytes() == (MODELS / "README.md").read_bytes()


def test_every_seed_is_judged_by_a_model_that_has_not_seen_it(
    seeds: Seeds, trained: TrainedModel
) -> None:
    # On its own texts the model is all but always right: figures as good would be of those.
    written = [text for text in seeds.texts if text.written]
    probabilities = trained.pipeline.predict_proba([text.text for text in written])
    decided = probabilities >= trained.evaluation.threshold
    for column, name in enumerate(seeds.labels):
        truth = np.array([name in text.labels for text in written])
        seen_recall = float(decided[truth, column].mean())
        assert trained.evaluation.passages.labels[name].recall < seen_recall
        assert trained.evaluation.passages.labels[name].support == truth.sum()


def test_counts_in_the_evaluation_are_those_of_the_seeds(
    seeds: Seeds, trained: TrainedModel
) -> None:
    counts = trained.evaluation.seeds
    assert counts.articles == len(seeds.articles)
    assert counts.texts == len(seeds.texts)
    assert counts.written == trained.evaluation.passages.texts < counts.texts
    assert trained.evaluation.article_decisions == len(seeds.articles) * len(seeds.labels)


def test_probabilities_of_left_out_texts_can_be_taken_at_their_word(
    trained: TrainedModel,
) -> None:
    assert trained.evaluation.reliability.error <= 0.05


def test_written_model_is_the_trained_one(polio: TrainedModel, model_dir: Path) -> None:
    pipeline, _manifest = load_pipeline(model_dir)
    texts = [text.text for text in read_polio().texts]
    np.testing.assert_array_equal(
        pipeline.predict_proba(texts), polio.pipeline.predict_proba(texts)
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


def test_model_file_holds_the_files_that_its_schema_names_and_what_labels_articles(
    written: zipfile.ZipFile, polio: TrainedModel
) -> None:
    named = re.findall(r'"file": "([^"]+)"', written.read("schema.json").decode())
    fitted = write_fitted(take_fitted(polio.pipeline))
    assert {*named, *fitted, "schema.json"} == set(written.namelist())
    assert {name: written.read(name) for name in fitted} == fitted
    assert [name for name in named if not re.fullmatch(r"\d+\.\w+", name)] == []


def test_desk_with_one_label_of_its_own_is_alerted_on_it(tmp_path: Path) -> None:
    seeds = read_seeds(POLIO)
    write_model(train_model(seeds), seeds, tmp_path)
    classifier = Classifier.load(tmp_path)
    for name, text in seeds.articles.items():
        labelled = classifier.label_article(Article(id=name, text=text))
        assert {label.label for label in labelled.alerts} == seeds.labels_of(name)


@pytest.mark.parametrize(
    ("probabilities", "labels", "carried", "known"),
    [
        # The most probable one carries the label, however improbable; of the rest none knows.
        ([[0.1], [0.3], [0.2]], [True], [[0], [1], [0]], [[0], [1], [0]]),
        ([[0.9], [0.3], [0.8]], [True], [[1], [0], [1]], [[1], [0], [1]]),
        ([[0.2], [0.2]], [True], [[1], [0]], [[1], [0]]),
        # A label that the article lacks no passage has, whatever the model says.
        ([[0.9], [0.3]], [False], [[0], [0]], [[1], [1]]),
        (
            [[0.9, 0.1], [0.2, 0.6]],
            [True, False],
            [[1, 0], [0, 0]],
            [[1, 1], [0, 1]],
        ),
    ],
)
def test_labels_of_a_whole_article_go_to_the_passages_that_may_carry_them(
    probabilities: Any, labels: Any, carried: Any, known: Any
) -> None:
    chosen = choose_passages(np.array(probabilities), np.array(labels), threshold=0.5)
    assert [each.astype(int).tolist() for each in chosen] == [carried, known]


def test_whole_article_is_as_probable_as_its_most_probable_passage() -> None:
    values = np.array([[1.0, 5.0], [3.0, 4.0], [0.0, -1.0], [2.0, 9.0]])
    pooled = pool_passages(values, np.array([0, 0, 1, 2]))
    assert pooled.tolist() == [[3.0, 5.0], [0.0, -1.0], [2.0, 9.0]]


def test_whole_article_teaches_its_words() -> None:
    before, after = train_model(read_polio()), train_model(read_polio(OUTBREAK, FAIR))
    text = ["Laboratories found cVDPV2 in sewage."]
    assert after.pipeline.predict_proba(text)[0, -1] > before.pipeline.predict_proba(text)[0, -1]
    assert weigh_word(after, "cvdpv2") > 0


def test_passage_that_may_carry_the_label_is_no_example_of_what_it_is_not() -> None:
    trained = train_model(read_polio(OUTBREAK, FAIR))
    # Both animals are beside the point; of the giraffe's article it is known that it lacks polio.
    assert weigh_word(trained, "giraffe") < 0 <= weigh_word(trained, "zebra")


def test_whole_article_is_left_out_whole_and_judged_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted_on: list[set[str]] = []

    def fit(knowledge: Any, texts: TrainingTexts) -> Any:
        fitted_on.append(set(texts.texts))
        return fit_pipeline(knowledge, texts)

    monkeypatch.setattr(training, "fit_pipeline", fit)
    trained = train_model(read_polio(OUTBREAK, FAIR))
    passages = [set(each.split()) for each in (OUTBREAK, FAIR)]
    first, second = fitted_on[: len(fitted_on) // 2], fitted_on[len(fitted_on) // 2 :]
    assert not any(texts & each for texts in first for each in passages)
    for each in passages:
        shares = [len(texts & each) for texts in second]
        assert sorted(shares) == [0, *[len(each)] * (len(second) - 1)]
        # The delivered one, fitted last, has seen all.
        assert shares[-1] == len(each)
    assert trained.evaluation.passages.texts == 14 + 2
    assert trained.evaluation.passages.labels["polio"].support == 5 + 1
    assert trained.evaluation.seeds.texts == 14 + 2


def test_many_seeds_are_not_fitted_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted_on: list[set[str]] = []

    def note_texts(knowledge: Any, texts: TrainingTexts) -> Any:
        fitted_on.append(set(texts.texts))
        return fit_pipeline(knowledge, texts)

    monkeypatch.setattr(training, "fit_pipeline", note_texts)
    seeds = read_polio()
    copies = {f"{name}-{number}": name for name in seeds.articles for number in range(20)}
    texts = [
        replace(text, text=f"{copy}. {text.text}", article=copy, group=copy)
        for copy, name in copies.items()
        for text in seeds.texts
        if text.article == name
    ]
    articles = {copy: seeds.articles[name] for copy, name in copies.items()}
    rest = [text for text in seeds.texts if text.article is None]
    train_model(replace(seeds, articles=articles, texts=[*texts, *rest]))
    assert len(fitted_on) == 10 + 1
    # An article's texts are still left out together.
    for copy in copies:
        own = {text.text for text in texts if text.article == copy}
        assert sorted(len(own & each) for each in fitted_on) == [0, *[len(own)] * 10]


def test_label_that_was_never_seen_is_never_found() -> None:
    texts = np.array([text.text for text in read_polio().texts], dtype=object)
    nothing = np.zeros((len(texts), 1), dtype=bool)
    unseen = TrainingTexts(texts, nothing, ~nothing, ~nothing[:, 0])
    assert weigh(fit_pipeline(read_polio().knowledge, unseen), texts).max() < -10


def test_label_that_one_article_alone_has_can_be_trained_on() -> None:
    # Left out with its article, the label has no text at all in that fold.
    seeds = read_polio()
    texts = [
        replace(text, labels=text.labels if text.article == "team-shot-at" else frozenset())
        for text in seeds.texts
    ]
    trained = train_model(replace(seeds, texts=texts))
    assert trained.evaluation.passages.labels["polio"].called == 0


def test_manifest_records_what_live_articles_are_expected_to_look_like(
    trained: TrainedModel, manifest: Manifest
) -> None:
    assert manifest.drift.edges == trained.drift.edges
    assert manifest.drift.shares.keys() == trained.drift.shares.keys()
    for name, shares in manifest.drift.shares.items():
        assert shares == pytest.approx(trained.drift.shares[name], abs=0.002)
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert shares[0] > 0.9, "most of what is published is about nothing we watch"
        assert 0.002 < shares[-1] < 0.05
    assert manifest.drift.unknown_words_ratio == trained.drift.unknown_words_ratio
    assert 0.05 < manifest.drift.unknown_words_ratio < 0.3


def test_reference_is_of_short_texts_whether_or_not_there_are_whole_articles(
    polio: TrainedModel,
) -> None:
    grown = train_model(read_polio(OUTBREAK, FAIR))
    assert grown.drift.shares["polio"] == pytest.approx(polio.drift.shares["polio"], abs=0.2)
    assert sum(grown.drift.shares["polio"]) == pytest.approx(1, abs=1e-5)
