import numpy as np
import pytest

from service.evaluation import Verdicts, measure, measure_difference, measure_reliability


def verdicts(truth: list[list[int]], probabilities: list[list[float]]) -> Verdicts:
    names = ["ttp", "border"][: len(truth[0])]
    return Verdicts(names, np.array(truth, dtype=bool), np.array(probabilities), 0.5)


# ttp: one right, one false, one missed; border: one right.
SOME = verdicts([[1, 0], [0, 0], [1, 1], [0, 0]], [[0.9, 0.1], [0.6, 0.2], [0.4, 0.7], [0.1, 0.1]])


def test_precision_recall_and_f1_are_those_counted_by_hand() -> None:
    measured = measure(SOME)
    ttp, border = measured.labels["ttp"], measured.labels["border"]
    assert (ttp.precision, ttp.recall, ttp.f1) == (0.5, 0.5, 0.5)
    assert (ttp.support, ttp.called) == (2, 2)
    assert (border.precision, border.recall, border.f1) == (1.0, 1.0, 1.0)
    assert measured.macro.f1 == 0.75
    assert (measured.micro.precision, measured.micro.recall) == (0.6667, 0.6667)


def test_average_precision_does_not_depend_on_the_threshold() -> None:
    # Ranked 0.9 (true), 0.6 (false), 0.4 (true): (1/1 + 2/3) / 2.
    assert measure(SOME).labels["ttp"].average_precision == 0.8333


def test_one_label_alone_is_measured() -> None:
    measured = measure(verdicts([[1], [0], [1]], [[0.9], [0.2], [0.3]]))
    assert measured.labels["ttp"].recall == 0.5
    assert measured.macro.f1 == measured.micro.f1 == 0.6667


def test_label_that_no_text_has_counts_for_no_average() -> None:
    measured = measure(verdicts([[1, 0], [1, 0]], [[0.9, 0.1], [0.9, 0.1]]))
    assert measured.macro.f1 == 1.0


def test_perfect_model_has_intervals_without_width() -> None:
    measured = measure(verdicts([[1, 0], [0, 1]] * 20, [[0.9, 0.1], [0.1, 0.9]] * 20))
    assert {(each.low, each.high) for each in measured.intervals.values()} == {(1.0, 1.0)}


def test_interval_holds_the_figure_and_narrows_with_more_texts() -> None:
    widths = []
    for times in (5, 80):
        measured = measure(
            Verdicts(
                SOME.names,
                np.tile(SOME.truth, (times, 1)),
                np.tile(SOME.probabilities, (times, 1)),
                0.5,
            )
        )
        interval = measured.intervals["micro_f1"]
        assert interval.low <= measured.micro.f1 <= interval.high
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 2


def test_model_that_keeps_its_promises_has_no_calibration_error() -> None:
    truth = [[1]] * 8 + [[0]] * 2 + [[0]] * 10
    reliability = measure_reliability(verdicts(truth, [[0.8]] * 10 + [[0.0]] * 10))
    assert reliability.error == 0.0
    assert [(each.count, each.promised, each.came_true) for each in reliability.bins] == [
        (10, 0.0, 0.0),
        (10, 0.8, 0.8),
    ]


def test_calibration_error_is_the_gap_weighted_by_the_pairs() -> None:
    reliability = measure_reliability(verdicts([[0]] * 5 + [[0]] * 5, [[0.8]] * 5 + [[0.0]] * 5))
    assert reliability.error == pytest.approx(0.4)


def test_difference_of_a_model_and_itself_is_nothing() -> None:
    for interval in measure_difference(SOME, SOME).values():
        assert (interval.low, interval.high) == (0.0, 0.0)


def test_better_model_is_better_beyond_its_interval() -> None:
    truth = [[1, 0], [0, 1]] * 30
    good = verdicts(truth, [[0.9, 0.1], [0.1, 0.9]] * 30)
    silent = verdicts(truth, [[0.1, 0.1], [0.1, 0.1]] * 30)
    assert measure_difference(good, silent)["macro_f1"].low > 0.5
