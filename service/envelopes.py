"""What articles come wrapped in: CloudEvents, Confluent's schema prefixes, JSON itself."""

import binascii
import codecs
import re
from base64 import b64decode
from typing import Any

from pydantic_core import from_json

from service.messages import Headers, RejectedArticleError, RejectionReason

_BYTE_ORDER_MARK = codecs.BOM_UTF8
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Confluent's wire format: a magic byte, then the schema's id (4 bytes) or its GUID (16 bytes).
_CONFLUENT_PREFIX_BYTES = {0x00: 1 + 4, 0x01: 1 + 16}
_JSON_START = re.compile(rb'[{\["0-9tfn-]')
# Of these none is in text, and few binary messages do without in their first half kibibyte.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_SAMPLE_BYTES = 512
_SEND_JSON = "send JSON in UTF-8"


def open_envelopes(value: bytes, headers: Headers) -> Any:
    """Take the JSON out of a message: behind a Confluent prefix, inside a CloudEvent, or plain.

    In CloudEvents' binary mode (`ce_*` headers) the value is the article already, and of the
    headers only `content-type` matters here: it says what a value that is no JSON was meant to be.

    Raises:
        RejectedArticleError: it is no JSON; says what it is instead.
    """
    content = _read_json(value, headers)
    if not _is_cloud_event(content):
        return content
    if content.get("data_base64") is not None:
        try:
            return _read_json(b64decode(content["data_base64"], validate=True), ())
        except (binascii.Error, TypeError, ValueError):
            raise RejectedArticleError(
                RejectionReason.INVALID_ARTICLE, "CloudEvent: `data_base64` is not base64"
            ) from None
    data = content.get("data")
    if data in (None, ""):
        raise RejectedArticleError(RejectionReason.EMPTY_MESSAGE, "the CloudEvent has no data")
    return _read_json(data.encode(), ()) if isinstance(data, str) else data


def _is_cloud_event(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and "specversion" in content
        and not content.keys().isdisjoint(["data", "data_base64", "source"])
    )


def _read_json(value: bytes, headers: Headers) -> Any:
    text = _strip_confluent_prefix(value).removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not _JSON_START.match(text):
        raise _explain_other(text, headers)
    try:
        return from_json(text)
    except ValueError as error:
        # It names a place and what is wrong there, never what stands there.
        raise RejectedArticleError(RejectionReason.INVALID_JSON, str(error)) from None


def _strip_confluent_prefix(value: bytes) -> bytes:
    prefix_bytes = _CONFLUENT_PREFIX_BYTES.get(value[0]) if value else None
    if prefix_bytes is None:
        return value
    rest = value[prefix_bytes:]
    if rest.lstrip()[:1] not in (b"{", b"[", b"<"):
        raise RejectedArticleError(
            RejectionReason.BINARY_NOT_SUPPORTED,
            f"Confluent's prefix with no JSON behind it (Avro or Protobuf?); {_SEND_JSON}",
        )
    return rest


def _explain_other(text: bytes, headers: Headers) -> RejectedArticleError:
    content_type = next(
        (
            (content or b"").decode("latin-1").lower()
            for name, content in headers
            if name.lower() == "content-type"
        ),
        "",
    )
    utf_16 = text.startswith(_UTF_16)
    start = text.replace(b"\x00", b"")[2:].lstrip() if utf_16 else text
    if start.startswith(b"<") or "xml" in content_type:
        return RejectedArticleError(
            RejectionReason.XML_NOT_SUPPORTED, f"this is XML or HTML; {_SEND_JSON}"
        )
    if utf_16:
        return RejectedArticleError(RejectionReason.INVALID_JSON, f"this is UTF-16; {_SEND_JSON}")
    if _is_binary(text) or any(kind in content_type for kind in ("avro", "protobuf", "octet")):
        return RejectedArticleError(
            RejectionReason.BINARY_NOT_SUPPORTED,
            f"these bytes are no text (Avro, Protobuf, something compressed?); {_SEND_JSON}",
        )
    return RejectedArticleError(RejectionReason.INVALID_JSON, f"this is no JSON; {_SEND_JSON}")


def _is_binary(text: bytes) -> bool:
    sample = text[:_SAMPLE_BYTES]
    try:
        # A character that the end of the sample cuts is no fault.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return True
    return _CONTROLS.search(sample) is not None
