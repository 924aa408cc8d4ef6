"""A word -> what it mentions by itself: a word, a name or a number, and how rare that is.

Forms bring together what different writers write: "killing" and "killed", "Qandahar" and
"Kandahar", "four" and "4".
"""

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple

from service.event_days import DAY_WORDS
from service.words import REMEMBERED_LETTERS

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
# and vowels do not count.
_SPELLINGS = (
    ("q", "k"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("gh", "g"), ("kh", "k"), ("sh", "s"),
    ("ch", "c"), ("z", "s"), ("v", "w"),
)  # fmt: skip
_VOWELS = re.compile("[aeiouyh]")
_DOUBLED = re.compile(r"(.)\1+")
# Hashes lie from here on, numbers below.
_HASHED = 1 << 31
# What a beat's reports say in a week; of names only those that keep coming. A word and what it
# mentions are half a kilobyte.
_REMEMBERED_MAX = 8192


class Kind(IntEnum):
    """What is mentioned."""

    WORD = 0
    NAME = 1
    NUMBER = 2
    CONCEPT = 3


class Mention(NamedTuple):
    """Something that texts mention, however they spell it.

    Attributes:
        kind: what it is.
        key: stands for it, in 32 bits: a hash of its one spelling; of a number the number itself.
        rarity: log of inverse document frequency.
    """

    kind: Kind
    key: int
    rarity: float


# In place of what a word mentions: which number it is, what stands beside it says.
COUNTED = Mention(Kind.NUMBER, 0, 0.0)


class Lexicon:
    """Reads words, and remembers those that keep coming.

    Args:
        rarities: words to how rare they are (log of inverse document frequency, as scikit-learn's
            TfidfVectorizer has it); a word not among them is as rare as the rarest.

    Attributes:
        rarest: how rare that is.
    """

    def __init__(self, rarities: Mapping[str, float]) -> None:
        self.rarest = max(rarities.values())
        self._known = frozenset(rarities)
        self._words: dict[str, float] = {}
        self._names: dict[str, float] = {}
        for word, rarity in rarities.items():
            for forms, form in ((self._words, _stem(word)), (self._names, _spell(word))):
                forms[form] = min(rarity, forms.get(form, self.rarest))
        self._remember_word = lru_cache(_REMEMBERED_MAX)(self._read_word)
        self._remember_name = lru_cache(_REMEMBERED_MAX)(self._read_name)

    def read_word(self, form: str) -> Mention | None:
        """Read what a word in its one spelling mentions where it is no name, if anything."""
        remembered = len(form) <= REMEMBERED_LETTERS
        return self._remember_word(form) if remembered else self._read_word(form)

    def read_name(self, written: str) -> Mention:
        """Read which name it is that is written so, in lower case."""
        remembered = len(written) <= REMEMBERED_LETTERS
        return self._remember_name(written) if remembered else self._read_name(written)

    def knows(self, form: str) -> bool:
        """Tell whether a word is among those with a rarity."""
        return form in self._known

    def _read_word(self, form: str) -> Mention | None:
        if form in TENS or (form[0].isdigit() and form.isascii()):
            return COUNTED
        if form in _COUNTS:
            return mention_number(NUMBER_WORDS[form])
        if not may_be_name(form):
            return None
        stem = _stem(form)
        return _mention(Kind.WORD, stem, self._words.get(stem, self.rarest))

    def _read_name(self, written: str) -> Mention:
        form = _spell(written)
        return _mention(Kind.NAME, form, self._names.get(form, self.rarest))


def may_be_name(form: str) -> bool:
    """Tell whether a word in its one spelling is a name where it has a capital."""
    return form not in _NO_NAMES and not form[0].isdigit()


def mention_number(number: int) -> Mention:
    """Make the mention of a number."""
    rarity = _NUMBER_RARITY if number > SMALL_NUMBER else _SMALL_NUMBER_RARITY
    return Mention(Kind.NUMBER, min(number, _HASHED - 1), rarity)


@cache
def mention_concept(concept: str) -> Mention:
    """Make the mention of a listed concept."""
    return _mention(Kind.CONCEPT, concept, _CONCEPT_RARITY)


def _mention(kind: Kind, form: str, rarity: float) -> Mention:
    written = f"{kind}{form}".encode(errors="surrogatepass")
    hashed = int.from_bytes(blake2b(written, digest_size=4).digest(), "little") | _HASHED
    return Mention(kind, hashed, rarity)


def _stem(word: str) -> str:
    stem = _SUFFIX.sub("", word)
    if len(stem) > _LEAST_STEM and stem[-1] in "ey":
        stem = stem[:-1]
    return _DOUBLED.sub(r"\1", stem[:_STEM_LETTERS])


def _spell(word: str) -> str:
    """Bring spellings of one name together (Noor and Nur, Qandahar and Kandahar)."""
    for written, spoken in _SPELLINGS:
        word = word.replace(written, spoken)
    first = "a" if word[0] in "aeiouy" else word[0]
    return _DOUBLED.sub(r"\1", first + _VOWELS.sub("", word[1:]))
