"""The exported contracts as a consumer has them: files, and validators made of them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from service.contracts import ASYNCAPI_FILE, SCHEMAS

FORMATS = FormatChecker(formats=["uuid"])
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@FORMATS.checks("date-time")
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or _RFC_3339.fullmatch(value) is not None


def read_schema(file: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


@cache
def read_exported(name: str) -> dict[str, Any]:
    return read_schema(SCHEMAS / name)


@cache
def read_asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((SCHEMAS / ASYNCAPI_FILE).read_text(encoding="utf-8"))
    return document


def list_problems(schema: dict[str, Any], instance: object) -> list[str]:
    """Validate against a schema that may refer to the exported files by their names."""
    files = {
        f"./{path.name}": Resource.from_contents(read_schema(path))
        for path in SCHEMAS.glob("*.json")
    }
    validator = Draft202012Validator(
        schema, registry=Registry().with_resources(files.items()), format_checker=FORMATS
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]
