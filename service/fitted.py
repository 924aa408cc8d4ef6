"""A fitted pipeline as plain words and numbers: all that labels articles, without scikit-learn.

Only to take these from it a worker would import scikit-learn, which is two seconds and more memory
than all else that it has. So they lie in the model file beside the pipeline that they were taken
from. They are named as scikit-learn names them: what folds them takes either.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from service.terms import TermIndex
from service.words import list_words

Floats = NDArray[np.float64]

_TEXTS = "fitted.json"
_ARRAYS = ("fitted.idf.npy", "fitted.coefs.npy", "fitted.intercepts.npy")
# A file names functions, and calls none but these.
_TOKENIZERS = {f"{list_words.__module__}.{list_words.__qualname__}": list_words}


@lru_cache(maxsize=8)
def _index(concepts: tuple[tuple[str, tuple[str, ...]], ...], hiding: frozenset[str]) -> TermIndex:
    return TermIndex(dict(concepts), hiding)


def index_terms(concepts: Mapping[str, Sequence[str]], hiding: Sequence[str] | None) -> TermIndex:
    """Build the index of the listed terms; of equal ones it is built once."""
    frozen = tuple((name, tuple(terms)) for name, terms in concepts.items())
    return _index(frozen, frozenset(hiding or ()))


@dataclass(frozen=True, slots=True)
class FittedWords:
    """A TfidfVectorizer; the entries of its vocabulary are in the order of their columns."""

    vocabulary_: dict[str, int]
    idf_: Floats
    settings: dict[str, Any]

    def get_params(self) -> dict[str, Any]:
        """What it was fitted with."""
        return self.settings


@dataclass(frozen=True, slots=True)
class FittedConcepts:
    """ConceptFeatures."""

    concepts: dict[str, list[str]]
    conjunctions: list[dict[str, Any]]
    hiding: list[str] | None
    claim_weight: float
    concept_weight: float
    feature_names_: list[str]

    def build_index(self) -> TermIndex:
        """Build the index of the listed terms; of equal ones it is built once."""
        return index_terms(self.concepts, self.hiding)


@dataclass(frozen=True, slots=True)
class FittedFeatures:
    """A FeatureUnion of words and concepts."""

    transformer_list: list[tuple[str, Any]]
    transformer_weights: dict[str, float] | None


class FittedLabel(NamedTuple):
    """A LogisticRegression; shapes (1, features) and (1,)."""

    coef_: Floats
    intercept_: Floats


@dataclass(frozen=True, slots=True)
class FittedLabels:
    """A OneVsRestClassifier."""

    estimators_: list[FittedLabel]


class FittedPipeline(NamedTuple):
    """A Pipeline: features first, labels last; between them the labels' names."""

    features: FittedFeatures
    label_names_: list[str]
    labels: FittedLabels


class _Texts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    labels: list[str]
    vocabulary: list[str]
    words: dict[str, Any]
    shares: dict[str, float] | None
    concepts: dict[str, list[str]]
    conjunctions: list[dict[str, Any]]
    hiding: list[str] | None
    claim_weight: float
    concept_weight: float
    feature_names: list[str]


def take_fitted(pipeline: Any) -> FittedPipeline:
    """Take from a fitted scikit-learn pipeline what labels articles."""
    steps = dict(pipeline[0].transformer_list)
    words, concepts = steps["words"], steps["concepts"]
    vocabulary = sorted(words.vocabulary_, key=words.vocabulary_.__getitem__)
    return FittedPipeline(
        FittedFeatures(
            [
                ("words", FittedWords(_number(vocabulary), words.idf_, words.get_params())),
                (
                    "concepts",
                    FittedConcepts(**concepts.get_params(), feature_names_=concepts.feature_names_),
                ),
            ],
            pipeline[0].transformer_weights,
        ),
        list(pipeline.label_names_),
        FittedLabels(
            [FittedLabel(each.coef_, each.intercept_) for each in pipeline[-1].estimators_]
        ),
    )


def write_fitted(fitted: FittedPipeline) -> dict[str, bytes]:
    """Write it as entries of a zip file; equal ones are equal bytes."""
    steps = dict(fitted.features.transformer_list)
    words: FittedWords = steps["words"]
    concepts: FittedConcepts = steps["concepts"]
    texts = {
        "labels": fitted.label_names_,
        "vocabulary": [*words.vocabulary_],
        "words": words.settings,
        "shares": fitted.features.transformer_weights,
        "concepts": concepts.concepts,
        "conjunctions": concepts.conjunctions,
        "hiding": concepts.hiding,
        "claim_weight": concepts.claim_weight,
        "concept_weight": concepts.concept_weight,
        "feature_names": concepts.feature_names_,
    }
    estimators = fitted.labels.estimators_
    coefs = np.vstack([each.coef_ for each in estimators])
    arrays = (words.idf_, coefs, np.concatenate([each.intercept_ for each in estimators]))
    return {
        _TEXTS: json.dumps(texts, ensure_ascii=False, default=_name).encode(),
        **{name: _write_array(array) for name, array in zip(_ARRAYS, arrays, strict=True)},
    }


def read_fitted(packed: zipfile.ZipFile) -> FittedPipeline:
    """Read what `write_fitted` wrote.

    Raises:
        KeyError, ValueError, ...: it is not that; see `model_file`.
    """
    texts = _Texts.model_validate_json(packed.read(_TEXTS))
    idf, coefs, intercepts = (_read_array(packed.read(name)) for name in _ARRAYS)
    width, labels = len(texts.vocabulary), len(texts.labels)
    expected = ((width,), (labels, width + len(texts.feature_names)), (labels,))
    if (idf.shape, coefs.shape, intercepts.shape) != expected:
        raise ValueError("its numbers are not those of its words and labels")
    settings = texts.words | {
        "ngram_range": tuple(texts.words["ngram_range"]),
        "tokenizer": _TOKENIZERS.get(texts.words["tokenizer"]),
    }
    concepts = FittedConcepts(
        texts.concepts,
        texts.conjunctions,
        texts.hiding,
        texts.claim_weight,
        texts.concept_weight,
        texts.feature_names,
    )
    words = FittedWords(_number(texts.vocabulary), idf, settings)
    return FittedPipeline(
        FittedFeatures([("words", words), ("concepts", concepts)], texts.shares),
        texts.labels,
        FittedLabels(
            [FittedLabel(coefs[[at]], intercepts[[at]]) for at in range(len(texts.labels))]
        ),
    )


def _number(entries: Sequence[str]) -> dict[str, int]:
    return {entry: column for column, entry in enumerate(entries)}


def _name(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _write_array(array: Floats) -> bytes:
    written = io.BytesIO()
    np.lib.format.write_array(written, np.ascontiguousarray(array), allow_pickle=False)
    return written.getvalue()


def _read_array(content: bytes) -> Floats:
    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    if array.dtype != np.float64:
        raise ValueError(f"its numbers are {array.dtype}")
    return array
