"""One article in every form that newsrooms send, written by the published schemas."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data" / "formats"
ARTICLE_ID = "urn:newsroom:2024:4711"
# All say the same; `native` says it in our own form.
ARTICLES = [
    "native",
    "ninjs-1.6",
    "ninjs-2.2",
    "ninjs-3.1",
    "superdesk",
    "ap",
    "schema-org",
    "schema-org-array",
    "schema-org-graph",
    "arc-story",
    "arc-publish",
]
WITHDRAWALS = ["arc-unpublish", "arc-delete"]


def read_example(name: str) -> bytes:
    """Read the bytes of an example as they are sent."""
    return (FOLDER / f"{name}.json").read_bytes()


def change_example(name: str, **changes: Any) -> bytes:
    """Read an example, with other values for fields of its outermost object."""
    return json.dumps(json.loads(read_example(name)) | changes).encode()
