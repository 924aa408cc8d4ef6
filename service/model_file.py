"""The model on disk: written so that equal models are equal files, verified before it is used."""

import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, Self

import sklearn
import skops.io
from pydantic import BaseModel, ConfigDict, ValidationError
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from service.drift import DriftReference

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
EVALUATION_FILE = "evaluation.json"
# skops loads scikit-learn's own types and refuses any other but these two of ours.
_TRUSTED = ["service.features.ConceptFeatures", "service.words.list_words"]
# Today's model has 1 MB and 10 MB unpacked. Beyond these it is none of ours, and would only fill
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
    UntrustedTypesFoundException,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


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


def load_model(model_dir: Path) -> tuple[Pipeline, Manifest]:
    """Load a model after checking that it is the one its manifest describes.

    Raises:
        ModelError: files are missing, unreadable or too large, a hash differs, scikit-learn is of
            another version, the file holds types that are not scikit-learn's or is no sound one,
            or the labels differ from the manifest's.
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
    if manifest.sklearn != sklearn.__version__:
        raise ModelError(
            f"the model was trained with scikit-learn {manifest.sklearn}, installed is "
            f"{sklearn.__version__}; run `make setup` for the locked version or {retrain}"
        )
    try:
        pipeline = _load_pipeline(content)
    except _MALFORMED as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"no usable model in {model_dir}: {first_line}; {retrain}") from error
    # Under the file's hash, unlike the manifest's: a renamed or moved label would mislabel.
    trained_on = getattr(pipeline, "label_names_", None)
    if trained_on != [label.name for label in manifest.labels]:
        raise ModelError(
            f"the model was trained on the labels {trained_on}, its manifest has others; {retrain}"
        )
    return pipeline, manifest


def _read_bounded(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file")  # A pipe would be waited for without end.
    with path.open("rb") as file:
        content = file.read(MODEL_MAX_BYTES + 1)
    if len(content) > MODEL_MAX_BYTES:
        raise OSError(f"{path} is larger than {MODEL_MAX_BYTES} bytes")
    return content


def _load_pipeline(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        # zipfile unpacks no more of an entry than its directory says.
        unpacked = sum(entry.file_size for entry in packed.infolist())
    if unpacked > UNPACKED_MAX_BYTES:
        raise ValueError(f"unpacked it is larger than {UNPACKED_MAX_BYTES} bytes")
    return skops.io.loads(content, trusted=_TRUSTED)


def serialise_pipeline(pipeline: Pipeline) -> bytes:
    """Write a pipeline in skops' format so that equal pipelines give equal bytes.

    skops names objects by their memory addresses and stamps its entries with the time: the names
    are numbered in order of appearance instead, the time is the earliest a zip file can tell.
    """
    numbers: dict[str, str] = {}

    def renumber(node: dict[str, Any]) -> dict[str, Any]:
        # A vocabulary may hold these names as words; then their values are nodes themselves.
        if isinstance(address := node.get("__id__"), int):
            node["__id__"] = int(numbers.setdefault(str(address), str(len(numbers) + 1)))
        if isinstance(file := node.get("file"), str):
            stem, dot, ending = file.partition(".")
            node["file"] = numbers.setdefault(stem, str(len(numbers) + 1)) + dot + ending
        # An address too, of the default stop words; it only spares scikit-learn a check.
        node.pop("_stop_words_id", None)
        return node

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as original:
        schema = json.dumps(json.loads(original.read("schema.json"), object_hook=renumber))
        entries = {"schema.json": schema.encode()}
        for name in original.namelist():
            stem, dot, ending = name.partition(".")
            if stem in numbers:
                entries[numbers[stem] + dot + ending] = original.read(name)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as canonical:
        for name, content in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            canonical.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return written.getvalue()
