import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.drift import (
    LEAST_ARTICLES,
    WINDOW_ARTICLES,
    DriftReference,
    DriftWindow,
    WordCount,
    measure_stability,
    record_reference,
)

REFERENCE = DriftReference(
    edges=(0.1, 0.9), shares={"ttp": (0.95, 0.02, 0.03)}, unknown_words_ratio=0.1
)


@pytest.fixture
def window() -> DriftWindow:
    return DriftWindow(REFERENCE)


def note(window: DriftWindow, articles: int, probability: float) -> None:
    for _ in range(articles):
        window.note({"ttp": probability}, 10, 3)


def note_as_expected(window: DriftWindow, articles: int) -> None:
    for share, probability in zip(REFERENCE.shares["ttp"], (0.0, 0.5, 0.95), strict=True):
        note(window, round(share * articles), probability)


def test_index_is_that_of_the_formula() -> None:
    reference = (0.5, 0.5)
    # 90 and 10 with half an article more in each.
    p = 90.5 / 101
    wanted = (p - 0.5) * math.log(p / 0.5) + (0.5 - p) * math.log((1 - p) / 0.5)
    assert measure_stability((90, 10), reference) == pytest.approx(wanted)


@given(
    st.lists(st.integers(0, 1000), min_size=3, max_size=3),
    st.lists(st.floats(0.001, 1.0), min_size=3, max_size=3),
)
def test_index_is_finite_and_never_negative(counts: list[int], weights: list[float]) -> None:
    reference = [weight / sum(weights) for weight in weights]
    found = measure_stability(counts, reference)
    assert math.isfinite(found)
    assert found >= 0


def test_traffic_as_recorded_does_not_drift(window: DriftWindow) -> None:
    note_as_expected(window, WINDOW_ARTICLES)
    assert window.measure("ttp") < 0.001


def test_another_population_is_beyond_the_rule(window: DriftWindow) -> None:
    note(window, LEAST_ARTICLES, 0.0)
    note(window, LEAST_ARTICLES, 0.95)
    assert window.measure("ttp") > 0.25


def test_nothing_is_said_before_there_is_enough(window: DriftWindow) -> None:
    note(window, LEAST_ARTICLES - 1, 0.95)
    assert window.measure("ttp") == 0
    assert window.unknown_words_ratio == 0
    assert window.articles == LEAST_ARTICLES - 1
    note(window, 1, 0.95)
    assert window.measure("ttp") > 0.25
    assert window.unknown_words_ratio == 0.3


def test_what_is_older_than_the_window_is_forgotten(window: DriftWindow) -> None:
    note(window, WINDOW_ARTICLES, 0.95)
    note_as_expected(window, WINDOW_ARTICLES)
    assert window.articles == WINDOW_ARTICLES
    assert window.measure("ttp") < 0.001


def test_probability_at_an_edge_is_above_it(window: DriftWindow) -> None:
    other = DriftWindow(REFERENCE)
    note(window, LEAST_ARTICLES, 0.1)
    note(other, LEAST_ARTICLES, 0.5)
    assert window.measure("ttp") == other.measure("ttp")


def test_unknown_words_are_a_share_of_all_words_in_the_window(window: DriftWindow) -> None:
    for _ in range(LEAST_ARTICLES // 2):
        window.note({"ttp": 0.0}, 30, 4)
        window.note({"ttp": 0.0}, 10, 0)
    window.note({"ttp": 0.0}, 0, 0)
    assert window.unknown_words_ratio == 0.1
    for _ in range(WINDOW_ARTICLES):
        window.note({"ttp": 0.0}, 2, 1)
    assert window.unknown_words_ratio == 0.5


def test_noise_of_the_window_is_far_below_the_rule() -> None:
    draw = np.random.default_rng(0)
    shares = REFERENCE.shares["ttp"]
    drawn = [
        measure_stability(draw.multinomial(LEAST_ARTICLES, shares).tolist(), shares)
        for _ in range(500)
    ]
    assert max(drawn) < 0.1
    # About (B - 1) / N, as nothing is drawn for the reference here.
    assert np.mean(drawn) == pytest.approx(2 / LEAST_ARTICLES, rel=0.3)


def test_reference_weighs_what_is_on_the_beat_down_to_one_in_twenty() -> None:
    truth = np.array([[True, False]] * 100 + [[False, False]] * 300)
    probabilities = np.array([[0.95, 0.0]] * 100 + [[0.0, 0.0]] * 270 + [[0.5, 0.0]] * 30)
    words = [WordCount(10, 1)] * 100 + [WordCount(10, 3)] * 300
    found = record_reference(["ttp", "border"], truth, probabilities, words)
    assert found.shares["ttp"] == pytest.approx((0.855, 0.095, 0.05), abs=0.002)
    assert found.shares["border"] == pytest.approx((1, 0, 0), abs=0.003)
    assert min(found.shares["border"]) > 0
    assert found.unknown_words_ratio == pytest.approx(0.05 * 0.1 + 0.95 * 0.3)


def test_reference_of_texts_that_are_all_on_the_beat_is_of_those() -> None:
    truth = np.array([[True]] * 10)
    found = record_reference(["ttp"], truth, np.full((10, 1), 0.5), [WordCount(4, 1)] * 10)
    assert max(found.shares["ttp"]) == found.shares["ttp"][1]
    assert found.unknown_words_ratio == 0.25
