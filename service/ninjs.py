"""IPTC ninjs 1.x, 2.x and 3.x, and the dialect of it that Superdesk writes.

1.x has `headline`, `body_text`, `body_html`; 2.x and 3.x have `headlines` and `bodies` with a
role each; 3.x is in camelCase. Superdesk has `guid` in place of `uri`.
"""

from typing import Any

from service.fields import (
    Draft,
    JsonObject,
    fold_names,
    read_first,
    read_line,
    read_moment,
    read_objects,
    read_text,
    read_url,
    read_words,
)

# Besides its identity a ninjs object has one of these, folded; much else has a `uri` too.
_MARKS = frozenset(
    [
        "bodies",
        "bodyhtml",
        "bodytext",
        "bodyxhtml",
        "descriptions",
        "descriptionhtml",
        "descriptiontext",
        "embargoed",
        "embargoeduntil",
        "headline",
        "headlines",
        "pubstatus",
        "slugline",
        "versioncreated",
    ]
)
# Of 1.x's open sets those that hold the text; `description_creditline` is none.
_BODIES = {"text": "text/plain", "html": "text/html", "xhtml": "text/html", "nitf": "text/xml"}
_DESCRIPTIONS = {"text": "text/plain", "summary": "", "main": "", "html": "text/html"}


def find_ninjs(content: Any) -> list[JsonObject]:
    """Find the article, if this is ninjs: it names the standard, or has ninjs' fields."""
    if not isinstance(content, dict):
        return []
    standards = read_objects(content.get("standard")) + read_objects(content.get("$standard"))
    named = any(read_words(each.get("name")).lower() == "ninjs" for each in standards)
    # With an `id` it is another form that uses some of the same names.
    marked = (
        ("uri" in content or "guid" in content)
        and "id" not in content
        and not _MARKS.isdisjoint(fold_names(content))
    )
    return [content] if named or marked else []


def read_ninjs(article: JsonObject) -> Draft:
    """Read a ninjs object of any version.

    Raises:
        HtmlTooDeepError: as `extract_text`.
    """
    fields = fold_names(article)
    infosources = read_objects(fields.get("infosources", fields.get("infosource")))
    return Draft(
        id=read_first(fields.get("uri"), fields.get("guid")),
        version=fields.get("version"),
        status=fields.get("pubstatus"),
        url=read_url(fields.get("uri")),
        title=_read_title(fields),
        description=_read_variant(fields, "description", "descriptions", _DESCRIPTIONS),
        body=_read_variant(fields, "body", "bodies", _BODIES),
        language=read_words(fields.get("language")),
        source=read_first(
            *(each.get("name") for each in infosources),
            fields.get("source"),
            fields.get("copyrightholder"),
        ),
        published_at=read_moment(
            fields.get("firstpublished"), fields.get("firstcreated"), fields.get("versioncreated")
        ),
        updated_at=read_moment(fields.get("versioncreated")),
        embargoed_until=fields.get("embargoeduntil", fields.get("embargoed")),
    )


def _read_title(fields: JsonObject) -> str:
    value, content_type = _choose_main(fields.get("headlines"))
    return (
        read_line(value, content_type)
        or read_line(fields.get("headline"))
        or read_line(fields.get("title"))
    )


def _read_variant(fields: JsonObject, name: str, plural: str, variants: dict[str, str]) -> str:
    value, content_type = _choose_main(fields.get(plural))
    texts = [(value, content_type)]
    texts += [
        (fields.get(name + variant), content_type) for variant, content_type in variants.items()
    ]
    for each, its_type in texts:
        text = read_text(each, its_type)
        if text:
            return text
    return ""


def _choose_main(values: Any) -> tuple[Any, str]:
    """Choose of 2.x's and 3.x's variants: role `main` first, then plain text before HTML."""
    best: tuple[Any, str] = (None, "")
    best_rank = (2, 3)
    for each in map(fold_names, read_objects(values)):
        content_type = read_words(each.get("contenttype")).lower()
        plain_first = (
            0 if content_type.startswith("text/plain") else 1 if "html" in content_type else 2
        )
        rank = (0 if read_words(each.get("role")).lower() == "main" else 1, plain_first)
        if "value" in each and rank < best_rank:
            best, best_rank = (each["value"], content_type), rank
    return best
