"""Seeds -> model, threshold, card. Deterministic: the same seeds give the same file."""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from service import __version__
from service.evaluation import ModelEvaluation, measure_labels
from service.model_card import write_card
from service.model_file import (
    MANIFEST_FILE,
    MODEL_FILE,
    LabelManifest,
    Manifest,
    serialise_pipeline,
)
from service.seeds import LabelDefinition, Seeds

CARD_FILE = "README.md"
EVALUATION_FILE = "evaluation.json"
# Words of any script, single letters too: "e" holds "Tehreek-e-Taliban" together.
_WORD = r"(?u)\b\w+\b"
# Weaker regularisation than scikit-learn's 1.0, as rows are short and of unit length.
_C = 10.0


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A fitted pipeline and what was measured of it."""

    pipeline: Pipeline
    evaluation: ModelEvaluation


def train_model(seeds: Seeds) -> TrainedModel:
    """Fit the pipeline on all seeds; choose the threshold and measure on left-out seeds."""
    texts = np.array([text.text for text in seeds.texts], dtype=object)
    names = list(seeds.labels)
    truth = np.array([[name in text.labels for name in names] for text in seeds.texts])
    folds = _assign_folds(seeds)
    probabilities = np.zeros(truth.shape)
    for fold in np.unique(folds):
        left_out = folds == fold
        with warnings.catch_warnings():
            # A label whose only passages are left out is then never found, as it should be.
            warnings.filterwarnings("ignore", message="Label not .* is present", module="sklearn")
            fitted = _build_pipeline(seeds.labels).fit(
                texts[~left_out], truth[~left_out].astype(int)
            )
        probabilities[left_out] = fitted.predict_proba(texts[left_out])[:, -len(names) :]
    threshold = _choose_threshold(truth, probabilities)
    pipeline = _build_pipeline(seeds.labels).fit(texts, truth.astype(int))
    pipeline.label_names_ = names
    return TrainedModel(pipeline, _evaluate(seeds, names, truth, probabilities, threshold))


def write_model(trained: TrainedModel, seeds: Seeds, model_dir: Path) -> Manifest:
    """Write model file, manifest, evaluation and card.

    Returns:
        The manifest, with the model file's hash.
    """
    content = serialise_pipeline(trained.pipeline)
    sha256 = hashlib.sha256(content).hexdigest()
    manifest = Manifest(
        version=f"{__version__}+{sha256[:8]}",
        sha256=sha256,
        seeds_sha256=seeds.sha256,
        sklearn=sklearn.__version__,
        labels=[
            LabelManifest(
                name=name,
                title=label.title,
                definition=label.definition,
                threshold=trained.evaluation.threshold,
            )
            for name, label in seeds.labels.items()
        ],
    )
    model_dir.mkdir(parents=True, exist_ok=True)
    (model_dir / MODEL_FILE).write_bytes(content)
    for name, message in ((MANIFEST_FILE, manifest), (EVALUATION_FILE, trained.evaluation)):
        (model_dir / name).write_text(message.model_dump_json(indent=2) + "\n", encoding="utf-8")
    card = write_card(trained.evaluation, manifest, seeds, len(content))
    (model_dir / CARD_FILE).write_text(card, encoding="utf-8")
    return manifest


def _build_pipeline(labels: dict[str, LabelDefinition]) -> Pipeline:
    analyse = CountVectorizer(token_pattern=_WORD, ngram_range=(1, 1)).build_analyzer()
    aliases = sorted(
        {" ".join(analyse(alias)) for label in labels.values() for alias in label.aliases}
    )
    longest = max(len(alias.split()) for alias in aliases)
    words = TfidfVectorizer(token_pattern=_WORD, ngram_range=(1, 2), sublinear_tf=True)
    names = CountVectorizer(
        token_pattern=_WORD, ngram_range=(1, longest), vocabulary=aliases, binary=True
    )
    # liblinear's dual coordinate descent calls no BLAS, so the weights do not depend on the CPU.
    classify = LogisticRegression(
        C=_C,
        class_weight="balanced",
        solver="liblinear",
        dual=True,
        tol=1e-6,
        max_iter=100_000,
        random_state=0,
    )
    return Pipeline(
        [
            ("features", FeatureUnion([("words", words), ("aliases", names)])),
            ("labels", OneVsRestClassifier(classify)),
        ]
    )


def _assign_folds(seeds: Seeds) -> NDArray[np.int64]:
    # A whole seed article is left out at a time; the background is dealt out in turn.
    articles = list(seeds.articles)
    return np.array(
        [
            articles.index(text.article) if text.article else position % len(articles)
            for position, text in enumerate(seeds.texts)
        ]
    )


def _choose_threshold(truth: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    # One threshold for all labels: with a handful of positives a label's own would be chance.
    candidates = np.round(np.arange(0.30, 0.91, 0.01), 2)
    reached = [
        f1_score(truth.ravel(), (probabilities >= candidate).ravel()) for candidate in candidates
    ]
    # The middle of the best stretch: as far as can be from where it gets worse.
    return float(candidates[int(np.median(np.flatnonzero(np.isclose(reached, max(reached)))))])


def _evaluate(
    seeds: Seeds,
    names: list[str],
    truth: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    threshold: float,
) -> ModelEvaluation:
    decided = probabilities >= threshold
    article_of = np.array([text.article or "" for text in seeds.texts])
    article_truth = np.array(
        [truth[article_of == article].any(axis=0) for article in seeds.articles]
    )
    article_decided = np.array(
        [decided[article_of == article].any(axis=0) for article in seeds.articles]
    )
    return ModelEvaluation(
        threshold=threshold,
        passages=measure_labels(names, truth, decided),
        articles=measure_labels(names, article_truth, article_decided),
        article_decisions=article_truth.size,
        article_decisions_right=int((article_truth == article_decided).sum()),
    )
