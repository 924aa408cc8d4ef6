"""Seeds -> model, thresholds, figures. Deterministic: the same seeds give the same file."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from service import __version__
from service.calibration import calibrate_pipeline, choose_thresholds, fit_calibration
from service.drift import DriftReference, WordCount, record_reference
from service.evaluation import Bools, Floats, Verdicts, measure, measure_reliability
from service.fitting import TrainingTexts, fit_pipeline, weigh
from service.model_card import ModelEvaluation, SeedCounts, write_card_file
from service.model_file import (
    EVALUATION_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    LabelManifest,
    Manifest,
)
from service.pipeline_file import serialise_pipeline
from service.seeds import LabelledText, Seeds
from service.whole_articles import choose_passages, pool_passages
from service.words import list_words

_FOLDS = 5
# Up to here each seed article is left out alone. More folds tell the same, and 500 seeds would be
# fitted 500 times, for some seconds each.
_FOLDS_MAX = 10
# The fold that no text is in: what is fitted without it has seen all.
_NO_FOLD = -1

Ints = NDArray[np.int64]
Wordings = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A fitted pipeline and what was measured of it."""

    pipeline: Pipeline
    evaluation: ModelEvaluation
    drift: DriftReference


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Pipelines by the fold that they have not seen, and what they say of it.

    `truth` and `odds`, shape (texts, labels), are of what people labelled, left out in its fold:
    the passages of seed articles first, the other hand-written texts, whole articles last.
    """

    pipelines: dict[int, Pipeline]
    truth: Bools
    odds: Floats


def train_model(seeds: Seeds) -> TrainedModel:
    """Fit the pipeline on all seeds; calibrate, choose thresholds and measure on left-out ones.

    Articles labelled as a whole, where there are any, are fitted on in a second round: the first,
    without them, tells which of their passages carry the labels.
    """
    fitted = _fit_folds(seeds)
    if seeds.whole_articles:
        fitted = _fit_folds_with_whole_articles(seeds, fitted)
    calibration = fit_calibration(fitted.odds, fitted.truth)
    pipeline = fitted.pipelines[_NO_FOLD]
    calibrate_pipeline(pipeline, calibration)
    pipeline.label_names_ = list(seeds.labels)
    probabilities = calibration.apply(fitted.odds)
    words = _count_words(seeds, fitted.pipelines)
    return TrainedModel(
        pipeline,
        _evaluate(seeds, fitted.truth, probabilities),
        # Short texts alone: they stand for passages.
        record_reference(
            list(seeds.labels), fitted.truth[: len(words)], probabilities[: len(words)], words
        ),
    )


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
                review_threshold=trained.evaluation.review_threshold,
            )
            for name, label in seeds.labels.items()
        ],
        drift=trained.drift,
    ).sealed()
    model_dir.mkdir(parents=True, exist_ok=True)
    (model_dir / MODEL_FILE).write_bytes(content)
    for name, message in ((MANIFEST_FILE, manifest), (EVALUATION_FILE, trained.evaluation)):
        (model_dir / name).write_text(message.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_card_file(model_dir)
    return manifest


def _fit_folds(seeds: Seeds) -> _Fitted:
    texts = _gather_texts(seeds.texts, list(seeds.labels))
    folds = _deal_texts(seeds)
    pipelines = {
        fold: fit_pipeline(seeds.knowledge, texts.pick(folds != fold))
        for fold in (*np.unique(folds).tolist(), _NO_FOLD)
    }
    return _judge_texts(pipelines, texts, folds)


def _judge_texts(pipelines: dict[int, Pipeline], texts: TrainingTexts, folds: Ints) -> _Fitted:
    # A filled template resembles its family's other sentences more than the news resembles it.
    odds = _weigh_left_out(pipelines, texts.texts, folds)
    return _Fitted(pipelines, texts.truth[texts.written], odds[texts.written])


def _fit_folds_with_whole_articles(seeds: Seeds, first: _Fitted) -> _Fitted:
    calibration = fit_calibration(first.odds, first.truth)
    threshold, _review = choose_thresholds(first.truth, calibration.apply(first.odds))
    names = list(seeds.labels)
    texts, folds = _gather_texts(seeds.texts, names), _deal_texts(seeds)
    labels = _tell_labels([article.labels for article in seeds.whole_articles], names)
    passages = [article.split() for article in seeds.whole_articles]
    article_of = np.repeat(np.arange(len(passages)), [len(each) for each in passages])
    wordings = np.array([passage for each in passages for passage in each], dtype=object)
    passage_folds = article_of % _count_folds(seeds)
    pipelines = {}
    for fold, pipeline in first.pipelines.items():
        probabilities = calibration.apply(weigh(pipeline, wordings))
        carried = _carry_labels(wordings, probabilities, article_of, labels, threshold)
        kept = texts.pick(folds != fold).join(carried.pick(passage_folds != fold))
        pipelines[fold] = fit_pipeline(seeds.knowledge, kept)
    short = _judge_texts(pipelines, texts, folds)
    # What people said they said of the article, so it is judged as a whole.
    odds = pool_passages(_weigh_left_out(pipelines, wordings, passage_folds), article_of)
    return _Fitted(pipelines, np.vstack([short.truth, labels]), np.vstack([short.odds, odds]))


def _carry_labels(
    wordings: Wordings, probabilities: Floats, article_of: Ints, labels: Bools, threshold: float
) -> TrainingTexts:
    chosen = [
        choose_passages(probabilities[article_of == number], each, threshold)
        for number, each in enumerate(labels)
    ]
    return TrainingTexts(
        wordings,
        truth=np.vstack([truth for truth, _ in chosen]),
        known=np.vstack([known for _, known in chosen]),
        written=np.ones(len(wordings), dtype=bool),
    )


def _gather_texts(texts: Sequence[LabelledText], names: Sequence[str]) -> TrainingTexts:
    truth = _tell_labels([text.labels for text in texts], names)
    return TrainingTexts(
        texts=np.array([text.text for text in texts], dtype=object),
        truth=truth,
        known=np.ones_like(truth),
        written=np.array([text.written for text in texts]),
    )


def _tell_labels(labels: Sequence[Collection[str]], names: Sequence[str]) -> Bools:
    return np.array([[name in each for name in names] for each in labels])


def _count_folds(seeds: Seeds) -> int:
    return min(max(_FOLDS, len(seeds.articles)), _FOLDS_MAX)


def _deal_texts(seeds: Seeds) -> Ints:
    # A whole seed article, and a whole family of templates, is left out at a time; the rest is
    # dealt out in turn.
    groups = list(dict.fromkeys(text.group for text in seeds.texts if text.article is None))
    dealt = {group: position % _count_folds(seeds) for position, group in enumerate(groups)}
    dealt |= {
        article: position % _count_folds(seeds) for position, article in enumerate(seeds.articles)
    }
    return np.array([dealt[text.group] for text in seeds.texts])


def _weigh_left_out(pipelines: dict[int, Pipeline], texts: Wordings, folds: Ints) -> Floats:
    odds = np.zeros((len(texts), len(pipelines[_NO_FOLD][-1].estimators_)))
    for fold in np.unique(folds).tolist():
        odds[folds == fold] = weigh(pipelines[fold], texts[folds == fold])
    return odds


def _count_words(seeds: Seeds, pipelines: dict[int, Pipeline]) -> list[WordCount]:
    vocabularies = {
        fold: dict(pipeline[0].transformer_list)["words"].vocabulary_
        for fold, pipeline in pipelines.items()
    }
    counts = []
    for text, fold in zip(seeds.texts, _deal_texts(seeds).tolist(), strict=True):
        if text.written:
            words = list_words(text.text)
            unknown = sum(word not in vocabularies[fold] for word in words)
            counts.append(WordCount(len(words), unknown))
    return counts


def _evaluate(seeds: Seeds, truth: Bools, probabilities: Floats) -> ModelEvaluation:
    names = list(seeds.labels)
    threshold, review_threshold = choose_thresholds(truth, probabilities)
    passages = Verdicts(names, truth, probabilities, threshold)
    # The passages of seed articles stand before all else that people labelled.
    article_of = np.array([text.article for text in seeds.texts if text.article], dtype=object)
    rows = [np.flatnonzero(article_of == article) for article in seeds.articles]
    articles = Verdicts(
        names,
        np.array([truth[row].any(axis=0) for row in rows]),
        np.array([probabilities[row].max(axis=0) for row in rows]),
        threshold,
    )
    return ModelEvaluation(
        threshold=threshold,
        review_threshold=review_threshold,
        seeds=SeedCounts(
            articles=len(seeds.articles),
            texts=len(seeds.texts) + len(seeds.whole_articles),
            written=len(truth),
            with_a_label=sum(bool(text.labels) for text in seeds.texts)
            + sum(bool(article.labels) for article in seeds.whole_articles),
        ),
        passages=measure(passages),
        articles=measure(articles),
        article_decisions=articles.truth.size,
        article_decisions_right=int((articles.truth == articles.called).sum()),
        reliability=measure_reliability(passages),
    )
