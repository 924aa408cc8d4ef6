"""Headlines of other stories within a text: in lists under a heading, and between paragraphs."""

import re
from functools import lru_cache

_SENTENCE_END = (".", "!", "?", "…", "۔", "।", "؟")
_CLOSING_MARKS = "\"'”’»)]"

# Headings that stand over a list of other stories.
_LIST_HEADING = re.compile(
    r"(?:read|see|watch)\s(?:also|more|next)|(?:also|lire)\s(?:read|see|watch|aussi)"
    r"|most\s(?:read|popular|viewed|shared)|trending(?:\snow)?|(?:editor['’]?s['’]?\s)?(?:picks|recommended)"
    r"|(?:related|similar|recent|popular|latest|top|more|other)(?:\s(?:posts|stories|articles|news|topics|headlines|coverage))?"
    r"|you\s(?:may|might)\salso\slike|don['’]t\smiss|more\s(?:on\sthis(?:\sstory)?|from\b.{0,30})"
    r"|lesen\ssie\sauch|mehr\szum\sthema|voir\saussi|à\slire\saussi"
    r"|مزید\sپڑھیں|یہ\sبھی\sپڑھیں|بیشتر\sبخوانید|همچنین\sبخوانید|نور\sولولئ|यह\sभी\sपढ़ें|ये\sभी\sपढ़ें",
    re.IGNORECASE,
)
# No pattern above is longer; a longer line need not be looked at.
_HEADING_MAX_CHARACTERS = 60
# Headlines run to about a hundred characters.
_LISTED_MAX_CHARACTERS = 140
# From five words on an unfinished line in title case is the headline of another story put
# between paragraphs, or a heading, which the text under it says in full.
_TEASER_MIN_WORDS = 5
# A longer line is a paragraph, and need not be looked at.
_TEASER_MAX_CHARACTERS = 500
_LETTERED = re.compile(r"[^\W\d_][\w'’-]*")
_SMALL_WORDS = frozenset(
    [
        "a",
        "after",
        "amid",
        "an",
        "and",
        "as",
        "at",
        "but",
        "by",
        "for",
        "from",
        "in",
        "into",
        "is",
        "of",
        "on",
        "or",
        "over",
        "the",
        "to",
        "up",
        "via",
        "vs",
        "with",
    ]
)


def is_finished(line: str) -> bool:
    """Tell whether a line ends as a sentence does, quoted or not."""
    return line.endswith(_SENTENCE_END) or line.rstrip(_CLOSING_MARKS).endswith(_SENTENCE_END)


def is_paragraph(line: str) -> bool:
    """Tell whether a line without white space at its ends can be no heading or headline."""
    return len(line) > _HEADING_MAX_CHARACTERS and line.endswith(_SENTENCE_END)


def is_list_heading(line: str) -> bool:
    """Tell whether a line is a heading over other stories ("Most read"), with nothing after it."""
    heading = line.strip().rstrip(":|>»›").rstrip()
    return len(heading) <= _HEADING_MAX_CHARACTERS and _LIST_HEADING.fullmatch(heading) is not None


def is_listed(line: str, following: str) -> bool:
    """Tell whether a line under such a heading is one of its headlines.

    Args:
        line: a line under the heading, or under another of its headlines.
        following: the line right under it, empty where there is none: a paragraph broken in
            layout goes on there in lower case, a headline does not.
    """
    stripped = line.strip()
    return (
        len(stripped) <= _LISTED_MAX_CHARACTERS
        and not is_finished(stripped)
        and not stripped[:1].islower()
        and not following.strip()[:1].islower()
    )


def is_teaser(line: str) -> bool:
    """Tell whether a line within a text is a headline: title case, and no end mark."""
    return len(line) <= _TEASER_MAX_CHARACTERS and not is_finished(line) and _is_in_title_case(line)


# Teasers are the same on every page, and hostile pages are the same line without end.
@lru_cache(maxsize=4096)
def _is_in_title_case(line: str) -> bool:
    if len(line.split()) < _TEASER_MIN_WORDS:
        return False
    words = [word for word in _LETTERED.findall(line) if word not in _SMALL_WORDS]
    # Capitals throughout are a wire's or a headline's way of writing, not a teaser's.
    return bool(words) and all(word[0].isupper() for word in words) and not line.isupper()
