"""A text -> its words in their one spelling where they stand, and blanks between.

As a table of bytes gives them: for the letters that nearly all texts are written with.
"""

import codecs
import re
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from service.spelling import MARKS, WORD, normalise_word

# Underscores at which a word would begin, among blanked bytes.
_LEADING_UNDERSCORES = re.compile(rb"(?<![^ ])_+")
_ASCII = "".join(map(chr, range(128)))
# Letters and digits as words have them, all else a blank; but what may be in a word stays.
_ASCII_SHAPES = bytes(
    ord(each.lower() if each.isalnum() else each if each in "'_" else " ") for each in _ASCII
).ljust(256)
# Marks; the apostrophe that is a letter; Korean letters, which are written as syllables; what
# stands for no character in a code page.
_UNSHAPED = re.compile(rf"[{MARKS}\u02bc\u1100-\u11ff\ufffe]")
# No alphabet has more letters and marks that are not ASCII.
_OTHERS_MAX = 128


class _CodePage(NamedTuple):
    """Codes for the characters of some texts, as Python's `encodings` have for an alphabet.

    Attributes:
        encoding: characters to codes; those of ASCII are its own.
        shapes: codes to codes, of words in their one spelling.
        forms: these codes to characters.
    """

    encoding: Any
    shapes: bytes
    forms: str

    def encode(self, text: str) -> bytes:
        return codecs.charmap_encode(text, "strict", self.encoding)[0]

    def write_words(self, encoded: bytes) -> str:
        shapes = _blank(encoded.translate(self.shapes))
        return codecs.charmap_decode(shapes, "strict", self.forms)[0]


def shape_words(masked: str) -> str | None:
    """Write the words of a text in their one spelling where they stand, and blanks between.

    Args:
        masked: a text without markup.

    Returns:
        Of the same length; none if the text has other characters than ASCII of which one is not
        one as a word (a ligature, a vowel sign), or more of them than alphabets have.
    """
    if masked.isascii():
        return _blank(masked.encode().translate(_ASCII_SHAPES)).decode()
    encoded, page = _encode(masked)
    return page.write_words(encoded) if page else None


def has_shape(masked: str) -> bool:
    """Tell whether `shape_words` can write a text, and so nearly always with others."""
    return masked.isascii() or _encode(masked)[1] is not None


def _encode(masked: str) -> tuple[bytes, _CodePage | None]:
    # By a code page that has all its characters, if there can be one: nearly always this.
    with suppress(UnicodeEncodeError):
        return _LATIN.encode(masked), _LATIN
    codes = np.frombuffer(masked.encode("utf-32-le", errors="surrogatepass"), "<u4")
    others = {*map(chr, np.unique(codes[codes >= len(_ASCII)]).tolist())}
    page = _make_code_page("".join(sorted(others))) if len(others) <= _OTHERS_MAX else None
    return (page.encode(masked), page) if page else (b"", None)


def _blank(shapes: bytes) -> bytes:
    # Genitives, what other apostrophes are left, and underscores that begin a word. A text's end
    # ends a genitive as a blank does.
    if b"'" in shapes:
        shapes += b" "
        while b"'s'" in shapes:
            shapes = shapes.replace(b"'s'", b"  '")
        shapes = shapes.replace(b"'s ", b"   ").replace(b"'", b" ")[:-1]
    if b"_" in shapes:
        shapes = _LEADING_UNDERSCORES.sub(lambda match: b" " * len(match[0]), shapes)
    return shapes


@lru_cache(maxsize=256)
def _make_code_page(others: str) -> _CodePage | None:
    # For characters other than ASCII; none if one of them cannot have a code.
    forms = [*map(_shape_character, others)]
    if "" in forms:
        return None
    # Accented letters keep their own codes until they are written: the end of "it'š" is no
    # genitive; but a long s is, as `words.drop_genitives` has it.
    shapes = (
        form.encode() if form in " '" or each == "\u017f" else bytes([code])
        for code, (each, form) in enumerate(zip(others, forms, strict=True), start=len(_ASCII))
    )
    return _CodePage(
        codecs.charmap_build(_ASCII + others.ljust(_OTHERS_MAX, "\ufffe")),
        b"".join([_ASCII_SHAPES[: len(_ASCII)], *shapes]).ljust(256),
        _ASCII + "".join(forms),
    )


@lru_cache(maxsize=4096)
def _shape_character(character: str) -> str:
    # As a word has it, a blank for what is in none; empty for what is not one character there, or
    # becomes one with its neighbour.
    if character == "’":
        return "'"
    if _UNSHAPED.fullmatch(character):
        return ""
    if not WORD.fullmatch(character):
        return " "
    form = normalise_word(character)
    is_letter = len(form) == 1 and WORD.fullmatch(form) and not _UNSHAPED.fullmatch(form)
    return form if is_letter else ""


def _make_latin_page() -> _CodePage:
    letters = bytes(range(128, 256)).decode("cp1252", errors="ignore")
    page = _make_code_page("".join(sorted(filter(_shape_character, letters))))
    if page is None:
        raise AssertionError
    return page


# What Western Europe writes with, and what typographers set.
_LATIN = _make_latin_page()
