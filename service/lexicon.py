"""A word -> what it mentions by itself: a word, a name or a number, and how rare that is.

Forms bring together what different writers write: "killing" and "killed", "Qandahar" and
"Kandahar", "four" and "4".
"""

import re
import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from hashlib import blake2b
from operator import itemgetter
from typing import TypeVar

import numpy as np

from service.event_days import DAY_WORDS
from service.spelling import REMEMBERED_LETTERS

_STEM_LETTERS = 6
_LEAST_STEM = 3
# Enough of English inflection for "killed", "killing" and "kills".
_SUFFIX = re.compile("(?<=...)(?:ations?|ments?|ings?|ers?|ie[sd]|ed|es|s|ly|ions?)$")
# Any report may say "two" or "twelve"; "1,300" is nearly a name.
SMALL_NUMBER = 12
_SMALL_NUMBER_RARITY, _NUMBER_RARITY = 3.5, 5.5
# Two reports of one beat share concepts anyway; for reports in two languages they are all there is.
_CONCEPT_RARITY = 2.5
# Words too frequent to tell one report from another, whatever their rarity among a beat's passages.
_EMPTY_WORDS = frozenset((
    "a", "about", "according", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "between", "both", "but", "by", "can", "could", "did",
    "do", "does", "down", "during", "each", "for", "from", "had", "has", "have", "he", "her",
    "here", "him", "his", "how", "if", "in", "into", "is", "it", "its", "just", "may", "might",
    "more", "most", "mr", "mrs", "ms", "no", "not", "of", "on", "one", "only", "or", "other",
    "our", "out", "over", "own", "report", "reported", "said", "same", "say", "says", "she", "so",
    "some", "such", "than", "that", "the", "their", "them", "then", "there", "they", "this", "to",
    "told", "under", "up", "very", "was", "we", "were", "what", "when", "where", "which", "while",
    "who", "whom", "whose", "will", "with", "would", "you", "your",
))  # fmt: skip

_UNITS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = {
    **{word: number for number, word in enumerate(_UNITS, start=1)},
    **{word: 10 * tens for tens, word in enumerate(TENS, start=2)},
    "dozen": 12,
}
LARGEST_UNIT = 9
# "One" is mostly no number.
_COUNTS = NUMBER_WORDS.keys() - {"one"}
_NO_NAMES = _COUNTS | _EMPTY_WORDS | DAY_WORDS
# Persian and Pashto names come in as many spellings as agencies: what sounds alike is one letter,
# and neither vowels count nor an h but the first letter's ("kh" is k, "sh" is s).
_FIRST_LETTERS = str.maketrans("qzvaeiouy", "kswaaaaaa")
_LATER_LETTERS = str.maketrans("qzv", "ksw", "aeiouyh")
_DOUBLED = re.compile(r"(.)\1+")
# To `sub`, whatever is written with a backslash costs three times as much.
_LETTER: Callable[[re.Match[str]], str] = itemgetter(1)
# Hashes lie from here on, numbers below.
_HASHED = 1 << 31
# What a beat's reports say in a week; of names only those that keep coming. A word and what it
# mentions are 100 to 500 bytes.
REMEMBERED_MAX = 16384


class Kind(IntEnum):
    """What is mentioned."""

    WORD = 0
    NAME = 1
    NUMBER = 2
    CONCEPT = 3


# Something that texts mention, however they spell it, as sketches keep it: what stands for it (a
# hash of its one spelling; of a number the number itself), its kind, and how rare it is.
Mention = bytes
MENTION = np.dtype([("hash", "<u4"), ("kind", "u1"), ("rarity", "u1")])
_MENTION = struct.Struct("<IBB")
# The rarity of the rarest.
RARITY_MOST = 255
# In place of what a word mentions: which number it is, what stands beside it says.
COUNTED = _MENTION.pack(0, Kind.NUMBER, 0)


_Told = TypeVar("_Told")


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
            if len(self) == REMEMBERED_MAX:
                self.clear()
            self[form] = told
        return told


class Lexicon:
    """Reads words, and remembers those that keep coming.

    Args:
        rarities: words to how rare they are (log of inverse document frequency, as scikit-learn's
            TfidfVectorizer has it); a word not among them is as rare as the rarest.

    Attributes:
        known: the words with a rarity.
        words: what words in their one spelling mention where they are no names, if anything.
        names: which names words are, written in lower case.
        concepts: the mentions of listed concepts.
    """

    def __init__(self, rarities: Mapping[str, float]) -> None:
        self._rarest = max(rarities.values())
        self.known = frozenset(rarities)
        self._words: dict[str, float] = {}
        self._names: dict[str, float] = {}
        for word, rarity in rarities.items():
            for forms, form in ((self._words, _stem(word)), (self._names, _spell(word))):
                forms[form] = min(rarity, forms.get(form, self._rarest))
        self.words: Mapping[str, Mention | None] = Remembered(self._read_word)
        self.names: Mapping[str, Mention] = Remembered(self._read_name)
        self.concepts: Mapping[str, Mention] = Remembered(self._read_concept)

    def mention_number(self, number: int) -> Mention:
        """Make the mention of a number."""
        rarity = _NUMBER_RARITY if number > SMALL_NUMBER else _SMALL_NUMBER_RARITY
        return self._mention(Kind.NUMBER, min(number, _HASHED - 1), rarity)

    def _read_word(self, form: str) -> Mention | None:
        if form in TENS or (form[0].isdigit() and form.isascii()):
            return COUNTED
        if form in _COUNTS:
            return self.mention_number(NUMBER_WORDS[form])
        if not may_be_name(form):
            return None
        stem = _stem(form)
        rarity = self._words.get(stem, self._rarest)
        return self._mention(Kind.WORD, _hash(Kind.WORD, stem), rarity)

    def _read_name(self, written: str) -> Mention:
        form = _spell(written)
        rarity = self._names.get(form, self._rarest)
        return self._mention(Kind.NAME, _hash(Kind.NAME, form), rarity)

    def _read_concept(self, concept: str) -> Mention:
        return self._mention(Kind.CONCEPT, _hash(Kind.CONCEPT, concept), _CONCEPT_RARITY)

    def _mention(self, kind: Kind, key: int, rarity: float) -> Mention:
        level = round(RARITY_MOST * min(rarity / self._rarest, 1))
        return _MENTION.pack(key, kind, level)


def may_be_name(form: str) -> bool:
    """Tell whether a word in its one spelling is a name where it has a capital."""
    return form not in _NO_NAMES and not form[0].isdigit()


def _hash(kind: Kind, form: str) -> int:
    written = b"%d" % kind + form.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(written, digest_size=4).digest(), "little") | _HASHED


def _stem(word: str) -> str:
    stem = _SUFFIX.sub("", word)
    if len(stem) > _LEAST_STEM and stem[-1] in "ey":
        stem = stem[:-1]
    return _DOUBLED.sub(_LETTER, stem[:_STEM_LETTERS])


def _spell(word: str) -> str:
    """Bring spellings of one name together (Noor and Nur, Qandahar and Kandahar)."""
    word = word.replace("ph", "f")
    letters = word[0].translate(_FIRST_LETTERS) + word[1:].translate(_LATER_LETTERS)
    return _DOUBLED.sub(_LETTER, letters)
