"""A text -> its words in their one spelling where they stand, and blanks between.

As a table of bytes gives them: for the letters that nearly all texts are written with.
"""

import codecs
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

from service.spelling import MARKS, WORD, normalise_word

# Underscores at which a word would begin, among blanked bytes.
_LEADING_UNDERSCORES = re.compile(rb"(?<![^ ])_+")
_ASCII = "".join(map(chr, range(128)))
_ASCII_CODES = _ASCII.encode()
# Letters and digits as words have them, all else a blank; but what may be in a word stays.
_ASCII_SHAPES = bytes(
    ord(each.lower() if each.isalnum() else each if each in "'_" else " ") for each in _ASCII
).ljust(256)
# Marks; the apostrophe that is a letter; Korean letters, which are written as syllables; what
# stands for no character in a code page.
_UNSHAPED = re.compile(rf"[{MARKS}\u02bc\u1100-\u11ff\ufffe]")
# No alphabet has more letters and marks that are not ASCII.
_OTHERS_MAX = 128
# No word has it: so it stands for what is not ASCII.
OTHER = b"?"


class _CodePage(NamedTuple):
    """Codes for the characters of some texts, as Python's `encodings` have for an alphabet.

    Attributes:
        encoding: characters to codes; those of ASCII are its own.
        shapes: codes to codes, of words in their one spelling.
        forms: these codes to characters.
        octets: these codes to ASCII, as `Shape` has it.
    """

    encoding: Any
    shapes: bytes
    forms: str
    octets: bytes

    def encode(self, text: str) -> bytes:
        if text.isascii():
            return text.encode()
        return codecs.charmap_encode(text, "strict", self.encoding)[0]


class Shape(NamedTuple):
    """The words of texts in their one spelling where they stand, and blanks between.

    Attributes:
        octets: in ASCII, `OTHER` for each letter that is not.
        codes: in the codes of a page.
        page: whose.
    """

    octets: bytes
    codes: bytes
    page: _CodePage

    @classmethod
    def of(cls, masked: Sequence[str], separator: str = "") -> Self | None:
        """Find that of texts without markup, with a separator between them.

        Returns:
            Of the same length; none if the texts have other characters than ASCII of which one is
            not one as a word (a ligature, a vowel sign), or more of them than alphabets have.
        """
        # By a code page that has all their characters, if there can be one: nearly always this.
        page = _LATIN
        try:
            encoded = [*map(page.encode, masked)]
        except UnicodeEncodeError:
            others = _find_others("".join(masked))
            made = _make_code_page("".join(sorted(others))) if len(others) <= _OTHERS_MAX else None
            if made is None:
                return None
            page = made
            encoded = [*map(page.encode, masked)]
        codes = _blank(separator.encode().join(encoded).translate(page.shapes))
        return cls(codes if codes.isascii() else codes.translate(page.octets), codes, page)

    def write(self) -> str:
        """Write them, in as many characters as the texts have."""
        return self._decode(0, len(self.codes)) if OTHER in self.octets else self.octets.decode()

    def spell(self, places: Iterable[Sequence[int]]) -> list[str]:
        """Give the words that begin and end at these places."""
        written = self.octets.decode()
        return [
            form if "?" not in (form := written[start:end]) else self._decode(start, end)
            for start, end in places
        ]

    def _decode(self, start: int, end: int) -> str:
        return codecs.charmap_decode(self.codes[start:end], "strict", self.page.forms)[0]


def shape_words(masked: str) -> str | None:
    """Write the `Shape` of a text without markup, if it has one."""
    shape = Shape.of([masked])
    return shape and shape.write()


def has_shape(masked: str) -> bool:
    """Tell whether a text without markup has a `Shape`, and so nearly always with others."""
    others = _find_others(masked)
    return len(others) <= _OTHERS_MAX and all(map(_shape_character, others))


def _find_others(text: str) -> set[str]:
    # In hardly any text are they many: to leave out the bytes of ASCII is ten times as fast.
    octets = text.encode(errors="surrogatepass").translate(None, _ASCII_CODES)
    return {*octets.decode(errors="surrogatepass")}


def _blank(shapes: bytes) -> bytes:
    # Genitives, what other apostrophes are left, and underscores that begin a word. A text's end
    # ends a genitive as a blank does.
    if b"'" in shapes:
        first, *rest = shapes.split(b"'")
        rest = [b" " + each[1:] if each[:2] in {b"s ", b"s"} else each for each in rest]
        shapes = b" ".join([first, *rest])
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
    written = _ASCII + "".join(forms)
    return _CodePage(
        codecs.charmap_build(_ASCII + others.ljust(_OTHERS_MAX, "\ufffe")),
        b"".join([_ASCII_SHAPES[: len(_ASCII)], *shapes]).ljust(256),
        written,
        written.encode("ascii", errors="replace").ljust(256),
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
