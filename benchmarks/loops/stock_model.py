"""The model we ship, called as scikit-learn is: `Pipeline.predict_proba`, a batch at a time."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.passages import keep_title, split_passages
from service.pipeline_file import load_pipeline

MODELS = Path(__file__).resolve().parents[2] / "models"


class StockModel:
    """Tells which articles match."""

    def __init__(self) -> None:
        self._pipeline, manifest = load_pipeline(MODELS)
        self._threshold = manifest.labels[0].threshold

    def find_matches(self, values: Sequence[bytes]) -> list[bool]:
        """Tell which articles, as JSON, have a label in one of their passages."""
        texts: list[str] = []
        owners: list[int] = []
        for position, value in enumerate(values):
            article = json.loads(value)
            quotes = [
                part[span.start : span.end]
                for part, split in (
                    (article["title"], keep_title),
                    (article["text"], split_passages),
                )
                for span in split(part)
            ]
            texts += quotes
            owners += [position] * len(quotes)
        best = np.asarray(self._pipeline.predict_proba(texts)).max(axis=1)
        matches = [False] * len(values)
        for owner, probability in zip(owners, best, strict=True):
            matches[owner] |= bool(probability >= self._threshold)
        return matches
