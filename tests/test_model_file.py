import contextlib
import hashlib
import io
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from service.model_file import (
    MODEL_MAX_BYTES,
    UNPACKED_MAX_BYTES,
    Manifest,
    ModelError,
    load_model,
)
from service.pipeline_file import load_pipeline
from tests.factories import MODELS

NEXT_COMMAND = "run `make "


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


def change_manifest(model_dir: Path, **changes: Any) -> None:
    path = model_dir / "manifest.json"
    manifest = Manifest.model_validate_json(path.read_bytes())
    changed = manifest.model_copy(update=changes).sealed()
    path.write_text(changed.model_dump_json(), encoding="utf-8")


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


def lower_a_threshold(model_dir: Path) -> None:
    path = model_dir / "manifest.json"
    path.write_text(re.sub(r'("threshold": 0)\.\d+', r"\1.01", path.read_text(encoding="utf-8")))


def swap_files(model_dir: Path) -> None:
    model, manifest = model_dir / "model.skops", model_dir / "manifest.json"
    model.rename(model_dir / "kept")
    manifest.rename(model)
    (model_dir / "kept").rename(manifest)


def put_another_model_beside_the_manifest(model_dir: Path) -> None:
    (model_dir / "model.skops").write_bytes(skops.io.dumps(Pipeline([("none", "passthrough")])))


def repack(model_dir: Path, **entries: bytes) -> None:
    """Put entries into the model, and its hash into the manifest, as one who has write access."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(model_dir / "model.skops") as original,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for name in original.namelist():
            changed.writestr(name, entries.pop(name, original.read(name)))
        for name, content in entries.items():
            changed.writestr(name, content)
    replace_model(model_dir, packed.getvalue())


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def write_pickled_array(model_dir: Path) -> bytes:
    array = np.empty(1, dtype=object)
    array[0] = Trap(model_dir / "sprung")
    written = io.BytesIO()
    np.save(written, array, allow_pickle=True)
    return written.getvalue()


def list_arrays(model_dir: Path) -> list[str]:
    with zipfile.ZipFile(model_dir / "model.skops") as packed:
        return [name for name in packed.namelist() if name.endswith(".npy")]


def hide_a_pickle_in_every_array(model_dir: Path) -> None:
    repack(model_dir, **dict.fromkeys(list_arrays(model_dir), write_pickled_array(model_dir)))


def put_a_pickle_in_the_place_of_the_model(model_dir: Path) -> None:
    replace_model(model_dir, pickle.dumps(Trap(model_dir / "sprung")))


def claim_arrays_of_a_terabyte(model_dir: Path) -> None:
    header = io.BytesIO()
    described = {"descr": "<f8", "fortran_order": False, "shape": (2**37,)}
    np.lib.format.write_array_header_1_0(header, described)
    repack(model_dir, **dict.fromkeys(list_arrays(model_dir), header.getvalue() + b"\0" * 64))


def pack_a_bomb(model_dir: Path) -> None:
    repack(model_dir, bomb=bytes(UNPACKED_MAX_BYTES))


def nest_what_it_says_deep(model_dir: Path) -> None:
    repack(model_dir, **dict.fromkeys(("schema.json", "fitted.json"), b'{"a":' * 100_000))


def link_to_an_endless_file(model_dir: Path) -> None:
    (model_dir / "model.skops").unlink()
    (model_dir / "model.skops").symlink_to("/dev/zero")


def put_a_pipe_in_its_place(model_dir: Path) -> None:
    (model_dir / "model.skops").unlink()
    os.mkfifo(model_dir / "model.skops")


def grow_beyond_all_bounds(model_dir: Path) -> None:
    with (model_dir / "model.skops").open("r+b") as file:
        file.truncate(MODEL_MAX_BYTES + 1)


def link_to_itself(model_dir: Path) -> None:
    (model_dir / "model.skops").unlink()
    (model_dir / "model.skops").symlink_to("model.skops")


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
    "lowered_threshold": (lower_a_threshold, "was changed since it was written"),
    "swapped_files": (swap_files, "no usable model"),
    "another_model": (put_another_model_beside_the_manifest, "not the file its manifest describes"),
    "pickle": (put_a_pickle_in_the_place_of_the_model, "no usable model"),
    "pickle_in_an_array": (hide_a_pickle_in_every_array, "no usable model"),
    "array_of_a_terabyte": (claim_arrays_of_a_terabyte, "no usable model"),
    "zip_bomb": (pack_a_bomb, "unpacked it is larger than"),
    "deep_schema": (nest_what_it_says_deep, "no usable model"),
    "endless_file": (link_to_an_endless_file, "is no file"),
    "pipe": (put_a_pipe_in_its_place, "is no file"),
    "large_file": (grow_beyond_all_bounds, "is larger than"),
    "link_to_itself": (link_to_itself, "no usable model"),
    "no_skops_file": (lambda folder: replace_model(folder, b"pickle?"), "no usable model"),
}


# A worker loads the one, training and whoever asks scikit-learn the other; of the same file.
LOADS: list[Callable[[Path], tuple[Any, Manifest]]] = [load_model, load_pipeline]


@pytest.mark.parametrize("load", LOADS)
def test_committed_model_is_loaded(load: Callable[[Path], tuple[Any, Manifest]]) -> None:
    model, manifest = load(MODELS)
    assert model.label_names_ == [label.name for label in manifest.labels]


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize(("damage", "reason"), BROKEN.values(), ids=BROKEN)
def test_model_that_does_not_fit_is_refused_with_the_next_command(
    damage: Callable[[Path], object],
    reason: str,
    load: Callable[[Path], tuple[Any, Manifest]],
    model_dir: Path,
) -> None:
    damage(model_dir)
    with pytest.raises(ModelError) as caught:
        load(model_dir)
    message = str(caught.value)
    assert reason in message
    assert NEXT_COMMAND in message
    assert "\n" not in message
    assert not (model_dir / "sprung").exists()


def test_pipeline_of_an_untrusted_type_is_refused_by_name(model_dir: Path) -> None:
    smuggle_code(model_dir)
    with pytest.raises(ModelError, match=r"shutil\.rmtree.*run `make "):
        load_pipeline(model_dir)


def test_the_trap_of_these_tests_springs_when_it_is_unpickled(tmp_path: Path) -> None:
    np.load(io.BytesIO(write_pickled_array(tmp_path)), allow_pickle=True)
    assert (tmp_path / "sprung").exists()


def test_model_behind_links_is_loaded_as_container_platforms_mount_it(model_dir: Path) -> None:
    for name in ("model.skops", "manifest.json"):
        (model_dir / name).rename(model_dir / f"..{name}")
        (model_dir / name).symlink_to(f"..{name}")
    assert load_model(model_dir)[1] == load_model(MODELS)[1]


FILES = {name: (MODELS / name).read_bytes() for name in ("model.skops", "manifest.json")}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_bit_turned_anywhere_is_noticed(name: str, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 8 * len(FILES[name]) - 1))
    content = bytearray(FILES[name])
    content[bit // 8] ^= 1 << bit % 8
    with TemporaryDirectory() as folder:
        for each, original in FILES.items():
            (Path(folder) / each).write_bytes(content if each == name else original)
        with pytest.raises(ModelError, match=NEXT_COMMAND):
            load_model(Path(folder))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_turned_bits_under_a_hash_made_anew_end_in_a_model_or_one_clear_error(
    data: st.DataObject,
) -> None:
    content = bytearray(FILES["model.skops"])
    # The last bytes are the directory of the zip file, and its every field is worth a try.
    near_the_end = st.integers(8 * (len(content) - 2_000), 8 * len(content) - 1)
    anywhere = st.integers(0, 8 * len(content) - 1)
    for bit in data.draw(st.lists(near_the_end | anywhere, min_size=1, max_size=4)):
        content[bit // 8] ^= 1 << bit % 8
    with TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_bytes(FILES["manifest.json"])
        replace_model(Path(folder), bytes(content))
        for load in LOADS:
            with contextlib.suppress(ModelError):
                load(Path(folder))
