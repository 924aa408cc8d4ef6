"""Page furniture: the lines of a news page that are not its story."""

import re
import string
from functools import lru_cache
from itertools import product

# Page furniture, seen on the pages of the seeds and on news pages at large. Matched against a
# whole line, so that a sentence of the story that merely begins this way stays.
_BOILERPLATE = re.compile(
    r"""
    (?:photo|image|picture|file\ photo|photograph|video|graphic|map)(?:\ (?:credits?|by|courtesy))?\s*[:|—-].{0,120}
    | (?:[\w./]+\ ?/\ ?)?(?:getty\ images|reuters|afp|ap|epa|pti|ani|ians|xinhua)(?:\ ?/.{0,40}|\ file)?
    | \(?(?:reporting|writing|editing|additional\ reporting)\ by\b.{0,160}
    | \(?with\ (?:inputs|input|reporting|additional\ reporting)\ from\b.{0,120}
    | by\ (?-i:(?:[A-Z][\w.'-]{0,20}|our|staff|and)(?:\ (?:[A-Z][\w.'-]{0,20}|and|correspondent|reporter|staff)){0,4})(?:\ ?\|.{0,60})?
    | \d+[\s-]*min(?:ute)?s?(?:,?\s+\d+\s+seconds?)?(?:\s+read)?
    | (?:(?:last\ )?(?:updated|modified|published|posted)|date)\b(?=.*\d)[\s:|-]*(?:(?:on|at|in)\ )?[^.!?]{0,60}
    | \d+\s+comments?\W*|comments?\W*(?:\d+\W*)?
    | (?:(?:share|tweet|e?mail|print|facebook|twitter|whatsapp|telegram|linkedin|copy\ link|save|pin\ it|x)\b\W*)+(?:(?:on|via|this|by)\ .{0,40})?
    | live(?:\ (?:updates?|blog|coverage))?|breaking(?:\ news)?|\d{1,2}[:.]\d\d(?:\s*(?:gmt|ist|pkt|utc|am|pm))?
    | (?:read|see|watch|listen)\ (?:also|more|next)\b.{0,200}
    | (?:watch|listen|in\ pictures|explained?r?|opinion|podcast)\s*[:|].{0,160}
    | (?:also\ (?:read|learn|see|watch)|related(?:\ (?:stories|articles|news|posts|topics|coverage))?|more\ on\ this(?:\ story)?|editors?['’]?s?\ picks?|recommended)\b\s*[:|—-].{0,250}
    | (?:similar|related|recent|popular|trending|latest|top)\ (?:posts|stories|articles|news|topics|headlines)
    | (?:most\ (?:read|popular|viewed|shared)|trending(?:\ now)?|you\ (?:may|might)\ also\ like|don['’]t\ miss|more\ from\b.{0,30})(?:\s*[:|—-].{0,250})?
    | (?:tags?|tagged|topics?|keywords?|categor(?:y|ies)|filed\ under|sections?)\s*[:|].{0,300}
    | home\s*[|>›/][^.«]{0,250}
    | you\ are\ here\b.{0,250}
    | (?:[^>»›.!?]{1,40}\s[>»›]\s){2,}[^>»›.!?]{1,60}
    | (?:also\ (?:today|in\ the\ news|on\ (?:this|our)\ (?:page|site))|(?:other|more)\ (?:stories|headlines|news)|today['’]s\ headlines)\s*[:|].{0,250}
    | read\ (?:the\ )?(?:full|original|rest|whole)\b.{0,160}
    | this\ (?:post|article|story)\ was\ (?:originally|first)\ published\b.{0,160}
    | this\ (?:post|article|story)\ (?:originally|first)\ appeared\b.{0,160}
    | (?:originally\ )?published\ (?:in|by)\b.{0,80}
    | your\ cart(?:\ is\ empty.{0,40})?
    | (?:return\ to\ shop|leave\ a\ (?:comment|reply)|skip\ to\ (?:main\ )?content|cookie\ settings|accept\ all)
    | share\ this.{0,40}
    | (?:subscribe|sign\ up|sign\ in|log\ ?in|follow\ us|join\ our|download\ (?:our|the)|click\ here|support\ our)\b.{0,160}
    | (?:advertisement|sponsored(?:\ content)?|story\ continues\ below.{0,40}|all\ rights\ reserved.{0,80}|(?:copyright|©|\(c\)).{0,120})
    | i\ am\ a\b.{0,80}\b(?:student|writer|journalist|reporter|blogger)\b.{0,400}
    | about\ the\ author.{0,300}
    | (?:the\ (?:author|writer|columnist),?|(?:\w[\w.'-]*\ ){2,3})(?:is|was)\ (?:a|an|the)\ (?:[\w-]+\ ){0,4}(?:writer|journalist|researcher|columnist|fellow|reporter|correspondent|analyst|professor|lecturer|editor|academic)\ (?:at|for|with|based|covering|who\ (?:covers|writes|reports)|and\ tweets)\b.{0,300}
    | (?-i:[A-Z])[\w.'-]*\ (?:\w[\w.'-]*\ ){1,2}is\ an?\ (?:[\w-]+\ ){0,4}(?:writer|journalist|researcher|columnist|reporter|correspondent|analyst|editor|photographer)\.(?:\ (?:s?he|they)\ (?:(?:has|have)\ )?(?:covers?|covered|reports?|reported|writes?|written|tweets?|lives?|studies|works?|worked|teaches)\b.{0,200})?
    | (?:the\ (?:author|writer)\b,?.{0,80}\b(?:teaches|covers|covered|tweets|served|writes|reports|reported|worked|lives|is|can\ be\ reached)\b.{0,200})
    | (?:s?he\ )(?:covers|has\ covered|reports\ on|has\ (?:reported|written)\ (?:on|about|for|from)|writes\ (?:on|about|for)|tweets|can\ be\ reached)\b.{0,200}
    | (?:lesen\ sie\ auch|mehr\ zum\ thema|lire\ aussi|a\ lire|à\ lire\ aussi|voir\ aussi)\b.{0,200}
    | (?:مزید\ پڑھیں|یہ\ بھی\ پڑھیں|مزید\ پڑھیے|بیشتر\ بخوانید|همچنین\ بخوانید|بخوانید|نور\ ولولئ|यह\ भी\ पढ़ें|ये\ भी\ पढ़ें|और\ पढ़ें)\s*[:|-].{0,200}
    """,
    re.IGNORECASE | re.VERBOSE,
)
# The longest pattern above; a longer line is a paragraph, and need not be looked at.
_FURNITURE_MAX_CHARACTERS = 500
# What the patterns above begin with, in lower case, but for bios and those with a mark:
# nearly no line of a story does, and what the patterns cost is saved on all the others.
_OPENINGS = (
    *("photo", "image", "picture", "file", "video", "graphic", "map", "in pictures"),
    *("getty images", "reuters", "afp", "ap", "epa", "pti", "ani", "ians"),
    *("(", "reporting by", "writing by", "editing by", "additional reporting"),
    *("with input", "with reporting", "with additional reporting", "by "),
    *("last ", "updated", "modified", "published", "posted", "date", "originally published"),
    *("comment", "leave a ", "copyright", "©", "all rights", "advertisement", "sponsored"),
    *("share", "tweet", "email", "mail", "print", "facebook", "twitter", "whatsapp", "telegram"),
    *("linkedin", "copy link", "save", "pin it", "x", "live", "breaking"),
    *("read", "see", "watch", "listen", "explaine", "opinion", "podcast", "story continues"),
    *("also ", "related", "recommended", "editor", "similar", "recent", "popular", "trending"),
    *("latest", "top", "most ", "more ", "other ", "today'", "today’", "don't", "don’t"),
    *("tag", "keyword", "categor", "section", "you are here", "you may", "you might"),
    *("this post", "this article", "this story", "your cart", "return to shop", "skip to"),
    *("cookie settings", "accept all", "subscribe", "sign up", "sign in", "log in", "login"),
    *("follow us", "join our", "download", "click here", "support our"),
    *("i am a", "about the author", "the author", "the writer", "the columnist", "he ", "she "),
    *("lesen sie auch", "mehr zum thema", "lire aussi", "a lire", "à lire aussi", "voir aussi"),
    *string.digits,
    *("مزید", "یہ بھی", "بیشتر", "همچنین", "بخوانید", "نور ولولئ", "यह भी", "ये भी", "और पढ़ें"),
)
_OPENING_MAX_CHARACTERS = max(map(len, _OPENINGS))
# By their first two characters as they may be written; those of one character by themselves, too.
_OPENINGS_BY_LETTERS = {
    "".join(letters): tuple(each for each in _OPENINGS if each[:2] in {start, start[:1]})
    for start in {each[:2] for each in _OPENINGS}
    for letters in product(*zip(start, start.upper(), strict=True))
}
# Patterns that do not begin as one of these have one of these marks; hardly a text has any.
_MARKS = "/|>›»•·"
# What a pattern takes for i, s and k, and Python's lower case may not.
_ODD_LETTERS = frozenset("ıİſ\u212a")
# Letters of each case, not a pattern for either: the latter takes twice as long.
_BIO_OPENING = re.compile(r"[^ ]++ [^ ]++ (?:[^ ]++ )?(?:[iIıİ][sSſ]|[wW][aA][sSſ]) [aAtT]")
# The same furniture run on at the end of a paragraph: "... said on Tuesday. Read more: ...".
_RUN_ON = re.compile(
    r"\s(?<=[.!?…۔।؟\"”’)]\s)\s{0,3}(?:READ MORE|Read [Mm]ore|(?:READ|Read) (?:ALSO|[Aa]lso)|(?:ALSO|Also) (?:READ|[Rr]ead)"
    r"|RELATED|Related|یہ بھی پڑھیں|مزید پڑھیں|بیشتر بخوانید)\s*[:|].*$",
    re.MULTILINE,
)
# Three bars make a menu: no sentence has them. French and German quotes are no bars.
_MENU = re.compile(r"(?:[^«‹|»›•·]{1,40}[|»›•·]){3,}[^«‹|»›•·]{0,40}")
_GERMAN_QUOTE = re.compile(r"»[^»«]+«")


def find_marks(text: str) -> str:
    """Find which of the marks are in a text that page furniture may have: often none."""
    return "".join([mark for mark in _MARKS if mark in text])


def is_boilerplate(line: str, marks: str = _MARKS) -> bool:
    """Tell whether a line is page furniture (a photo credit, a menu, an author's bio).

    Args:
        line: any.
        marks: those of `find_marks` that may be in it.
    """
    stripped = line.strip()
    return (
        len(stripped) <= _FURNITURE_MAX_CHARACTERS
        and _may_be_furniture(stripped, marks)
        and _is_furniture(stripped)
    )


def _may_be_furniture(line: str, marks: str) -> bool:
    head = line[:_OPENING_MAX_CHARACTERS]
    openings = _OPENINGS_BY_LETTERS.get(head[:2]) or _OPENINGS_BY_LETTERS.get(head[:1])
    if (openings and head.lower().startswith(openings)) or _BIO_OPENING.match(line):
        return True
    # Each mark by itself: a pattern for them all takes ten times as long as they do together.
    for mark in marks:
        if mark in line:
            return True
    return not line.isascii() and (head[0].isdecimal() or not _ODD_LETTERS.isdisjoint(head))


# Furniture is the same on every page, and hostile pages are the same line without end.
@lru_cache(maxsize=4096)
def _is_furniture(line: str) -> bool:
    return _BOILERPLATE.fullmatch(line) is not None or (
        _MENU.fullmatch(line) is not None and not _GERMAN_QUOTE.search(line)
    )


def find_run_on(line: str) -> int:
    """Find where page furniture run on to a line begins; its end where there is none."""
    if ":" not in line and "|" not in line:
        return len(line)  # Nearly every line, and sooner told than by the pattern.
    found = _RUN_ON.search(line)
    return found.start() if found else len(line)
