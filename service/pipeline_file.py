"""The fitted pipeline on disk, in skops' form: for training, and whoever asks scikit-learn."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import skops.io
from sklearn.pipeline import Pipeline

from service.fitted import take_fitted, write_fitted
from service.model_file import Manifest, load_verified

# skops loads scikit-learn's own types and refuses any other but these two of ours.
_TRUSTED = ["service.features.ConceptFeatures", "service.words.list_words"]


def load_pipeline(model_dir: Path) -> tuple[Pipeline, Manifest]:
    """Load the fitted pipeline of a model.

    Raises:
        ModelError: as `load_verified`, or it holds types that are not scikit-learn's.
    """
    return load_verified(model_dir, lambda content: skops.io.loads(content, trusted=_TRUSTED))


def serialise_pipeline(pipeline: Pipeline) -> bytes:
    """Write a pipeline in skops' format so that equal pipelines give equal bytes.

    skops names objects by their memory addresses and stamps its entries with the time: the names
    are numbered in order of appearance instead, the time is the earliest a zip file can tell.
    Beside skops' entries, which it alone reads, lie those that labels are made from.
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
        entries = {"schema.json": schema.encode(), **write_fitted(take_fitted(pipeline))}
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
