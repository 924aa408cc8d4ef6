"""A text -> its words in one spelling, with their offsets in the text.

Case, accents, the Arabic letters of different keyboards, hyphens and half-spaces do not matter.
"""

import codecs
import re
import unicodedata
from bisect import bisect_right
from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from service.boilerplate import mask_markup

# A word: letters and digits with the marks that belong to them. `\w` alone would cut Devanagari
# words at their vowel signs and Arabic ones at their points. ZWNJ and hyphens end a word, so that
# "X-e-Y", "X e Y" and the Persian half-space are one spelling.
_MARKS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963"
)
WORD = re.compile(rf"[^\W_][\w{_MARKS}]*")
# Cuts a text into what is before its first word, this, what is between it and the next, and so on.
_WORDS_APART = re.compile(f"({WORD.pattern})")
# An English genitive says nothing; as a word of its own it would stand between words of a term.
GENITIVE = re.compile(r"['’ʼ]s\b", re.IGNORECASE)
# The whole word that it is, as `WORD` has it. The third mark above is a letter: it begins none.
_GENITIVE_WORD = re.compile(rf"['’]s\b[\w{_MARKS}]*", re.IGNORECASE)
# "U.S.", "J.P. Singh", "Mr. Dar": a full stop after one letter or a title ends no sentence. What
# stands before the mark is looked at after it: a pattern that begins with a set of characters is
# searched for ten times faster than one that begins by looking back.
SENTENCE_END = re.compile(
    r"[.!?…۔؟।\n](?:(?<=[۔؟।\n])"
    r"|(?<![\s.][A-Za-z].)(?<!\bMr.)(?<!\bMs.)(?<!\bDr.)(?<!\bSt.)(?<!\bMrs.)(?<!\bGen.)(?<!\bLt.)"
    r"(?<!\bMaj.)(?<!\bCol.)(?<![.!?…].)[.!?…]*[\"'”’»)\]]*(?=\s))"
)
# Arabic letters that Arabic, Persian, Urdu and Pashto keyboards write differently.
_ARABIC = str.maketrans({
    "ي": "ی", "ى": "ی", "ې": "ی", "ۍ": "ی", "ئ": "ی", "ے": "ی", "ۓ": "ی",
    "ك": "ک", "ګ": "گ", "ة": "ه", "ۀ": "ه", "ۂ": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه",
    "أ": "ا", "إ": "ا", "ٱ": "ا", "آ": "ا", "ؤ": "و", "ـ": "",
})  # fmt: skip
# Devanagari vowel signs are letters, not accents: only its dot (nukta) may fall.
_ACCENT = re.compile("[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u093c]")
# A term does not reach over these: "Pakistan, Taliban to talk" names no Pakistani Taliban.
TERM_BREAK = re.compile(r"[,;:()|\"“”«»،؛—]|\s[–-]\s")
_NOT_ASCII = re.compile("[^\\x00-\\x7f]+")
# Underscores at which a word would begin, among blanked bytes.
_LEADING_UNDERSCORES = re.compile(rb"(?<![^ ])_+")
_ASCII = "".join(map(chr, range(128)))
# Letters and digits as words have them, all else a blank; but what may be in a word stays.
_ASCII_SHAPES = bytes(
    ord(each.lower() if each.isalnum() else each if each in "'_" else " ") for each in _ASCII
).ljust(256)
# Marks; the apostrophe that is a letter; Korean letters, which are written as syllables; what
# stands for no character in a code page.
_UNSHAPED = re.compile(rf"[{_MARKS}\u02bc\u1100-\u11ff\ufffe]")
# No alphabet has more letters and marks that are not ASCII.
_OTHERS_MAX = 128
# What is longer is no word, may be as long as its text, and is not kept in mind.
REMEMBERED_LETTERS = 64
MAY_END_SENTENCE = re.compile(r"[.!?…۔؟।\n]")


class Word(NamedTuple):
    """A word in its one spelling, its offsets in the text, the sentence it stands in.

    `joined` tells whether a term may run from the word before it into this one.
    """

    form: str
    start: int
    end: int
    sentence: int
    joined: bool


def normalise_word(word: str) -> str:
    """Bring a word to one spelling: case, accents, Arabic-script variants."""
    return _remember(word) if len(word) <= REMEMBERED_LETTERS else _normalise(word)


@lru_cache(maxsize=65536)
def _remember(word: str) -> str:
    return _normalise(word)


def _normalise(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word).casefold()
    return unicodedata.normalize("NFC", _ACCENT.sub("", folded.translate(_ARABIC))).translate(
        _ARABIC
    )


# What is labelled is also sketched, and its evidence shown.
@lru_cache(maxsize=512)
def split_words(text: str) -> tuple[Word, ...]:
    """Cut a text into words with offsets (code points, end exclusive) and sentence numbers."""
    text = mask_markup(text)
    pieces = _WORDS_APART.split(text)
    places = [*accumulate(map(len, pieces))]
    skipped = {match.start() + 1 for match in GENITIVE.finditer(text)}
    sentence_ends = [*(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
    words: list[tuple[str, int, int, int, bool]] = []
    sentence = before = 0
    for written, start, end in zip(pieces[1::2], places[::2], places[1::2], strict=False):
        # Lower case is all that `normalise_word` makes of ASCII.
        form = written.lower() if written.isascii() else normalise_word(written)
        if start in skipped or not form:
            continue
        if start < sentence_ends[sentence]:
            joined = text[before:start] == " " or not TERM_BREAK.search(text, before, start)
        else:
            joined = False
            sentence = bisect_right(sentence_ends, start)
        words.append((form, start, end, sentence, joined and before > 0))
        before = end
    return tuple(map(Word._make, words))


def list_words(text: str) -> list[str]:
    """Give the words of a text in their one spelling; the tokenizer of the TF-IDF step.

    They are those of `split_words`, found without their places, which most texts never need.
    """
    return list_forms(mask_markup(text))


def list_forms(masked: str) -> list[str]:
    """Give the words of a text without markup in their one spelling."""
    shape = shape_words(masked)
    if shape is not None:
        # Nearly all English: the same words for a tenth of the cost.
        return shape.split()
    return list(filter(None, map(normalise_word, WORD.findall(drop_genitives(masked)))))


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
    others = {*"".join(_NOT_ASCII.findall(masked))}
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
    # genitive; but a long s is, as `_GENITIVE_WORD` has it.
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


def drop_genitives(masked: str) -> str:
    """Leave the genitives of English out of a text without markup; it may be shorter."""
    return _GENITIVE_WORD.sub(" ", masked) if "'" in masked or "’" in masked else masked


def _make_latin_page() -> _CodePage:
    letters = bytes(range(128, 256)).decode("cp1252", errors="ignore")
    page = _make_code_page("".join(sorted(filter(_shape_character, letters))))
    if page is None:
        raise AssertionError
    return page


# What Western Europe writes with, and what typographers set.
_LATIN = _make_latin_page()
