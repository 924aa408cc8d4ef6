"""A file of labelled articles and a model -> a report for people and programs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import AliasChoices, Field, ValidationError

from service.classifier import Labelling
from service.evaluation import (
    Figures,
    Measurement,
    Reliability,
    Verdicts,
    measure,
    measure_reliability,
)
from service.messages import Article, Message

# A brief, a short report, a report, a feature.
_LENGTHS = (300, 600, 2000)
_WORST = 15


class LabelledFileError(Exception):
    """A file of labelled articles cannot be read; says at which line and why."""


class LabelledArticle(Message):
    """One line of a file of labelled articles.

    `kind` tells positives from the kinds of negative, such as `hard_negative` (the same words on
    another beat) and `plain_negative`.
    """

    id: str
    title: str = ""
    text: str
    language: str = Field("en", validation_alias=AliasChoices("language", "lang"))
    labels: list[str]
    kind: str = ""

    def as_article(self) -> Article:
        """Return the article without what is known of it."""
        return Article(id=self.id, title=self.title, text=self.text, language=self.language)


class Labeller(Protocol):
    """Whatever can label articles: the model, or a baseline to compare it with."""

    @property
    def names(self) -> Sequence[str]:
        """The labels, in order."""

    @property
    def threshold(self) -> float:
        """The probability from which a label holds."""

    def label_article(self, article: Article) -> Labelling:
        """Label one article."""


class FalseAlerts(Figures):
    """Articles of one kind that were given a label they lack."""

    articles: int
    alerted: int
    per_100: float


class Mistake(Figures):
    """A label that was missed or given falsely, with the passage nearest to it."""

    id: str
    label: str
    mistake: str
    probability: float
    quote: str


class Report(Figures):
    """What is known of a model from a file of labelled articles."""

    file: str
    model: str
    threshold: float
    all: Measurement
    by_language: dict[str, Measurement]
    by_length: dict[str, Measurement]
    false_alerts: dict[str, FalseAlerts]
    reliability: Reliability
    worst: list[Mistake]


def read_labelled_articles(path: Path) -> list[LabelledArticle]:
    """Read a JSONL file of labelled articles.

    Raises:
        LabelledFileError: a line is not one, or there is none.
    """
    articles = []
    # Not splitlines: a text may hold U+2028, which JSON does not escape.
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines if any(lines) else [], start=1):
        try:
            articles.append(LabelledArticle.model_validate_json(line))
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise LabelledFileError(f"{path}, line {number}: {where} {problem['msg']}") from error
    if not articles:
        raise LabelledFileError(f"{path} has no articles")
    return articles


def judge_articles(labeller: Labeller, articles: Sequence[LabelledArticle]) -> Verdicts:
    """Label articles and set what the model says beside what is true.

    Raises:
        LabelledFileError: an article has a label that the model does not know.
    """
    unknown = {label for article in articles for label in article.labels} - set(labeller.names)
    if unknown:
        raise LabelledFileError(
            f"labels that the model does not know: {', '.join(sorted(unknown))}"
        )
    probabilities = [
        labeller.label_article(article.as_article()).probabilities for article in articles
    ]
    return Verdicts(
        names=labeller.names,
        truth=np.array(
            [[name in article.labels for name in labeller.names] for article in articles]
        ),
        probabilities=np.array([[each[name] for name in labeller.names] for each in probabilities]),
        threshold=labeller.threshold,
    )


def write_report(
    labeller: Labeller, articles: Sequence[LabelledArticle], *, file: str, model: str
) -> Report:
    """Measure a model on labelled articles."""
    verdicts = judge_articles(labeller, articles)
    return Report(
        file=file,
        model=model,
        threshold=labeller.threshold,
        all=measure(verdicts),
        by_language=_measure_by(verdicts, articles, lambda article: article.language),
        by_length=_measure_by(verdicts, articles, _name_length),
        false_alerts=_count_false_alerts(verdicts, articles),
        reliability=measure_reliability(verdicts),
        worst=_find_worst(labeller, verdicts, articles),
    )


def _measure_by(
    verdicts: Verdicts,
    articles: Sequence[LabelledArticle],
    name: Callable[[LabelledArticle], str],
) -> dict[str, Measurement]:
    names = np.array([name(article) for article in articles])
    return {str(group): measure(verdicts.pick(names == group)) for group in np.unique(names)}


def _name_length(article: LabelledArticle) -> str:
    for limit in _LENGTHS:
        if len(article.text) < limit:
            return f"under {limit} characters"
    return f"{_LENGTHS[-1]} characters and more"


def _count_false_alerts(
    verdicts: Verdicts, articles: Sequence[LabelledArticle]
) -> dict[str, FalseAlerts]:
    false = np.asarray((verdicts.called & ~verdicts.truth).any(axis=1))
    kinds = np.array([article.kind for article in articles])
    return {
        str(kind): FalseAlerts(
            articles=int((kinds == kind).sum()),
            alerted=int(false[kinds == kind].sum()),
            per_100=round(100 * float(false[kinds == kind].mean()), 2),
        )
        for kind in np.unique(kinds)
    }


def _find_worst(
    labeller: Labeller, verdicts: Verdicts, articles: Sequence[LabelledArticle]
) -> list[Mistake]:
    wrong = np.argwhere(verdicts.called != verdicts.truth)
    far = np.array(
        [abs(verdicts.probabilities[row, column] - verdicts.threshold) for row, column in wrong]
    )
    worst = []
    for row, column in wrong[np.argsort(-far, kind="stable")][:_WORST]:
        article, label = articles[int(row)], verdicts.names[int(column)]
        quotes = {
            each.label: each.evidence[0].quote
            for each in labeller.label_article(article.as_article()).labels
            if each.evidence
        }
        worst.append(
            Mistake(
                id=article.id,
                label=label,
                mistake="missed" if verdicts.truth[row, column] else "false",
                probability=round(float(verdicts.probabilities[row, column]), 4),
                quote=quotes.get(label, article.title or article.text[:80])[:160],
            )
        )
    return worst
