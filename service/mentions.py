"""A text -> what it mentions: words, names, numbers and concepts, with how rare and where.

Forms bring together what different writers write: "killing" and "killed", "Mir Ali" and "Mirali",
"1,300" and "1300", "four" and "4".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from service.event_days import DAY_WORDS
from service.terms import TermIndex
from service.words import Word, split_words

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
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER_WORDS = {
    **{word: number for number, word in enumerate(_UNITS, start=1)},
    **{word: 10 * tens for tens, word in enumerate(_TENS, start=2)},
    "dozen": 12,
}
_LARGEST_UNIT = 9
# A number of four digits is a year, not a count.
_YEARS = range(1900, 2100)
_DIGITS = re.compile(
    r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:\.[0-9]+)?)(?: (thousand|million|billion)\b)?",
    re.IGNORECASE,
)
_TIMES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
# A longer one is a telephone number, or no number.
_DIGITS_MAX = 11
# The end of "1," in "1,300".
_IN_NUMBER = re.compile("[0-9][.,]$")
# Persian and Pashto names come in as many spellings as agencies: what sounds alike is one letter,
# and vowels do not count.
_SPELLINGS = (
    ("q", "k"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("gh", "g"), ("kh", "k"), ("sh", "s"),
    ("ch", "c"), ("z", "s"), ("v", "w"),
)  # fmt: skip
_VOWELS = re.compile("[aeiouyh]")
_DOUBLED = re.compile(r"(.)\1+")


class Kind(IntEnum):
    """What is mentioned."""

    WORD = 0
    NAME = 1
    NUMBER = 2
    CONCEPT = 3


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that a text mentions.

    Attributes:
        kind: what it is.
        form: in its one spelling; of a number its digits.
        rarity: log of inverse document frequency.
        part: 0 for the headline, 1 for the first paragraph, and so on.
        place: how many words of the report stand before it.
    """

    kind: Kind
    form: str
    rarity: float
    part: int
    place: int


class MentionReader:
    """Reads what texts mention.

    Args:
        rarities: words to how rare they are (log of inverse document frequency, as scikit-learn's
            TfidfVectorizer has it); a word not among them is as rare as the rarest.
        terms: finds the concepts of a text.
    """

    def __init__(self, rarities: Mapping[str, float], terms: TermIndex) -> None:
        self._terms = terms
        self.rarest = max(rarities.values())
        self._known = frozenset(rarities)
        self._words: dict[str, float] = {}
        self._names: dict[str, float] = {}
        for word, rarity in rarities.items():
            for forms, form in ((self._words, _stem(word)), (self._names, _spell(word))):
                forms[form] = min(rarity, forms.get(form, self.rarest))

    def list_mentions(self, parts: Sequence[str]) -> Iterator[Mention]:
        """List what a report mentions, in the order of its text, repetitions included.

        Args:
            parts: its headline and paragraphs. Names are told by capitals: a script without them
                has none.
        """
        spelled = [split_words(text) for text in parts]
        lower_case = {
            word.form
            for text, words in zip(parts, spelled, strict=True)
            for word in words
            if not text[word.start].isupper()
        }
        before = 0
        for part, (text, words) in enumerate(zip(parts, spelled, strict=True)):
            for hit in self._terms.find(words):
                for concept in hit.concepts:
                    yield Mention(Kind.CONCEPT, concept, _CONCEPT_RARITY, part, before + hit.first)
            for position in range(len(words)):
                for kind, form, rarity in self._read_word(text, words, position, lower_case):
                    yield Mention(kind, form, rarity, part, before + position)
            before += len(words)

    def _read_word(
        self, text: str, words: Sequence[Word], position: int, lower_case: set[str]
    ) -> Iterator[tuple[Kind, str, float]]:
        word = words[position]
        number = _read_number(text, words, position)
        if number is not None:
            rarity = _NUMBER_RARITY if number > SMALL_NUMBER else _SMALL_NUMBER_RARITY
            yield Kind.NUMBER, str(number), rarity
        elif word.form[0].isdigit() or word.form in DAY_WORDS or word.form in _EMPTY_WORDS:
            return
        elif self._is_name(text, words, position, lower_case):
            yield self._find_name(word.form)
            if word.joined and text[words[position - 1].start].isupper():
                # "Mir Ali" is Mirali elsewhere, and a full name tells more than its parts.
                yield self._find_name(words[position - 1].form + word.form)
        else:
            form = _stem(word.form)
            yield Kind.WORD, form, self._words.get(form, self.rarest)

    def _find_name(self, written: str) -> tuple[Kind, str, float]:
        form = _spell(written)
        return Kind.NAME, form, self._names.get(form, self.rarest)

    def _is_name(
        self, text: str, words: Sequence[Word], position: int, lower_case: set[str]
    ) -> bool:
        word = words[position]
        if not text[word.start].isupper() or word.form in lower_case:
            return False
        # The first word of a sentence has a capital anyway.
        opens = position == 0 or words[position - 1].sentence != word.sentence
        return not opens or word.form not in self._known


def _read_number(text: str, words: Sequence[Word], position: int) -> int | None:
    word = words[position]
    if not word.form.isascii():
        return None
    if word.form[0].isdigit():
        return _read_digits(text, word)
    number = _NUMBER_WORDS.get(word.form, 0)
    following = words[position + 1] if position + 1 < len(words) else None
    if word.form in _TENS and following and following.joined:
        # "Thirty-one"; what follows as a number of its own is read too, and does no harm.
        unit = _NUMBER_WORDS.get(following.form, 0)
        number += unit if unit <= _LARGEST_UNIT else 0
    return number if number > 1 else None


def _read_digits(text: str, word: Word) -> int | None:
    if _IN_NUMBER.search(text, max(0, word.start - 2), word.start):
        return None
    match = _DIGITS.match(text, word.start)
    if match is None or len(match[1]) > _DIGITS_MAX:
        return None
    times = _TIMES.get((match[2] or "").lower(), 1)
    number = round(float(match[1].replace(",", "")) * times)
    is_year = number in _YEARS and match[0].isdigit()
    return None if number <= 1 or is_year else number


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
