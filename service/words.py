"""A text -> its words in one spelling, with their offsets in the text.

Case, accents, the Arabic letters of different keyboards, hyphens and half-spaces do not matter.
"""

import re
import unicodedata
from bisect import bisect_right
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from service.boilerplate import mask_markup

# A word: letters and digits with the marks that belong to them. `\w` alone would cut Devanagari
# words at their vowel signs and Arabic ones at their points. ZWNJ and hyphens end a word, so that
# "X-e-Y", "X e Y" and the Persian half-space are one spelling.
_MARKS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963"
)
_WORD = re.compile(rf"[^\W_][\w{_MARKS}]*")
# Cuts a text into what is before its first word, this, what is between it and the next, and so on.
_WORDS_APART = re.compile(f"({_WORD.pattern})")
# An English genitive says nothing; as a word of its own it would stand between words of a term.
_GENITIVE = re.compile(r"['’ʼ]s\b", re.IGNORECASE)
# The whole word that it is, as `_WORD` has it. The third mark above is a letter: it begins none.
_GENITIVE_WORD = re.compile(rf"['’]s\b[\w{_MARKS}]*", re.IGNORECASE)
# "U.S.", "J.P. Singh", "Mr. Dar": a full stop after one letter or a title ends no sentence. What
# stands before the mark is looked at after it: a pattern that begins with a set of characters is
# searched for ten times faster than one that begins by looking back.
_SENTENCE_END = re.compile(
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
_TERM_BREAK = re.compile(r"[,;:()|\"“”«»،؛—]|\s[–-]\s")
# Most words stand so; whatever else is between two words is looked at in its place in the text.
_JOINING = re.compile(" +|-")
_BREAKING = re.compile(r"[,;:()|\"“”«»،؛—]")
# What letters and digits of ASCII are as words, all else a blank. An underscore may be in a word,
# yet begins none.
_ASCII_FORMS = bytes(
    ord(chr(code).lower()) if chr(code).isascii() and chr(code).isalnum() else ord(" ")
    for code in range(256)
)
# What typesetters put between words, in texts that are ASCII but for it.
_TYPESET = "‘’“”–—…\u00a0"
_MAY_END_SENTENCE = re.compile(r"[.!?…۔؟।\n]")


class Word(NamedTuple):
    """A word in its one spelling, its offsets in the text, the sentence it stands in.

    `joined` tells whether a term may run from the word before it into this one.
    """

    form: str
    start: int
    end: int
    sentence: int
    joined: bool


@lru_cache(maxsize=65536)
def normalise_word(word: str) -> str:
    """Bring a word to one spelling: case, accents, Arabic-script variants."""
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
    skipped = {match.start() + 1 for match in _GENITIVE.finditer(text)}
    sentence_ends = [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    words: list[tuple[str, int, int, int, bool]] = []
    sentence = before = 0
    for written, start, end in zip(pieces[1::2], places[::2], places[1::2], strict=False):
        # Lower case is all that `normalise_word` makes of ASCII.
        form = written.lower() if written.isascii() else normalise_word(written)
        if start in skipped or not form:
            continue
        if start < sentence_ends[sentence]:
            joined = text[before:start] == " " or not _TERM_BREAK.search(text, before, start)
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
    return _list_forms(mask_markup(text))


class WordBounds:
    """What lies between the words of a text, found out when it is asked for.

    Args:
        text: any.
        words_count: how many words `list_words` finds in it.
    """

    def __init__(self, text: str, words_count: int) -> None:
        self._text = text
        self._words_count = words_count

    def is_joined(self, at: int) -> bool:
        """Whether a term may run into a word from the one before it: `Word.joined`."""
        if between := self._between:
            if between[at] == " " or _JOINING.fullmatch(between[at]):
                return True
            if _BREAKING.search(between[at]):
                return False
            if not self._has_genitives:
                sentences = self.sentences
                return sentences[at - 1] == sentences[at] and not _TERM_BREAK.search(between[at])
        return split_words(self._text)[at].joined

    def is_one_sentence(self, first: int, last: int) -> bool:
        """Whether no sentence ends between two words."""
        between = self._between
        if between and not _MAY_END_SENTENCE.search("".join(between[first + 1 : last + 1])):
            return True
        return self.sentences[first] == self.sentences[last]

    @cached_property
    def sentences(self) -> list[int]:
        """The number of the sentence of each word."""
        text = mask_markup(self._text)
        ends = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
        counts = [len(_list_forms(text[start:end])) for start, end in pairwise(ends)]
        if sum(counts) != self._words_count:
            return [word.sentence for word in split_words(self._text)]
        return [number for number, count in enumerate(counts) for _ in range(count)]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """The offsets of each word."""
        text = mask_markup(self._text)
        skipped = {match.start() + 1 for match in _GENITIVE.finditer(text)}
        spans = [match.span() for match in _WORD.finditer(text) if match.start() not in skipped]
        if len(spans) != self._words_count:
            return [(word.start, word.end) for word in split_words(self._text)]
        return spans

    @cached_property
    def _has_genitives(self) -> bool:
        # Without them what is between the words next to one is not what stands there.
        return _GENITIVE.search(mask_markup(self._text)) is not None

    @cached_property
    def _between(self) -> list[str]:
        # What stands before each word; unknown if some fall out, being but a mark or two.
        between = _WORD.split(_drop_genitives(mask_markup(self._text)))
        return between if len(between) == self._words_count + 1 else []


def _list_forms(masked: str) -> list[str]:
    text = _drop_genitives(masked)
    if not text.isascii():
        for mark in _TYPESET:
            text = text.replace(mark, " ")
    if text.isascii() and "_" not in text:
        # Nearly all English: the same words for a tenth of the cost.
        return text.encode().translate(_ASCII_FORMS).decode().split()
    return list(filter(None, map(normalise_word, _WORD.findall(text))))


def _drop_genitives(masked: str) -> str:
    return _GENITIVE_WORD.sub(" ", masked) if "'" in masked or "’" in masked else masked
