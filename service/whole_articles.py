"""Articles labelled as a whole: which of their passages carry the labels is not known.

Multiple-instance learning (Dietterich, Lathrop & Lozano-Pérez 1997) in one step: a model that has
not seen the articles chooses the passages.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.evaluation import Bools, Floats
from service.passages import split_passages


class WholeArticle(BaseModel):
    """One line of labelled_articles.jsonl; fields not named here are ignored."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    title: str = ""
    text: str
    labels: list[str]

    def split(self) -> list[str]:
        """Give its passages, the title's before the text's, each wording once."""
        return list(
            dict.fromkeys(
                part[span.start : span.end]
                for part in (self.title, self.text)
                for span in split_passages(part)
            )
        )

    @model_validator(mode="after")
    def _check_passages(self) -> Self:
        if not self.split():
            raise ValueError("neither title nor text has a passage")
        return self


def choose_passages(probabilities: Floats, labels: Bools, threshold: float) -> tuple[Bools, Bools]:
    """Choose which passages of one article carry its labels.

    Args:
        probabilities: shape (passages, labels), from a model that has not seen the article.
        labels: shape (labels,), which of them the article has.
        threshold: from which that model says that a passage has a label.

    Returns:
        Two arrays of shape (passages, labels). Which labels a passage has: of those of its article
        the most probable passage, and every other from the threshold. And where that is known:
        not for the other passages, which may have the label or not; for a label that the article
        lacks, everywhere.
    """
    most_probable = np.zeros(probabilities.shape, dtype=bool)
    most_probable[probabilities.argmax(axis=0), np.arange(len(labels))] = True
    truth = labels & (most_probable | (probabilities >= threshold))
    return truth, truth | ~labels


def pool_passages(values: Floats, article_of: NDArray[np.int64]) -> Floats:
    """Give each article's highest value of each label.

    Args:
        values: shape (passages, labels).
        article_of: of each passage its article's number, counted from 0, in rising order.

    Returns:
        Shape (articles, labels).
    """
    first = np.flatnonzero(np.diff(article_of, prepend=-1))
    return np.asarray(np.maximum.reduceat(values, first, axis=0))
