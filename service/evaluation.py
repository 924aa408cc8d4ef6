"""Labels against decisions -> figures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import precision_recall_fscore_support


class LabelFigures(BaseModel):
    """How well one label is found; ratios 0-1, `support` is the number that truly have it."""

    model_config = ConfigDict(frozen=True)

    precision: float
    recall: float
    f1: float
    support: int


class ModelEvaluation(BaseModel):
    """The content of evaluation.json: each seed judged by a model that has not seen it."""

    threshold: float
    passages: dict[str, LabelFigures]
    articles: dict[str, LabelFigures]
    article_decisions: int
    article_decisions_right: int


def measure_labels(
    names: Sequence[str], truth: NDArray[np.bool_], decided: NDArray[np.bool_]
) -> dict[str, LabelFigures]:
    """Measure each label.

    Args:
        names: of the labels, in column order.
        truth: shape (texts, labels), what the texts have.
        decided: shape (texts, labels), what the model says.
    """
    measured = {}
    for column, name in enumerate(names):
        precision, recall, f1, _ = precision_recall_fscore_support(
            truth[:, column], decided[:, column], average="binary", zero_division=0.0
        )
        measured[name] = LabelFigures(
            precision=round(float(precision), 3),
            recall=round(float(recall), 3),
            f1=round(float(f1), 3),
            support=int(truth[:, column].sum()),
        )
    return measured
