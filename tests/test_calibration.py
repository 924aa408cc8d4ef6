import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service.calibration import (
    Calibration,
    calibrate_pipeline,
    choose_thresholds,
    fit_calibration,
)
from service.evaluation import Bools, Floats, Verdicts, measure_reliability


def draw_odds(slope: float, shift: float, texts: int = 4000) -> tuple[Bools, Floats]:
    """Log-odds, and labels that come true as often as they, scaled and shifted, promise."""
    draw = np.random.default_rng(7)
    odds = draw.normal(0, 3, (texts, 2))
    return draw.random(odds.shape) < Calibration(slope, shift).apply(odds), odds


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.4, -1.0), (2.0, 1.0)])
def test_sigmoid_that_labels_were_drawn_from_is_found_again(slope: float, shift: float) -> None:
    truth, odds = draw_odds(slope, shift)
    fitted = fit_calibration(odds, truth)
    assert fitted.slope == pytest.approx(slope, abs=0.15)
    assert fitted.shift == pytest.approx(shift, abs=0.15)


def test_calibrated_probabilities_come_true_as_promised() -> None:
    truth, odds = draw_odds(0.4, -1.0)
    named = ["a", "b"]
    before = measure_reliability(Verdicts(named, truth, Calibration(1, 0).apply(odds), 0.5)).error
    calibrated = fit_calibration(odds, truth).apply(odds)
    after = measure_reliability(Verdicts(named, truth, calibrated, 0.5)).error
    assert after < 0.02 < before


def test_separable_texts_do_not_make_certainty() -> None:
    odds = np.array([[-3.0], [-2.0], [2.0], [3.0]])
    probabilities = fit_calibration(odds, odds > 0).apply(odds)
    assert 0.01 < probabilities.min() < 0.5 < probabilities.max() < 0.99


def test_sigmoid_in_the_weights_gives_the_same_probabilities() -> None:
    draw = np.random.default_rng(1)
    features = draw.normal(size=(60, 4))
    truth = np.column_stack([features[:, 0] > 0, features[:, 1] > 0.5]).astype(int)
    pipeline = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
    pipeline.fit(features, truth)
    scaled = pipeline[:-1].transform(features)
    odds = np.column_stack([each.decision_function(scaled) for each in pipeline[-1].estimators_])
    calibration = Calibration(0.5, -0.25)
    calibrate_pipeline(pipeline, calibration)
    np.testing.assert_allclose(pipeline.predict_proba(features), calibration.apply(odds))


def make_texts(found: Floats, others: Floats) -> tuple[Bools, Floats]:
    """Texts with one label at the first probabilities, and without it at the second."""
    probabilities = np.concatenate([found, others]).reshape(-1, 1)
    return np.arange(len(probabilities)).reshape(-1, 1) < len(found), probabilities


def test_threshold_stands_between_what_has_a_label_and_what_has_none() -> None:
    truth, probabilities = make_texts(np.linspace(0.75, 0.99, 50), np.linspace(0.01, 0.7, 200))
    alert, review = choose_thresholds(truth, probabilities)
    assert 0.7 < alert <= 0.75
    assert 0.1 <= review < alert


@pytest.mark.parametrize("found", [0.2, 0.99])
def test_threshold_is_in_the_middle_where_all_are_as_good(found: float) -> None:
    truth, probabilities = make_texts(np.full(20, found), np.full(80, 0.01))
    assert choose_thresholds(truth, probabilities)[0] == 0.7


def test_threshold_is_never_over_nine_tenths() -> None:
    truth, probabilities = make_texts(np.full(20, 0.99), np.full(80, 0.95))
    assert choose_thresholds(truth, probabilities)[0] <= 0.9


def test_review_band_reaches_down_to_nearly_all_there_is() -> None:
    truth, probabilities = make_texts(
        np.concatenate([np.full(90, 0.9), np.full(10, 0.3)]), np.full(300, 0.01)
    )
    alert, review = choose_thresholds(truth, probabilities)
    assert alert > 0.3 >= review > 0.25


def test_review_band_begins_at_a_tenth_where_too_little_is_found_above() -> None:
    truth, probabilities = make_texts(np.full(10, 0.05), np.full(90, 0.01))
    assert choose_thresholds(truth, probabilities)[1] == 0.1


def test_text_beside_others_is_called_falsely_more_often_so_the_threshold_is_higher() -> None:
    draw = np.random.default_rng(3)
    found, others = draw.beta(6, 2, 60), draw.beta(1, 4, 600)
    truth, probabilities = make_texts(found, others)
    beside_others, _ = choose_thresholds(truth, probabilities)
    # With no text without a label there is nothing to stand beside.
    alone_truth = np.hstack([truth, np.ones_like(truth)])
    alone_probabilities = np.hstack([probabilities, np.ones_like(probabilities)])
    alone, _ = choose_thresholds(alone_truth, alone_probabilities)
    assert beside_others > alone


def test_thresholds_are_the_same_each_time() -> None:
    truth, odds = draw_odds(1, 0, texts=100)
    probabilities = Calibration(1, 0).apply(odds)
    assert choose_thresholds(truth, probabilities) == choose_thresholds(truth, probabilities)
