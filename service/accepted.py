"""What a field of an article may be, in JSON Schema, where more is read than its type says.

Whatever is read is valid by these, and what is left out is not: they say what to send. What only
arithmetic tells apart (the 30th of February, a version of fifty digits as text) is valid, but is
not read.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class OrElse:
    """Besides the field's own type: null, and strings of a pattern."""

    pattern: str | None = None

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Write what is read; what we write is of the field's own type."""
        own = handler(schema)
        if handler.mode == "serialization":
            return own
        text = [{"type": "string", "pattern": self.pattern}] if self.pattern else []
        return {"anyOf": [own, *text, {"type": "null"}]}


def _match_any_case(words: str) -> str:
    return "".join(f"[{each.upper()}{each}]" if each.isalpha() else each for each in words)


# An empty string is as good as none, in all of them.
_USABLE = rf"^$|^\s*([\s\S]*:)?{_match_any_case('usable')}\s*$"
_NOT_USABLE = rf"^\s*([\s\S]*:)?({_match_any_case('withheld')}|{_match_any_case('cancell?ed')})\s*$"
STATUS_PATTERN = f"{_USABLE}|{_NOT_USABLE}"
VERSION_PATTERN = r"^$|^\s*\+?(?=[0_]*[1-9])[0-9]+(_[0-9]+)*(\.0+)?\s*$"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"
_ZONE = r"([Zz]|[-+\u2212][0-9]{2}:?[0-9]{2})"
_SECONDS = r"[-+\u2212]?(?=\.?[0-9])[0-9]*(\.[0-9]*([eE][-+]?[0-9]+)?)?"
MOMENT = WithJsonSchema(
    {
        # No `format`: a date-time has a zone, and we read times without.
        "type": ["string", "number", "null"],
        "pattern": f"^$|^{_DATE}([Tt _]{_TIME}{_ZONE}?)?$|^{_SECONDS}$",
    },
    mode="validation",
)


def _has_words(field: str) -> dict[str, Any]:
    return {"required": [field], "properties": {field: {"type": "string", "pattern": r"\S"}}}


USABLE_HAS_WORDS: dict[str, Any] = {
    "anyOf": [
        _has_words("title"),
        _has_words("text"),
        {
            "required": ["status"],
            "properties": {"status": {"type": "string", "pattern": _NOT_USABLE}},
        },
    ]
}
