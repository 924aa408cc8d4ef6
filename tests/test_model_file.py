import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from service.model_file import Manifest, ModelError, load_model
from tests.factories import MODELS

NEXT_COMMAND = "run `make "


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


def change_manifest(model_dir: Path, **changes: Any) -> None:
    path = model_dir / "manifest.json"
    manifest = Manifest.model_validate_json(path.read_bytes())
    path.write_text(manifest.model_copy(update=changes).model_dump_json(), encoding="utf-8")


def replace_model(model_dir: Path, content: bytes) -> None:
    (model_dir / "model.skops").write_bytes(content)
    change_manifest(model_dir, sha256=hashlib.sha256(content).hexdigest())


def change_one_byte(model_dir: Path) -> None:
    content = bytearray((model_dir / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (model_dir / "model.skops").write_bytes(content)


def forget_a_label(model_dir: Path) -> None:
    labels = load_model(model_dir)[1].labels
    change_manifest(model_dir, labels=labels[:-1])


def rename_a_label(model_dir: Path) -> None:
    first, *others = load_model(model_dir)[1].labels
    change_manifest(model_dir, labels=[first.model_copy(update={"name": "cricket"}), *others])


def smuggle_code(model_dir: Path) -> None:
    replace_model(
        model_dir, skops.io.dumps(Pipeline([("run", FunctionTransformer(shutil.rmtree))]))
    )


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "one_byte_changed": (change_one_byte, "not the file its manifest describes"),
    "model_cut_short": (
        lambda folder: (folder / "model.skops").write_bytes(b""),
        "not the file its manifest describes",
    ),
    "no_folder": (shutil.rmtree, "no usable model"),
    "no_model": (lambda folder: (folder / "model.skops").unlink(), "model.skops"),
    "no_manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json"),
    "manifest_garbage": (
        lambda folder: (folder / "manifest.json").write_bytes(b"\xff{garbage"),
        "no usable model",
    ),
    "manifest_of_another_form": (
        lambda folder: (folder / "manifest.json").write_text('{"sha256": 1}'),
        "no usable model",
    ),
    "other_scikit_learn": (
        lambda folder: change_manifest(folder, sklearn="1.0.2"),
        "scikit-learn 1.0.2",
    ),
    "other_number_of_labels": (forget_a_label, "its manifest has others"),
    "renamed_label": (rename_a_label, "its manifest has others"),
    "untrusted_type": (smuggle_code, "shutil.rmtree"),
    "no_skops_file": (lambda folder: replace_model(folder, b"pickle?"), "no usable model"),
}


def test_committed_model_is_loaded() -> None:
    pipeline, manifest = load_model(MODELS)
    assert pipeline.label_names_ == [label.name for label in manifest.labels]


@pytest.mark.parametrize(("damage", "reason"), BROKEN.values(), ids=BROKEN)
def test_model_that_does_not_fit_is_refused_with_the_next_command(
    damage: Callable[[Path], object], reason: str, model_dir: Path
) -> None:
    damage(model_dir)
    with pytest.raises(ModelError) as caught:
        load_model(model_dir)
    message = str(caught.value)
    assert reason in message
    assert NEXT_COMMAND in message
    assert "\n" not in message
