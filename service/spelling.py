"""A word -> its one spelling, and what else is told of words, kept in mind.

Case, accents, the Arabic letters of different keyboards, hyphens and half-spaces do not matter.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

# A word: letters and digits with the marks that belong to them. `\w` alone would cut Devanagari
# words at their vowel signs and Arabic ones at their points. ZWNJ and hyphens end a word, so that
# "X-e-Y", "X e Y" and the Persian half-space are one spelling.
MARKS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963"
)
WORD = re.compile(rf"[^\W_][\w{MARKS}]*")
# Arabic letters that Arabic, Persian, Urdu and Pashto keyboards write differently.
_ARABIC = str.maketrans({
    "ي": "ی", "ى": "ی", "ې": "ی", "ۍ": "ی", "ئ": "ی", "ے": "ی", "ۓ": "ی",
    "ك": "ک", "ګ": "گ", "ة": "ه", "ۀ": "ه", "ۂ": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه",
    "أ": "ا", "إ": "ا", "ٱ": "ا", "آ": "ا", "ؤ": "و", "ـ": "",
})  # fmt: skip
# Devanagari vowel signs are letters, not accents: only its dot (nukta) may fall.
_ACCENT = re.compile("[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u093c]")
# What is longer is no word, may be as long as its text, and is not kept in mind.
REMEMBERED_LETTERS = 64
# What a beat's reports say in a week; of names only those that keep coming. A word and what is
# told of it are some 150 bytes.
_REMEMBERED_MAX = 16384

_Told = TypeVar("_Told")


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


class Remembered(dict[str, _Told]):
    """Words to what is told of them, each asked when it first comes.

    Args:
        tell: of any word.
    """

    def __init__(self, tell: Callable[[str], _Told]) -> None:
        super().__init__()
        self._tell = tell

    def __missing__(self, form: str) -> _Told:
        told = self._tell(form)
        if len(form) <= REMEMBERED_LETTERS:
            # To ask again of all costs less than to keep in mind which are in use.
            if len(self) == _REMEMBERED_MAX:
                self.clear()
            self[form] = told
        return told
