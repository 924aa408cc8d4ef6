"""The contracts for those who speak other languages: JSON Schema 2020-12 and AsyncAPI 3.0.

Written from the messages, committed in `schemas/`, and held equal to them by a test.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic.json_schema import GenerateJsonSchema

from service.alerts import Alert
from service.asyncapi import describe_asyncapi
from service.digests import Digest
from service.headers import (
    ALERT_SCHEMA,
    DIGEST_SCHEMA,
    AlertHeaders,
    DigestHeaders,
    RejectionHeaders,
    ReplayNoteHeaders,
)
from service.messages import Article, Message
from service.settings import CHECKOUT, Settings

SCHEMAS = CHECKOUT / "service" / "schemas"
ASYNCAPI_FILE = "asyncapi.yaml"

_LINE_CHARACTERS = 100

JsonObject = dict[str, Any]


class DriftError(Exception):
    """Exported contracts are not what the code says; the text names the files."""


class Contract(NamedTuple):
    """One JSON Schema: of what we accept (`validation`) or of what we write (`serialization`)."""

    id: str
    message: type[Message]
    mode: Literal["validation", "serialization"] = "serialization"


CONTRACTS = {
    "article.v1.schema.json": Contract("urn:beatwatch:schema:article:v1", Article, "validation"),
    "alert.v1.schema.json": Contract(ALERT_SCHEMA, Alert),
    "alert-headers.v1.schema.json": Contract("urn:beatwatch:schema:alert-headers:v1", AlertHeaders),
    "digest.v1.schema.json": Contract(DIGEST_SCHEMA, Digest),
    "digest-headers.v1.schema.json": Contract(
        "urn:beatwatch:schema:digest-headers:v1", DigestHeaders
    ),
    "rejection-headers.v1.schema.json": Contract(
        "urn:beatwatch:schema:rejection-headers:v1", RejectionHeaders
    ),
    "replay-note-headers.v1.schema.json": Contract(
        "urn:beatwatch:schema:replay-note-headers:v1", ReplayNoteHeaders
    ),
}


def write_contracts(folder: Path) -> list[str]:
    """Write the contracts' files; the same code gives the same bytes.

    Returns:
        The files' names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = _render_contracts()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(texts)


def check_contracts(folder: Path) -> None:
    """Check that a folder has the contracts as the code says them.

    Raises:
        DriftError: a file is missing or says something else.
    """
    drifted = [
        name
        for name, text in _render_contracts().items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != text.encode()
    ]
    if drifted:
        raise DriftError(
            f"not as the code says: {', '.join(drifted)} in {folder}; run `beatwatch schema export`"
        )


def describe_schema(contract: Contract) -> JsonObject:
    """Write a contract as JSON Schema 2020-12."""
    schema = contract.message.model_json_schema(mode=contract.mode, schema_generator=_SchemaWriter)
    return {"$schema": _SchemaWriter.schema_dialect, "$id": contract.id, **schema}


class _SchemaWriter(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002, pydantic's method
        # A title such as "Published At" says no more than the field's name.
        return False


class _PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002, PyYAML's method
        # Anchors would hide from the reader what is there.
        return True


def _render_contracts() -> Mapping[str, str]:
    rendered = {
        name: json.dumps(describe_schema(contract), indent=2, ensure_ascii=False) + "\n"
        for name, contract in CONTRACTS.items()
    }
    rendered[ASYNCAPI_FILE] = yaml.dump(
        describe_asyncapi(Settings()),
        Dumper=_PlainDumper,
        sort_keys=False,
        allow_unicode=True,
        width=_LINE_CHARACTERS,
    )
    return rendered
