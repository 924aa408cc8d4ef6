"""Single fields of other people's JSON: liberal in what is read, strict in what is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.html_text import extract_text, is_html
from service.messages import VERSION_MAX, Moment

JsonObject = dict[str, Any]

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a format says of an article. `status` and `embargoed_until` are as sent, unchecked."""

    id: str
    version: Any = None
    status: Any = None
    url: str = ""
    title: str = ""
    description: str = ""
    body: str = ""
    language: str = ""
    source: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    embargoed_until: Any = None


def fold_names(fields: Mapping[str, Any]) -> JsonObject:
    """Name the fields in lower case without `_`: `pubStatus` and `pub_status` are `pubstatus`.

    Empty fields are left out; of two with one name the first counts.
    """
    folded: JsonObject = {}
    for name, value in fields.items():
        if value not in (None, "", [], {}):
            folded.setdefault(name.lower().replace("_", ""), value)
    return folded


def read_words(value: Any) -> str:
    """Read a name, an id or a code: text or a whole number; anything else is none ("")."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def read_first(*values: Any) -> str:
    """Read the first of these that has words."""
    return next(filter(None, map(read_words, values)), "")


def read_text(value: Any, content_type: str = "") -> str:
    """Read a text, plain or HTML.

    Args:
        value: the text; anything but text is none ("").
        content_type: its media type; without one, what has markup in it is HTML.

    Raises:
        HtmlTooDeepError: as `extract_text`.
    """
    if not isinstance(value, str):
        return ""
    html = (
        "html" in content_type or "xml" in content_type if content_type.strip() else is_html(value)
    )
    return extract_text(value) if html else value.strip()


def read_line(value: Any, content_type: str = "") -> str:
    """Read a headline: as `read_text`, but on one line."""
    return " ".join(read_text(value, content_type).split())


def read_url(*values: Any) -> str:
    """Read the first of these that is the address of a page."""
    addresses = (read_words(value) for value in values)
    return next(
        (each for each in addresses if each.lower().startswith(("http://", "https://"))), ""
    )


def read_moment(*values: Any) -> datetime | None:
    """Read the first of these that is a point in time; without a zone it is in UTC."""
    for value in values:
        try:
            return _MOMENT.validate_python(value)
        except ValidationError:
            continue
    return None


def read_objects(value: Any) -> list[JsonObject]:
    """Read an object, or the objects of an array."""
    if isinstance(value, dict):
        return [value]
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def derive_version(version: Any, updated_at: datetime | None) -> int | None:
    """Derive a version that rises: its number, or else when it was made.

    Args:
        version: as sent; counts if it is a whole number from 1 to VERSION_MAX, or such digits.
        updated_at: when this version was made.

    Returns:
        The number; else whole seconds since 1970, so that what was made later has the higher
        version (and a higher one than any that counts 1, 2, 3); none without a date.
    """
    if isinstance(version, float) and version.is_integer():
        version = int(version)
    digits = read_words(version)
    if digits.isascii() and digits.isdecimal():
        # Sixteen digits hold VERSION_MAX; int() is slow on a million of them.
        number = int(digits) if len(digits) <= len(str(VERSION_MAX)) else 0
        if 1 <= number <= VERSION_MAX:
            return number
    if updated_at is None:
        return None
    return max(1, int((updated_at - _EPOCH).total_seconds()))


def join_description(description: str, body: str) -> str:
    """Put the description before the body as a paragraph, unless the body begins with it."""
    # Feeds wrap lines differently in the two; twice the length leaves room for that.
    beginning = " ".join(body[: 2 * len(description) + 100].split())
    if beginning.startswith(" ".join(description.split())):
        return body
    return f"{description}\n\n{body}".strip()
