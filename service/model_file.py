"""The model on disk, verified before it is used.

What labels articles is read here, without scikit-learn; the pipeline itself in `pipeline_file`.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from service.drift import DriftReference
from service.fitted import FittedPipeline, read_fitted

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
EVALUATION_FILE = "evaluation.json"
# Today's model has 2 MB and 12 MB unpacked. Beyond these it is none of ours, and would only fill
# the memory of whoever reads it.
MODEL_MAX_BYTES = 64 * 1024 * 1024
UNPACKED_MAX_BYTES = 256 * 1024 * 1024
# What zipfile, json, numpy and skops raise on a file that is not what it says (found by turning
# bits in one whose hash was right).
_MALFORMED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)

Model = TypeVar("Model")


class ModelError(Exception):
    """The model cannot be used; the text names the next command to type."""


class LabelManifest(BaseModel):
    """A watched label as the model was trained on it."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    definition: str
    threshold: float
    review_threshold: float


class Manifest(BaseModel):
    """What `models/manifest.json` says of the model file beside it."""

    model_config = ConfigDict(frozen=True)

    version: str
    sha256: str
    seeds_sha256: str
    sklearn: str
    labels: list[LabelManifest]
    drift: DriftReference
    manifest_sha256: str = ""

    def sealed(self) -> Self:
        """This manifest with the SHA-256 of all its other fields."""
        return self.model_copy(update={"manifest_sha256": self._hash_others()})

    @property
    def is_sound(self) -> bool:
        """Whether it is as it was sealed: a threshold that rotted on a disk would mislabel."""
        return self.manifest_sha256 == self._hash_others()

    def _hash_others(self) -> str:
        others = self.model_dump_json(exclude={"manifest_sha256"})
        return hashlib.sha256(others.encode()).hexdigest()


def load_model(model_dir: Path) -> tuple[FittedPipeline, Manifest]:
    """Load what labels articles.

    Raises:
        ModelError: as `load_verified`.
    """
    return load_verified(model_dir, _load_fitted)


def load_verified(model_dir: Path, load: Callable[[bytes], Model]) -> tuple[Model, Manifest]:
    """Load a model after checking that it is the one its manifest describes.

    Args:
        model_dir: has the model file and its manifest.
        load: makes the model of the file's content, of which nothing but the hash is checked.

    Raises:
        ModelError: files are missing, unreadable or too large, a hash differs, scikit-learn is of
            another version, the file is no sound one, or the labels differ from the manifest's.
    """
    retrain = "run `make train` (or `beatwatch train`) to make it anew"
    try:
        manifest = Manifest.model_validate_json(_read_bounded(model_dir / MANIFEST_FILE))
        content = _read_bounded(model_dir / MODEL_FILE)
    except (OSError, ValidationError) as error:
        first_line = str(error).splitlines()[0]
        raise ModelError(f"no usable model in {model_dir}: {first_line}; {retrain}") from error
    if not manifest.is_sound:
        raise ModelError(
            f"{model_dir / MANIFEST_FILE} was changed since it was written (its manifest_sha256 "
            f"is not that of its other fields); restore it from the repository or {retrain}"
        )
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != manifest.sha256:
        raise ModelError(
            f"{model_dir / MODEL_FILE} is not the file its manifest describes "
            f"(SHA-256 {sha256[:12]}…, manifest {manifest.sha256[:12]}…); "
            f"restore both from the repository or {retrain}"
        )
    # Asked of the installation: to import it takes two seconds.
    installed = metadata.version("scikit-learn")
    if manifest.sklearn != installed:
        raise ModelError(
            f"the model was trained with scikit-learn {manifest.sklearn}, installed is "
            f"{installed}; run `make setup` for the locked version or {retrain}"
        )
    try:
        _check_unpacked_size(content)
        model = load(content)
    except _MALFORMED as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"no usable model in {model_dir}: {first_line}; {retrain}") from error
    # Under the file's hash, unlike the manifest's: a renamed or moved label would mislabel.
    trained_on = getattr(model, "label_names_", None)
    if trained_on != [label.name for label in manifest.labels]:
        raise ModelError(
            f"the model was trained on the labels {trained_on}, its manifest has others; {retrain}"
        )
    return model, manifest


def _read_bounded(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file")  # A pipe would be waited for without end.
    with path.open("rb") as file:
        content = file.read(MODEL_MAX_BYTES + 1)
    if len(content) > MODEL_MAX_BYTES:
        raise OSError(f"{path} is larger than {MODEL_MAX_BYTES} bytes")
    return content


def _check_unpacked_size(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        # zipfile unpacks no more of an entry than its directory says.
        unpacked = sum(entry.file_size for entry in packed.infolist())
    if unpacked > UNPACKED_MAX_BYTES:
        raise ValueError(f"unpacked it is larger than {UNPACKED_MAX_BYTES} bytes")


def _load_fitted(content: bytes) -> FittedPipeline:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return read_fitted(packed)
