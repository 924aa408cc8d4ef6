"""A text -> what it mentions: words, names, numbers and concepts, with how rare and where.

What a word is by itself the lexicon says; what it is here hangs on capitals and on its neighbours:
"Mir Ali" is also "Mirali", "1,300" is one number, and so is "thirty-one".
"""

import re
from bisect import bisect_left
from itertools import compress, pairwise
from operator import not_

from service.lexicon import COUNTED, LARGEST_UNIT, NUMBER_WORDS, TENS, Lexicon, Mention, may_be_name
from service.report_terms import ReportTerms
from service.report_words import ReportWords
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


class MentionReader:
    """Reads what texts mention.

    Args:
        lexicon: what words are by themselves.
        terms: finds the concepts of a text.
    """

    def __init__(self, lexicon: Lexicon, terms: TermIndex) -> None:
        self._lexicon = lexicon
        self._terms = ReportTerms(terms)

    def find_mentions(self, words: ReportWords) -> dict[Mention, int]:
        """Find what a report mentions: part by part, concepts first.

        Args:
            words: of the report. Names are told by capitals: a script without them has none.

        Returns:
            What, in order, and how many words of the report stand before its first.
        """
        lexicon, forms = self._lexicon, words.forms
        names = self._find_names(words)
        named = self._terms.find_concepts(words)
        begins = [0, *(bisect_left(named, (end,)) for end in words.ends)]
        found: dict[Mention, int] = {}
        for (begin, last), (start, end) in zip(
            pairwise(begins), pairwise([0, *words.ends]), strict=True
        ):
            for at, concepts in named[begin:last]:
                for concept in concepts:
                    found.setdefault(lexicon.concepts[concept], at)
            for at, form in enumerate(forms[start:end], start):
                if at in names:
                    found.setdefault(lexicon.names[form], at)
                    if words.capitals[at - 1] and words.is_joined(at):
                        # "Mir Ali" is Mirali elsewhere, and tells more than Mir and Ali.
                        found.setdefault(lexicon.names[forms[at - 1] + form], at)
                    continue
                mention = lexicon.words[form]
                if mention is COUNTED:
                    mention = self._read_number(words, at)
                if mention is not None:
                    found.setdefault(mention, at)
        return found

    def _find_names(self, words: ReportWords) -> set[int]:
        lower_case = {*compress(words.forms, map(not_, words.capitals))}
        capitals = [*compress(enumerate(words.forms), words.capitals)]
        names = {*filter(may_be_name, {form for _, form in capitals} - lower_case)}
        # The first word of a sentence has a capital anyway.
        doubtful = names & self._lexicon.known
        return {
            at
            for at, form in capitals
            if form in names and not (form in doubtful and words.opens_sentence(at))
        }

    def _read_number(self, words: ReportWords, at: int) -> Mention | None:
        form = words.forms[at]
        if form not in TENS:
            number = read_digits(words.written, words.starts[at])
            return None if number is None else self._lexicon.mention_number(number)
        number = NUMBER_WORDS[form]
        if at + 1 < len(words.forms) and words.is_joined(at + 1):
            # "Thirty-one"; what follows as a number of its own is read too, and does no harm.
            unit = NUMBER_WORDS.get(words.forms[at + 1], 0)
            number += unit if unit <= LARGEST_UNIT else 0
        return self._lexicon.mention_number(number)


def read_digits(text: str, start: int) -> int | None:
    """Read the number whose digits begin at a place of a text, unless it is none that counts."""
    match = _DIGITS.match(text, start)
    if match is None or len(match[1]) > _DIGITS_MAX:
        return None
    times = _TIMES.get((match[2] or "").lower(), 1)
    number = round(float(match[1].replace(",", "")) * times)
    is_year = number in _YEARS and match[0].isdigit()
    return None if number <= 1 or is_year else number
