"""A text -> its words in one spelling, with their offsets in the text."""

import re
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from service.markup import mask_markup
from service.spelling import MARKS, WORD, normalise_word
from service.word_shapes import shape_words

# Cuts a text into what is before its first word, this, what is between it and the next, and so on.
_WORDS_APART = re.compile(f"({WORD.pattern})")
# An English genitive says nothing; as a word of its own it would stand between words of a term.
GENITIVE = re.compile(r"['’\u02bc]s\b", re.IGNORECASE)
# The whole word that it is, as `WORD` has it. The third mark is a letter: it begins none.
_GENITIVE_WORD = re.compile(rf"['’]s\b[\w{MARKS}]*", re.IGNORECASE)
# "U.S.", "J.P. Singh", "Mr. Dar": a full stop after one letter or a title ends no sentence. What
# stands before the mark is looked at after it: a pattern that begins with a set of characters is
# searched for ten times faster than one that begins by looking back.
SENTENCE_END = re.compile(
    r"[.!?…۔؟।\n](?:(?<=[۔؟।\n])"
    r"|(?<![\s.][A-Za-z].)(?<!\bMr.)(?<!\bMs.)(?<!\bDr.)(?<!\bSt.)(?<!\bMrs.)(?<!\bGen.)(?<!\bLt.)"
    r"(?<!\bMaj.)(?<!\bCol.)(?<![.!?…].)[.!?…]*[\"'”’»)\]]*(?=\s))"
)
# A term does not reach over these: "Pakistan, Taliban to talk" names no Pakistani Taliban.
TERM_BREAK = re.compile(r"[,;:()|\"“”«»،؛—]|\s[–-]\s")
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


def drop_genitives(masked: str) -> str:
    """Leave the genitives of English out of a text without markup; it may be shorter."""
    return _GENITIVE_WORD.sub(" ", masked) if "'" in masked or "’" in masked else masked
