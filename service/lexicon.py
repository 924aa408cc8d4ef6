"""A word -> what it mentions by itself: a word, a name or a number, and how rare that is.

Forms bring together what different writers write: "killing" and "killed", "Qandahar" and
"Kandahar", "four" and "4".
"""

import re
from collections.abc import Mapping
from enum import IntEnum
from hashlib import blake2b
from operator import itemgetter

from service.event_days import DAY_WORDS

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
NO_NAMES = _COUNTS | _EMPTY_WORDS | DAY_WORDS
# Persian and Pashto names come in as many spellings as agencies: what sounds alike is one letter,
# and neither vowels count nor an h but the first letter's ("kh" is k, "sh" is s).
_FIRST_LETTERS = bytes.maketrans(b"qzvaeiouy", b"kswaaaaaa")
_LATER_LETTERS = bytes.maketrans(b"qzv", b"ksw")
_UNHEARD_LETTERS = b"aeiouyh"
_DOUBLED = re.compile(r"(.)\1+")
# The same of what is encoded: any letter but those of ASCII is several bytes.
_DOUBLED_BYTES = re.compile(rb"([^\x80-\xff]|[\xc0-\xff][\x80-\xbf]+)\1+")
# To `sub`, whatever is written with a backslash costs three times as much.
_LETTER = itemgetter(1)
# Hashes lie from here on, numbers below.
_HASHED = 1 << 31


class Kind(IntEnum):
    """What is mentioned."""

    WORD = 0
    NAME = 1
    NUMBER = 2
    CONCEPT = 3


# Something that texts mention, however they spell it, as the bits of one number. From the lowest:
# what stands for it (a hash of its one spelling; of a number the number itself), how rare it is,
# and its kind.
Mention = int
HASH_BITS, RARITY_BITS, KIND_BITS = 32, 8, 2
MENTION_BITS = HASH_BITS + RARITY_BITS + KIND_BITS
# The rarity of the rarest.
RARITY_MOST = (1 << RARITY_BITS) - 1
# In place of what a word mentions: nothing; a day; a number, of which what stands beside it says
# which.
UNMENTIONED: Mention = 0
DATED: Mention = 1 << HASH_BITS
COUNTED: Mention = Kind.NUMBER << (HASH_BITS + RARITY_BITS)


class Lexicon:
    """Reads words.

    Args:
        rarities: words to how rare they are (log of inverse document frequency, as scikit-learn's
            TfidfVectorizer has it); a word not among them is as rare as the rarest.

    Attributes:
        known: the words with a rarity.
        concept_rarity: of the mention of a concept.
    """

    def __init__(self, rarities: Mapping[str, float]) -> None:
        self.known = frozenset(rarities)
        self._rarest = rarest = max(rarities.values())
        words: dict[bytes, float] = {}
        names: dict[bytes, float] = {}
        for word, rarity in rarities.items():
            for forms, form in ((words, _stem(word)), (names, _spell(word))):
                forms[form] = min(rarity, forms.get(form, rarest))
        # What stands above the hash of each.
        self._words = {form: self._rate(Kind.WORD, rarity) for form, rarity in words.items()}
        self._names = {form: self._rate(Kind.NAME, rarity) for form, rarity in names.items()}
        self._other_word, self._other_name = (
            self._rate(kind, rarest) for kind in (Kind.WORD, Kind.NAME)
        )
        self._small_number, self._number = (
            self._rate(Kind.NUMBER, rarity) for rarity in (_SMALL_NUMBER_RARITY, _NUMBER_RARITY)
        )
        self._concept = self._rate(Kind.CONCEPT, _CONCEPT_RARITY)
        self.concept_rarity = (self._concept >> HASH_BITS) & RARITY_MOST

    def read_word(self, form: str) -> Mention:
        """Read a word in its one spelling, where it is no name."""
        if form[0].isdigit():
            return COUNTED if form.isascii() else UNMENTIONED
        if form in NO_NAMES:
            if form in _COUNTS:
                return COUNTED if form in TENS else self.read_number(NUMBER_WORDS[form])
            return DATED if form in DAY_WORDS else UNMENTIONED
        stem = _stem(form)
        return self._words.get(stem, self._other_word) | _hash(b"0", stem)

    def read_name(self, form: str) -> Mention:
        """Read a name, in lower case."""
        name = _spell(form)
        return self._names.get(name, self._other_name) | _hash(b"1", name)

    def read_number(self, number: int) -> Mention:
        """Read a number."""
        rated = self._number if number > SMALL_NUMBER else self._small_number
        return rated | min(number, _HASHED - 1)

    def read_concept(self, concept: str) -> Mention:
        """Read the name of a listed concept."""
        return self._concept | _hash(b"3", concept.encode())

    def _rate(self, kind: Kind, rarity: float) -> Mention:
        level = round(RARITY_MOST * min(rarity / self._rarest, 1))
        return (kind << RARITY_BITS | level) << HASH_BITS


def _hash(kind: bytes, form: bytes) -> int:
    return int.from_bytes(blake2b(kind + form, digest_size=4).digest(), "little") | _HASHED


def _stem(word: str) -> bytes:
    stem = _SUFFIX.sub("", word)
    if len(stem) > _LEAST_STEM and stem[-1] in "ey":
        stem = stem[:-1]
    return _DOUBLED.sub(_LETTER, stem[:_STEM_LETTERS]).encode(errors="surrogatepass")


def _spell(word: str) -> bytes:
    """Bring spellings of one name together (Noor and Nur, Qandahar and Kandahar)."""
    letters = word.encode(errors="surrogatepass").replace(b"ph", b"f")
    heard = letters[:1].translate(_FIRST_LETTERS)
    heard += letters[1:].translate(_LATER_LETTERS, _UNHEARD_LETTERS)
    return _DOUBLED_BYTES.sub(_LETTER, heard)
