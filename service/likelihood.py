"""In what two reports agree -> how likely they tell the same news."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from typing import Any, Self

from service.agreement import DAYS_MAX, SHARED, Agreement

WEIGHTS_FILE = Path(__file__).with_name("story_weights.json")
_DECIMALS = 4
_ODDS_MAX = 700.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What each agreement adds to the log-odds, in the order of `Agreement`."""

    weights: tuple[float, ...]
    bias: float

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Read weights by name; an agreement without one has no say."""
        weights = tuple(content["weights"].get(name, 0.0) for name in Agreement._fields)
        return cls(weights, content["bias"])


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Agreement -> how likely two reports tell the same news: logistic regressions.

    `benchmarks/stories.py` fits them, on the tuning half of a labelled set.

    Attributes:
        dated: for two reports of which it is known when they were published.
        undated: for others. Not knowing the hours between them, it asks for no disagreement: dates
            that are days apart, or news foretold and news told, are never one story.
        threshold: the probability from which two dated reports are one story.
        undated_threshold: the same for others.
    """

    dated: Weights
    undated: Weights
    threshold: float
    undated_threshold: float

    @classmethod
    def load(cls, path: Path = WEIGHTS_FILE) -> Self:
        """Load weights, by default those that are part of this release."""
        content = json.loads(path.read_bytes())
        return cls(
            Weights.read(content["dated"]),
            Weights.read(content["undated"]),
            content["dated"]["threshold"],
            content["undated"]["threshold"],
        )

    @property
    def rises(self) -> bool:
        """Whether reports that share more are never less likely the same news."""
        by_name = [
            dict(zip(Agreement._fields, each.weights, strict=True))
            for each in (self.dated, self.undated)
        ]
        return all(weights[name] >= 0 for weights in by_name for name in SHARED)

    def find_probability(self, agreement: Agreement) -> float:
        """How probable it is that reports which agree so tell the same news."""
        if agreement.undated and contradicts(agreement):
            return 0.0
        chosen = self.undated if agreement.undated else self.dated
        odds = chosen.bias + sum(map(mul, chosen.weights, agreement))
        # Beyond, exp() has no number; reports may be centuries apart.
        return round(1 / (1 + math.exp(-max(odds, -_ODDS_MAX))), _DECIMALS)

    def is_enough(self, probability: float, agreement: Agreement) -> bool:
        """Whether reports that are so probably the same news are taken for it."""
        return probability >= (self.undated_threshold if agreement.undated else self.threshold)


def contradicts(agreement: Agreement) -> bool:
    """Whether two reports say that they tell of different days, or of before and after."""
    return agreement.days_between >= DAYS_MAX or agreement.foretold > 0
