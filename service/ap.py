"""The Associated Press' Media API: a ninjs 1.x object in a wrapper."""

from dataclasses import replace
from typing import Any

from service.fields import Draft, JsonObject, read_first, read_objects
from service.ninjs import read_ninjs


def find_ap(content: Any) -> list[JsonObject]:
    """Find the articles in the wrapper: `data.item`, or `data.items[].item` of a feed."""
    if not isinstance(content, dict) or "api_version" not in content:
        return []
    return [
        article
        for data in read_objects(content.get("data"))
        for holder in [data, *read_objects(data.get("items"))]
        for article in read_objects(holder.get("item"))
    ]


def read_ap(article: JsonObject) -> Draft:
    """Read an item of AP.

    Its identity is `altids.itemid`: `uri` is an address of the API.

    Raises:
        HtmlTooDeepError: as `extract_text`.
    """
    draft = read_ninjs(article)
    ids = [each.get("itemid") for each in read_objects(article.get("altids"))]
    return replace(draft, id=read_first(*ids, draft.id))
