"""A text -> its words in one spelling, with their offsets in the text.

Case, accents, the Arabic letters of different keyboards, hyphens and half-spaces do not matter.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from service.boilerplate import mask_markup

# A word: letters and digits with the marks that belong to them. `\w` alone would cut Devanagari
# words at their vowel signs and Arabic ones at their points. ZWNJ and hyphens end a word, so that
# "X-e-Y", "X e Y" and the Persian half-space are one spelling.
_MARKS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963"
)
_WORD = re.compile(rf"[^\W_][\w{_MARKS}]*")
# An English genitive says nothing; as a word of its own it would stand between words of a term.
_GENITIVE = re.compile(r"['’ʼ]s\b", re.IGNORECASE)
# "U.S.", "J.P. Singh", "Mr. Dar": a full stop after one letter or a title ends no sentence.
_SENTENCE_END = re.compile(
    r"(?<![\s.][A-Za-z])(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bMrs)(?<!\bGen)(?<!\bLt)(?<!\bMaj)(?<!\bCol)(?<![.!?…])[.!?…]+[\"'”’»)\]]*(?=\s)|[۔؟।]|\n"
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


@dataclass(frozen=True, slots=True)
class Word:
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


# Words and concepts each ask for the words of all passages of an article in turn.
@lru_cache(maxsize=512)
def split_words(text: str) -> tuple[Word, ...]:
    """Cut a text into words with offsets (code points, end exclusive) and sentence numbers."""
    text = mask_markup(text)
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    skipped = {match.start() + 1 for match in _GENITIVE.finditer(text)}
    words: list[Word] = []
    sentence = 0
    for match in _WORD.finditer(text):
        while sentence < len(ends) and ends[sentence] <= match.start():
            sentence += 1
        if match.start() not in skipped and (form := normalise_word(match.group())):
            joined = bool(words) and (
                words[-1].sentence == sentence
                and not _TERM_BREAK.search(text, words[-1].end, match.start())
            )
            words.append(Word(form, match.start(), match.end(), sentence, joined))
    return tuple(words)


def list_words(text: str) -> list[str]:
    """Give the words of a text in their one spelling; the tokenizer of the TF-IDF step."""
    return [word.form for word in split_words(text)]
