"""ConceptFeatures, folded for single articles: concepts that begin at words in, weights out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.fitted import FittedConcepts
from service.folded_terms import ConceptMasks, Masks
from service.folded_words import Features
from service.texts_in_words import TextsInWords

_FIRST = np.array([True])


class FoldedConcepts:
    """The columns and conjunctions of fitted ConceptFeatures.

    Args:
        concepts: fitted.
        share: what its features are multiplied by.
        first_column: the place of its first feature among all features.
    """

    def __init__(self, concepts: FittedConcepts, share: float, first_column: int) -> None:
        names = concepts.feature_names_
        columns = {name: at for at, name in enumerate(names)}
        rules = concepts.conjunctions
        self.masks = ConceptMasks([*concepts.concepts])
        self._all = self.masks.write([rule["all"] for rule in rules])
        self._none = self.masks.write([rule.get("none", ()) for rule in rules])
        self._in_sentence = np.array([rule.get("within") != "passage" for rule in rules], np.bool_)
        self._conjunctions = np.array(
            [columns[f"conjunction:{rule['name']}"] for rule in rules], np.int64
        )
        self._claims = np.array(
            [-1 if rule.get("hint") else columns[f"claim:{rule['label']}"] for rule in rules],
            np.int64,
        )
        values = {
            "concept": concepts.concept_weight,
            "conjunction": 1.0,
            "claim": concepts.claim_weight,
        }
        self._values = np.array([values[name.partition(":")[0]] * share for name in names])
        self._first_column = first_column

    def describe(self, marks: Masks, texts: TextsInWords) -> Features:
        """Give the non-zero features of texts, rows ascending and within them columns.

        Args:
            marks: of each word of the texts, the concepts that begin at it.
            texts: the texts, at least one word among them.
        """
        named = _unite_by_text(marks, texts)
        rows, columns = self.masks.list_bits(named)
        held_rows, held = self._find_held(named, marks, texts).nonzero()
        claims = self._claims[held]
        count = len(self._values)
        keys = [
            rows * count + columns,
            held_rows * count + self._conjunctions[held],
            (held_rows * count + claims)[claims >= 0],
        ]
        each = np.concatenate(keys)
        each.sort()
        # Conjunctions of one label make one claim.
        each = each[np.concatenate([_FIRST, each[1:] != each[:-1]])[: len(each)]]
        rows = each // count
        columns = each - rows * count
        return Features(rows, columns + self._first_column, self._values[columns])

    def _find_held(self, named: Masks, marks: Masks, texts: TextsInWords) -> NDArray[np.bool_]:
        complete = _include(named, self._all)
        held = complete & ~self._in_sentence & _exclude(named, self._none)
        complete &= self._in_sentence
        needed = np.flatnonzero(complete.any(axis=1))
        if len(needed):
            sentences, owners = _unite_by_sentence(marks, texts, needed.tolist())
            holding = _include(sentences, self._all) & _exclude(sentences, self._none)
            holding &= self._in_sentence
            rows, rules = holding.nonzero()
            held[owners[rows], rules] = True
        return held


def _include(masks: Masks, rules: Masks) -> NDArray[np.bool_]:
    """Tell which masks have all bits of which rules: shape (masks, rules)."""
    included = np.ones((len(masks), len(rules)), np.bool_)
    for own, asked in zip(masks.T[:, :, np.newaxis], rules.T, strict=True):
        included &= own & asked == asked
    return included


def _exclude(masks: Masks, rules: Masks) -> NDArray[np.bool_]:
    """Tell which masks have no bit of which rules: shape (masks, rules)."""
    excluded = np.ones((len(masks), len(rules)), np.bool_)
    for own, asked in zip(masks.T[:, :, np.newaxis], rules.T, strict=True):
        excluded &= own & asked == 0
    return excluded


def _unite_by_text(marks: Masks, texts: TextsInWords) -> Masks:
    united = np.zeros((len(texts), marks.shape[1]), np.uint64)
    filled = texts.lengths > 0
    united[filled] = np.bitwise_or.reduceat(marks, texts.starts[filled], axis=0)
    return united


def _unite_by_sentence(
    marks: Masks, texts: TextsInWords, chosen: Sequence[int]
) -> tuple[Masks, NDArray[np.int64]]:
    # The masks of the sentences of some texts, and which text each is of.
    begins: list[int] = []
    ends: list[int] = []
    owners: list[int] = []
    for text in chosen:
        start = int(texts.starts[text])
        end = start + int(texts.lengths[text])
        own = texts.bounds.find_sentences(start, end)
        begins += own
        ends += [*own[1:], end]
        owners += [text] * len(own)
    # Every other of the sums is of what lies between one sentence and the next.
    cuts = np.array([begins, ends], np.int64).T.ravel()
    padded = np.vstack([marks, np.zeros_like(marks[:1])])
    return np.bitwise_or.reduceat(padded, cuts, axis=0)[::2], np.array(owners, np.int64)
