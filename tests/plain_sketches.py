"""Words and sketches made the plain way: one after the other, nothing remembered."""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from math import sqrt
from typing import NamedTuple

from service.event_days import DAY_WORDS
from service.lexicon import (
    _EMPTY_WORDS,
    NUMBER_WORDS,
    SMALL_NUMBER,
    TENS,
    Kind,
)
from service.markup import mask_markup
from service.mentions import read_digits
from service.spelling import WORD, normalise_word
from service.terms import TermIndex
from service.words import GENITIVE, SENTENCE_END, TERM_BREAK, Word

_FEATURES_MAX = 160


class _Mention(NamedTuple):
    kind: Kind
    form: str
    rarity: float
    part: int
    place: int


def split_plainly(text: str) -> tuple[Word, ...]:
    text = mask_markup(text)
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    skipped = {match.start() + 1 for match in GENITIVE.finditer(text)}
    words: list[Word] = []
    for match in WORD.finditer(text):
        sentence = sum(end <= match.start() for end in ends)
        form = normalise_word(match.group())
        if match.start() not in skipped and form:
            joined = (
                bool(words)
                and words[-1].sentence == sentence
                and not TERM_BREAK.search(text, words[-1].end, match.start())
            )
            words.append(Word(form, match.start(), match.end(), sentence, joined))
    return tuple(words)


def stem_plainly(word: str) -> str:
    stem = re.sub("(?<=...)(?:ations?|ments?|ings?|ers?|ie[sd]|ed|es|s|ly|ions?)$", "", word)
    if len(stem) > 3 and stem[-1] in "ey":
        stem = stem[:-1]
    return re.sub(r"(.)\1+", r"\1", stem[:6])


def spell_plainly(word: str) -> str:
    """What sounds alike is one letter, one after the other."""
    for written, spoken in (
        ("q", "k"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("gh", "g"), ("kh", "k"), ("sh", "s"),
        ("ch", "c"), ("z", "s"), ("v", "w"),
    ):  # fmt: skip
        word = word.replace(written, spoken)
    first = "a" if word[0] in "aeiouy" else word[0]
    return re.sub(r"(.)\1+", r"\1", first + re.sub("[aeiouyh]", "", word[1:]))


def pack_plainly(parts: Sequence[str], rarities: Mapping[str, float], terms: TermIndex) -> bytes:
    """A sketch of these parts, but for its head."""
    rarest = max(rarities.values())
    found: dict[int, tuple[int, int, int]] = {}
    for each in _list_mentions(parts, rarities, terms):
        kind = each.kind | 4 * (each.part <= 1) | 8 * (each.part == 0)
        rarity = round(255 * min(each.rarity / rarest, 1))
        found.setdefault(_hash(each), (kind, rarity, min(each.place // 2, 255)))

    def rank(key: int) -> tuple[bool, float, int]:
        kind, rarity, place = found[key]
        telling = min(max((rarity / 255 - 0.23) / (1 - 0.23), 0), 1)
        return not kind & 4, -telling / sqrt(1 + 2.0 * place / 100), key

    kept = sorted(sorted(found, key=rank)[:_FEATURES_MAX])
    return b"".join(key.to_bytes(4, "little") + bytes(found[key]) for key in kept)


def _list_mentions(
    parts: Sequence[str], rarities: Mapping[str, float], terms: TermIndex
) -> Iterator[_Mention]:
    split = [split_plainly(text) for text in parts]
    lower_case = {
        word.form
        for text, words in zip(parts, split, strict=True)
        for word in words
        if not text[word.start].isupper()
    }
    before = 0
    for part, (text, words) in enumerate(zip(parts, split, strict=True)):
        for hit in terms.find(words):
            for concept in hit.concepts:
                yield _Mention(Kind.CONCEPT, concept, 2.5, part, before + hit.first)
        for position in range(len(words)):
            for kind, form in _read_word(text, words, position, lower_case, rarities):
                rarity = _find_rarity(kind, form, rarities)
                yield _Mention(kind, form, rarity, part, before + position)
        before += len(words)


def _read_word(
    text: str,
    words: Sequence[Word],
    position: int,
    lower_case: set[str],
    rarities: Mapping[str, float],
) -> Iterator[tuple[Kind, str]]:
    word = words[position]
    number = _read_number(text, words, position)
    opens = position == 0 or words[position - 1].sentence != word.sentence
    if number is not None:
        yield Kind.NUMBER, str(number)
    elif word.form[0].isdigit() or word.form in DAY_WORDS or word.form in _EMPTY_WORDS:
        return
    elif (
        text[word.start].isupper()
        and word.form not in lower_case
        and (not opens or word.form not in rarities)
    ):
        yield Kind.NAME, spell_plainly(word.form)
        if word.joined and text[words[position - 1].start].isupper():
            yield Kind.NAME, spell_plainly(words[position - 1].form + word.form)
    else:
        yield Kind.WORD, stem_plainly(word.form)


def _read_number(text: str, words: Sequence[Word], position: int) -> int | None:
    word = words[position]
    if not word.form.isascii():
        return None
    if word.form[0].isdigit():
        return read_digits(text, word.start)
    number = NUMBER_WORDS.get(word.form, 0)
    if word.form in TENS and position + 1 < len(words) and words[position + 1].joined:
        unit = NUMBER_WORDS.get(words[position + 1].form, 0)
        number += unit if unit < 10 else 0
    return number if number > 1 else None


def _find_rarity(kind: Kind, form: str, rarities: Mapping[str, float]) -> float:
    if kind is Kind.NUMBER:
        return 5.5 if int(form) > SMALL_NUMBER else 3.5
    bring_together = spell_plainly if kind is Kind.NAME else stem_plainly
    alike = [rarity for word, rarity in rarities.items() if bring_together(word) == form]
    return min(alike, default=max(rarities.values()))


def _hash(mention: _Mention) -> int:
    if mention.kind is Kind.NUMBER:
        return min(int(mention.form), (1 << 31) - 1)
    form = f"{mention.kind}{mention.form}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(form, digest_size=4).digest(), "little") | 1 << 31
