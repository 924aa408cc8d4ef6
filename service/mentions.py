"""A text -> what it mentions: words, names, numbers and concepts, with how rare and where.

What a word is by itself the lexicon says; what it is here hangs on capitals and on its neighbours:
"Mir Ali" is also "Mirali", "1,300" is one number, and so is "thirty-one".
"""

import re
from collections.abc import Iterator, Sequence

from service.lexicon import (
    COUNTED,
    LARGEST_UNIT,
    NUMBER_WORDS,
    TENS,
    Lexicon,
    Mention,
    may_be_name,
    mention_concept,
    mention_number,
)
from service.terms import TermIndex
from service.words import Word, split_words

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


class MentionReader:
    """Reads what texts mention.

    Args:
        lexicon: what words are by themselves.
        terms: finds the concepts of a text.
    """

    def __init__(self, lexicon: Lexicon, terms: TermIndex) -> None:
        self._lexicon = lexicon
        self._terms = terms

    def list_mentions(self, parts: Sequence[str]) -> Iterator[tuple[Mention, int]]:
        """List what a report mentions, repetitions included: part by part, concepts first.

        Args:
            parts: its headline and paragraphs. Names are told by capitals: a script without them
                has none.

        Returns:
            What, and how many words of the report stand before it.
        """
        lower_case = {
            word.form
            for text in parts
            for word in split_words(text)
            if not text[word.start].isupper()
        }
        before = 0
        for text in parts:
            words = split_words(text)
            for hit in self._terms.find(words):
                for concept in hit.concepts:
                    yield mention_concept(concept), before + hit.first
            yield from self._read_words(text, words, lower_case, before)
            before += len(words)

    def _read_words(
        self, text: str, words: Sequence[Word], lower_case: set[str], before: int
    ) -> Iterator[tuple[Mention, int]]:
        read_word, read_name = self._lexicon.read_word, self._lexicon.read_name
        sentence = -1
        for position, word in enumerate(words):
            form = word.form
            # The first word of a sentence has a capital anyway.
            opens, sentence = word.sentence != sentence, word.sentence
            is_name = not (form in lower_case or (opens and self._lexicon.knows(form)))
            if is_name and may_be_name(form):
                yield read_name(form), before + position
                previous = words[position - 1]
                if word.joined and text[previous.start].isupper():
                    # "Mir Ali" is Mirali elsewhere, and a full name tells more than its parts.
                    yield read_name(previous.form + form), before + position
                continue
            mention = read_word(form)
            if mention is COUNTED:
                mention = _read_number(text, words, position)
            if mention is not None:
                yield mention, before + position


def _read_number(text: str, words: Sequence[Word], position: int) -> Mention | None:
    word = words[position]
    if word.form not in TENS:
        number = _read_digits(text, word)
        return None if number is None else mention_number(number)
    number = NUMBER_WORDS[word.form]
    following = words[position + 1] if position + 1 < len(words) else None
    if following and following.joined:
        # "Thirty-one"; what follows as a number of its own is read too, and does no harm.
        unit = NUMBER_WORDS.get(following.form, 0)
        number += unit if unit <= LARGEST_UNIT else 0
    return mention_number(number)


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
