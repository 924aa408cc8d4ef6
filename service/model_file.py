"""The model on disk: written so that equal models are equal files, verified before it is used."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import sklearn
import skops.io
from pydantic import BaseModel, ConfigDict, ValidationError
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
EVALUATION_FILE = "evaluation.json"
# skops loads scikit-learn's own types and refuses any other but these two of ours.
_TRUSTED = ["service.features.ConceptFeatures", "service.words.list_words"]


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


def load_model(model_dir: Path) -> tuple[Pipeline, Manifest]:
    """Load a model after checking that it is the one its manifest describes.

    Raises:
        ModelError: files are missing or unreadable, the hash differs, scikit-learn is of another
            version, the file holds types that are not scikit-learn's, or the labels differ from
            the manifest's.
    """
    retrain = "run `make train` (or `beatwatch train`) to make it anew"
    try:
        manifest = Manifest.model_validate_json((model_dir / MANIFEST_FILE).read_bytes())
        content = (model_dir / MODEL_FILE).read_bytes()
    except (OSError, ValidationError) as error:
        first_line = str(error).splitlines()[0]
        raise ModelError(f"no usable model in {model_dir}: {first_line}; {retrain}") from error
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
        pipeline = skops.io.loads(content, trusted=_TRUSTED)
    except (UntrustedTypesFoundException, zipfile.BadZipFile) as error:
        raise ModelError(f"no usable model in {model_dir}: {error}; {retrain}") from error
    # Under the file's hash, unlike the manifest's: a renamed or moved label would mislabel.
    trained_on = getattr(pipeline, "label_names_", None)
    if trained_on != [label.name for label in manifest.labels]:
        raise ModelError(
            f"the model was trained on the labels {trained_on}, its manifest has others; {retrain}"
        )
    return pipeline, manifest


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
