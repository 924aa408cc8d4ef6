"""What labels articles is the fitted pipeline's own, word by word and number by number."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.fitted import FittedPipeline, read_fitted, take_fitted, write_fitted
from service.model_file import ModelError, load_model
from service.pipeline_file import load_pipeline
from service.scoring import FoldedPipeline
from service.settings import CHECKOUT
from tests.factories import MODELS

ENTRIES = write_fitted(load_model(MODELS)[0])


def read_entries(entries: dict[str, bytes]) -> FittedPipeline:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        for name, content in entries.items():
            written.writestr(name, content)
    with zipfile.ZipFile(packed) as read:
        return read_fitted(read)


def change_texts(**changes: Any) -> dict[str, bytes]:
    texts = json.loads(ENTRIES["fitted.json"]) | changes
    return ENTRIES | {"fitted.json": json.dumps(texts).encode()}


def write_array(array: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def test_committed_model_labels_by_what_its_pipeline_was_fitted_to() -> None:
    assert write_fitted(take_fitted(load_pipeline(MODELS)[0])) == ENTRIES


def test_what_is_read_folds_to_the_weights_of_the_pipeline() -> None:
    pipeline, _ = load_pipeline(MODELS)
    from_pipeline, from_file = FoldedPipeline(pipeline), FoldedPipeline(read_entries(ENTRIES))
    assert np.array_equal(from_file.weights, from_pipeline.weights)
    assert np.array_equal(from_file.biases, from_pipeline.biases)


@pytest.mark.parametrize(
    "change",
    [
        lambda: change_texts(labels=["ttp"]),
        lambda: change_texts(vocabulary=["border"]),
        lambda: change_texts(feature_names=[]),
        lambda: change_texts(unheard_of=1),
        lambda: ENTRIES | {"fitted.idf.npy": write_array(np.zeros(3))},
        lambda: ENTRIES | {"fitted.intercepts.npy": write_array(np.zeros(4, np.float32))},
    ],
)
def test_words_and_numbers_that_do_not_belong_together_are_refused(
    change: Callable[[], dict[str, bytes]],
) -> None:
    with pytest.raises(ValueError, match=r"its numbers are|Extra inputs"):
        read_entries(change())


@pytest.mark.parametrize(
    ("name", "value"),
    [("norm", "l1"), ("ngram_range", [1, 3]), ("tokenizer", "os.system"), ("analyzer", "char")],
)
def test_words_fitted_with_settings_that_are_not_folded_are_refused_from_a_file_too(
    name: str, value: object
) -> None:
    settings = json.loads(ENTRIES["fitted.json"])["words"]
    fitted = read_entries(change_texts(words=settings | {name: value}))
    with pytest.raises(ModelError, match=f"TF-IDF step has {name}="):
        FoldedPipeline(fitted)


def test_worker_loads_its_model_without_scikit_learn() -> None:
    # With it a worker took twice the memory and started two seconds later.
    code = (
        "import sys; import service.cli, service.worker; from pathlib import Path;"
        "from service.classifier import Classifier; Classifier.load(Path('models'));"
        "print(sorted({'sklearn', 'scipy', 'skops', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run(  # noqa: S603, our own interpreter and code
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
