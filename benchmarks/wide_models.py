"""A model of more labels than were trained, to measure what a label costs."""

import re
from copy import deepcopy

import numpy as np
from sklearn.pipeline import Pipeline

from service.features import ConceptFeatures
from service.model_file import Manifest


def widen_model(pipeline: Pipeline, manifest: Manifest, times: int) -> tuple[Pipeline, Manifest]:
    """Give a model its labels several times over.

    Of each further one terms and conjunctions are the original's in another spelling, and words
    have the weights of other words: it is as large, and found in other articles.

    Args:
        pipeline: fitted; left as it is.
        manifest: of it.
        times: how many times the labels.
    """
    wide = deepcopy(pipeline)
    steps = dict(wide[0].transformer_list)
    narrow_names = list(steps["concepts"].feature_names_)
    _multiply(steps["concepts"], times)
    column_of = {name: column for column, name in enumerate(steps["concepts"].feature_names_)}
    words_count = len(steps["words"].vocabulary_)
    wide[-1].estimators_ = []
    for copy in range(times):
        columns = [words_count + column_of[_rename(name, copy)] for name in narrow_names]
        order = np.random.default_rng(copy).permutation(words_count)
        for estimator in map(deepcopy, pipeline[-1].estimators_):
            narrow = estimator.coef_[0]
            weights = np.zeros((1, words_count + len(column_of)))
            weights[0, :words_count] = narrow[order] if copy else narrow[:words_count]
            weights[0, columns] = narrow[words_count:]
            estimator.coef_, estimator.n_features_in_ = weights, weights.shape[1]
            wide[-1].estimators_.append(estimator)
    labels = [
        label.model_copy(update={"name": _rename(label.name, copy)})
        for copy in range(times)
        for label in manifest.labels
    ]
    return wide, manifest.model_copy(update={"labels": labels})


def _multiply(features: ConceptFeatures, times: int) -> None:
    concepts, rules, hiding = features.concepts, features.conjunctions, features.hiding or []
    copies = range(times)
    features.concepts = {
        _rename(name, copy): [_respell(term, copy) for term in terms]
        for copy in copies
        for name, terms in concepts.items()
    }
    features.conjunctions = [
        {
            **rule,
            **{part: _rename(rule[part], copy) for part in ("name", "label")},
            **{part: [_rename(name, copy) for name in rule[part]] for part in ("all", "none")},
        }
        for copy in copies
        for rule in rules
    ]
    features.hiding = [_rename(name, copy) for copy in copies for name in hiding]
    features.fit([])


def _rename(name: str, copy: int) -> str:
    return f"{name} {copy}" if copy else name


def _respell(term: str, copy: int) -> str:
    return re.sub(r"\w+", rf"\g<0>x{copy}", term) if copy else term
