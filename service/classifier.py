"""An article -> its labels with evidence.

An article has a label when one of its passages has it (max over passages), so the passage with
the highest probability is the evidence, and the weights of its terms add up to the decision.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Self

import numpy as np

from service.alerts import AlertLabel, ModelReference
from service.evidence import DECIMALS, Explainer, Scored
from service.fitted import FittedPipeline
from service.messages import Article
from service.model_file import Manifest, load_model
from service.part_passages import PartPassage, collect_passages
from service.scoring import FoldedPipeline, Reading
from service.sketches import Sketcher
from service.word_shapes import has_shape


@dataclass(frozen=True, slots=True)
class Labelling:
    """What the model says of one article.

    Attributes:
        probabilities: of every label.
        labels: those in the alert or the review band, with their evidence.
        words: how many words its passages have.
        unknown_words: how many of them are not in the model's vocabulary.
    """

    probabilities: dict[str, float]
    labels: list[AlertLabel]
    words: int = 0
    unknown_words: int = 0

    @property
    def alerts(self) -> list[AlertLabel]:
        """The labels that hold."""
        return [label for label in self.labels if label.band == "alert"]


class Classifier:
    """A verified model.

    Attributes:
        manifest: what it is.
        reference: what alerts say of it.
        names: the labels, in order.
        sketcher: makes the sketches of articles with a label.
    """

    def __init__(self, pipeline: FittedPipeline, manifest: Manifest) -> None:
        self.manifest = manifest
        self.reference = ModelReference(version=manifest.version, sha256=manifest.sha256)
        self.names = [label.name for label in manifest.labels]
        self.sketcher = _create_sketcher(pipeline)
        self._review_thresholds = np.array([label.review_threshold for label in manifest.labels])
        self._folded = FoldedPipeline(pipeline)
        self._explainer = Explainer(pipeline, self._folded)

    @classmethod
    def load(cls, model_dir: Path) -> Self:
        """Load and verify the model of a folder.

        Raises:
            ModelError: it cannot be used; says what to do.
        """
        return cls(*load_model(model_dir))

    @property
    def threshold(self) -> float:
        """The probability from which a label holds; the same for all labels."""
        return self.manifest.labels[0].threshold

    def label_article(self, article: Article) -> Labelling:
        """Find the labels of an article, each with the passages that carry it."""
        return self._label_together([article])[0]

    def label_articles(self, articles: Sequence[Article]) -> list[Labelling]:
        """Find the labels of articles; each costs less together with others."""
        labellings: dict[int, Labelling] = {}
        for group in _group(articles):
            chosen = [articles[at] for at in group]
            labellings.update(zip(group, self._label_together(chosen), strict=True))
        return [labellings[at] for at in range(len(articles))]

    def _label_together(self, articles: Sequence[Article]) -> list[Labelling]:
        collected = [*map(collect_passages, articles)]
        passages = [*chain.from_iterable(collected)]
        if not passages:
            return [self._label_nothing() for _ in articles]
        reading = self._folded.read([passage.quote for passage in passages])
        ends = accumulate(map(len, collected), initial=0)
        bounds = [(start, end) for start, end in pairwise(ends) if start < end]
        labellings = iter(self._label_read(passages, reading, bounds))
        return [next(labellings) if own else self._label_nothing() for own in collected]

    def _label_read(
        self, passages: Sequence[PartPassage], reading: Reading, bounds: Sequence[tuple[int, int]]
    ) -> Iterator[Labelling]:
        # Rounded before it is compared, so that what is published says the same.
        probabilities = (1 / (1 + np.exp(-reading.log_odds))).round(DECIMALS)
        # Of all articles at once: most have no label, and numpy costs by the call.
        starts = [start for start, _ in bounds]
        best = np.maximum.reduceat(probabilities, starts)
        labelled = np.asarray((best >= self._review_thresholds).any(axis=1))
        figures = (
            best.tolist(),
            labelled.tolist(),
            np.add.reduceat(reading.words, starts).tolist(),
            np.add.reduceat(reading.unknown_words, starts).tolist(),
        )
        for own, row, has_labels, words, unknown_words in zip(bounds, *figures, strict=True):
            scored = Scored(passages, reading, probabilities, *own) if has_labels else None
            labels = self._find_labels(scored, row) if scored else []
            yield Labelling(dict(zip(self.names, row, strict=True)), labels, words, unknown_words)

    def _find_labels(self, scored: Scored, best: Sequence[float]) -> list[AlertLabel]:
        return [
            AlertLabel(
                label=label.name,
                title=label.title,
                band="alert" if best[column] >= label.threshold else "review",
                probability=best[column],
                threshold=label.threshold,
                evidence=self._explainer.gather_evidence(scored, column, label),
            )
            for column, label in enumerate(self.manifest.labels)
            if best[column] >= label.review_threshold
        ]

    def _label_nothing(self) -> Labelling:
        return Labelling(dict.fromkeys(self.names, 0.0), [], words=0, unknown_words=0)


def _group(articles: Sequence[Article]) -> list[list[int]]:
    # One whose words are searched for with patterns would have those of all searched so.
    parts = [part for each in articles for part in (each.text, each.title) if not part.isascii()]
    if len(articles) == 1 or has_shape("".join(parts)):
        return [[*range(len(articles))]]
    shaped: list[int] = []
    others: list[list[int]] = []
    for at, article in enumerate(articles):
        if has_shape(article.text) and has_shape(article.title):
            shaped.append(at)
        else:
            others.append([at])
    return [shaped, *others] if shaped else others


def _create_sketcher(pipeline: FittedPipeline) -> Sketcher:
    steps = dict(pipeline.features.transformer_list)
    words = steps["words"]
    rarities = {
        word: float(words.idf_[column])
        for word, column in words.vocabulary_.items()
        if " " not in word
    }
    return Sketcher(rarities, steps["concepts"].build_index())
