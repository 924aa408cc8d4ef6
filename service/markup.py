"""What HTML is left in a text, blanked where it stands."""

import html
import re

# A tag, or a character written out; no comparison in a text looks so.
_MARKUP = re.compile(
    r"</?(?P<name>[a-zA-Z][a-zA-Z0-9]{0,15})(?=[\s/>])[^<>]{0,2000}>"
    r"|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}[0-9]{0,2});"
)
# What these hold is not read on the page, or is the page's menu.
_UNREAD = frozenset({"script", "style", "nav", "aside", "footer", "noscript", "figcaption"})
# These stand within a sentence; every other tag ends a line.
_INLINE = frozenset(
    {"a", "abbr", "b", "cite", "code", "em", "font", "i", "img", "mark", "q", "s", "small"}
    | {"span", "strong", "sub", "sup", "time", "u", "wbr"}
)


def mask_markup(text: str) -> str:
    """Blank what HTML is left in a text: tags, scripts, menus; entities become their character.

    Returns:
        A text of the same length, so that its offsets are the given one's.
    """
    if "<" not in text and "&" not in text:
        return text
    text = _mask_comments(text)
    found = list(_MARKUP.finditer(text))
    last_end = {
        name: match.start()
        for match in found
        if match.group().startswith("</") and (name := match.group("name").lower()) in _UNREAD
    }
    pieces: list[str] = []
    at = 0
    unread = ""
    for match in found:
        tag = match.group()
        name = (match.group("name") or "").lower()
        pieces.append(_blank(text[at : match.start()]) if unread else text[at : match.start()])
        at = match.end()
        if unread:
            pieces.append(" " * (len(tag) - 1) + "\n")
            if name == unread and tag.startswith("</"):
                unread = ""
        elif tag.startswith("&"):
            pieces.append((html.unescape(tag)[-1:] or " ").rjust(len(tag)))
        elif name in _INLINE:
            pieces.append(" " * len(tag))
        else:
            pieces.append("\n".rjust(len(tag)))
            if last_end.get(name, 0) > match.start() and not tag.startswith("</"):
                unread = name
    return "".join([*pieces, text[at:]])


def _blank(text: str) -> str:
    return " " * len(text)


def _mask_comments(text: str) -> str:
    pieces = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        pieces += [text[at:start], _blank(text[start : end + 3])]
        at = end + 3
    return "".join([*pieces, text[at:]])
