"""A text -> what it mentions: words, names, numbers and concepts, with how rare and where.

What a word is by itself the lexicon says; what it is here hangs on capitals and on its neighbours:
"Mir Ali" is also "Mirali", "1,300" is one number, and so is "thirty-one".
"""

import re
from bisect import bisect_right
from itertools import compress
from typing import NamedTuple

import numpy as np

from service.lexicon import (
    COUNTED,
    DATED,
    HASH_BITS,
    LARGEST_UNIT,
    MENTION_BITS,
    NO_NAMES,
    NUMBER_WORDS,
    RARITY_MOST,
    UNMENTIONED,
    Lexicon,
    Mention,
)
from service.report_terms import ReportTerms
from service.report_words import ReportWords
from service.slots import Integers
from service.spelling import Remembered
from service.terms import TermIndex

# A number of four digits is a year, not a count.
_YEARS = range(1900, 2100)
# Behind "1," in "1,300" it is told already.
_DIGITS = re.compile(
    r"(?<![0-9][.,])([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:\.[0-9]+)?)"
    r"(?: (thousand|million|billion)\b)?",
    re.IGNORECASE,
)
_TIMES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
# A longer one is a telephone number, or no number.
_DIGITS_MAX = 11
# What is also known as a word may have its capital for the place where it stands.
_DOUBTFUL = 1 << MENTION_BITS
_HASH = (1 << HASH_BITS) - 1
# Hashes and places together are sorted as one number of 63 bits.
_PLACE_BITS = 31


class Mentioned(NamedTuple):
    """What a report mentions.

    Attributes:
        mentions: hashes ascending, each once: of two that have one by chance, the first.
        places: how many words of the report stand before the first of each.
        days: the words that name a day or a month.
    """

    mentions: Integers
    places: Integers
    days: list[int]


class Enough(NamedTuple):
    """How many mentions that are no concepts, and of what rarity at least."""

    mentions: int
    rarity: int


class MentionReader:
    """Reads what texts mention, and remembers the words that keep coming.

    Args:
        lexicon: what words are by themselves.
        terms: finds the concepts of a text.
        enough: how many mentions, and how rare, make concepts behind the lead needless.
    """

    def __init__(self, lexicon: Lexicon, terms: TermIndex, enough: Enough) -> None:
        self._lexicon = lexicon
        self._enough = enough
        self._terms = ReportTerms(terms)
        self._words = Remembered(lexicon.read_word)
        self._names = Remembered(self._read_name)
        self._double_names = Remembered(lexicon.read_name)
        self._concepts = {each: lexicon.read_concept(each) for each in self._terms.concepts}
        self._concept_hashes = {mention & _HASH for mention in self._concepts.values()}

    def find_mentions(self, words: ReportWords, lead: int) -> Mentioned:
        """Find what a report mentions.

        Args:
            words: of the report. Names are told by capitals: a script without them has none.
            lead: how many of them there are up to the end of its lead. Where the report mentions
                enough, concepts are looked for no further: that costs as much as half of the rest.
        """
        forms = words.forms
        names = self._find_names(words)
        mentions = self._read_words(words, names)
        days = np.flatnonzero(mentions == DATED).tolist()
        for at in np.flatnonzero(mentions == COUNTED).tolist():
            mentions[at] = self._read_number(words, at)
        own = np.flatnonzero(mentions & _HASH)
        doubles = [
            at for at in names if at and words.capitals[at - 1] and words.bounds.is_joined(at)
        ]
        # "Mir Ali" is Mirali elsewhere, and tells more than Mir and Ali.
        double_names = [self._double_names[forms[at - 1] + forms[at]] for at in doubles]
        mentions = np.concatenate([mentions.take(own), np.array(double_names, np.int64)])
        until = lead if self._are_enough(mentions) else len(forms)
        concepts = self._find_concepts(words, until)
        # Part by part, concepts first, and "Mirali" after Ali.
        starts = [0, *words.ends]
        orders = [3 * at + 2 for at in doubles]
        orders += [3 * starts[bisect_right(words.ends, at)] for at in concepts.values()]
        mentions = np.concatenate([mentions, np.array([*concepts], np.int64)])
        places = np.concatenate([own, np.array([*doubles, *concepts.values()], np.int64)])
        order = np.concatenate([3 * own + 1, np.array(orders, np.int64)])
        firsts = _find_firsts(mentions & _HASH, order)
        return Mentioned(mentions.take(firsts), places.take(firsts), days)

    def _find_names(self, words: ReportWords) -> dict[int, Mention]:
        # By its place.
        forms = words.forms
        capitals = np.flatnonzero(words.capitals).tolist()
        written = [forms[at] for at in capitals]
        names = {*written} - NO_NAMES
        names.difference_update(compress(forms, (~words.capitals).tolist()))
        told = {form: self._names[form] for form in names}
        found = {}
        for at, form in zip(capitals, written, strict=True):
            name = told.get(form, UNMENTIONED)
            if name & _DOUBTFUL:
                # The first word of a sentence has a capital anyway.
                name = UNMENTIONED if words.opens_sentence(at) else name ^ _DOUBTFUL
            if name != UNMENTIONED:
                found[at] = name
        return found

    def _read_words(self, words: ReportWords, names: dict[int, Mention]) -> Integers:
        # What each word mentions, where names are known.
        count = len(words.forms)
        is_other = np.ones(count, bool)
        at_names = [*names]
        is_other[at_names] = False
        others = map(self._words.__getitem__, compress(words.forms, is_other.tolist()))
        mentions = np.empty(count, np.int64)
        mentions[is_other] = np.fromiter(others, np.int64, count - len(names))
        mentions[at_names] = [*names.values()]
        return mentions

    def _are_enough(self, mentions: Integers) -> bool:
        hashes = mentions & _HASH
        is_rare = (mentions >> HASH_BITS) & RARITY_MOST >= self._enough.rarity
        rare = {*hashes.compress(is_rare).tolist()}
        # What has the hash of another by chance may come before it.
        return (
            len(rare) >= self._enough.mentions
            and self._concept_hashes.isdisjoint(hashes.tolist())
            and rare.isdisjoint(hashes.compress(~is_rare).tolist())
        )

    def _find_concepts(self, words: ReportWords, until: int) -> dict[Mention, int]:
        # Each where it is first named.
        firsts: dict[Mention, int] = {}
        for concepts, at in self._terms.find_concepts(words, until).items():
            for concept in concepts:
                mention = self._concepts[concept]
                firsts[mention] = min(at, firsts.get(mention, at))
        return firsts

    def _read_number(self, words: ReportWords, at: int) -> Mention:
        tens = NUMBER_WORDS.get(words.forms[at])
        if tens is None:
            number = read_digits(words.written, words.starts[at])
            return UNMENTIONED if number is None else self._lexicon.read_number(number)
        if at + 1 < len(words.forms) and words.bounds.is_joined(at + 1):
            # "Thirty-one"; what follows as a number of its own is read too, and does no harm.
            unit = NUMBER_WORDS.get(words.forms[at + 1], 0)
            tens += unit if unit <= LARGEST_UNIT else 0
        return self._lexicon.read_number(tens)

    def _read_name(self, form: str) -> int:
        name = self._lexicon.read_name(form)
        return name | _DOUBTFUL if form in self._lexicon.known else name


def _find_firsts(hashes: Integers, order: Integers) -> Integers:
    # Of each hash the first in order, hashes ascending.
    sorting = (hashes << _PLACE_BITS | order).argsort()
    ascending = hashes.take(sorting)
    is_first = np.ones(len(hashes), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return sorting.compress(is_first)


def read_digits(text: str, start: int) -> int | None:
    """Read the number whose digits begin at a place of a text, unless it is none that counts."""
    match = _DIGITS.match(text, start)
    if match is None:
        return None
    digits, times = match.groups()
    if len(digits) > _DIGITS_MAX:
        return None
    if times is None and digits.isdigit():
        number = int(digits)
        return None if number <= 1 or number in _YEARS else number
    # A pattern that takes any case takes a dotless i, too, of which lower case makes no other.
    times_what = _TIMES.get(times.lower(), 1) if times else 1
    number = round(float(digits.replace(",", "")) * times_what)
    return None if number <= 1 else number
