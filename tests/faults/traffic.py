"""Articles by the seed, and what each owes consumers: known without asking the service."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

SEQUENCE_HEADER = "fault-sequence"

# So many articles lie between a first version and what comes after it, at least.
_APART = 40
_PLACES = ("Bannu", "Tank", "Swat", "Lakki Marwat", "Khyber", "Kurram", "Bajaur", "Dir")
BROKEN: tuple[bytes | None, ...] = (
    None,
    b"",
    b"\x00" * 64,
    b'{"id": "cut", "text": "The line was cut in the mid',
    b'{"id": "latin", "text": "\xff\xfe"}',
    b'["not", "an", "article"]',
    b'"only words"',
    b"12",
    b"null",
    b"[" * 2000,
    b'{"id": "deep", "text": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"id": "typed", "title": ["Not", "a", "text"]}',
    b'{"id": "", "text": "No id"}',
    b'{"id": "silent", "text": " "}',
    b'{"id": "version", "version": -1, "text": "Negative"}',
    b"<?xml version='1.0'?><rss/>",
    b"\x89PNG\r\n\x1a\n" + b"\x00" * 32,
    b"\x1f\x8b\x08\x00" + b"\x07" * 32,
    b"%PDF-1.7 not an article",
    b'{"headline": "No id, no text"}',
    b'{"id": "large", "text": "' + b"x" * 1_000_001 + b'"}',
)
# The last is a megabyte: one in so many, or nothing else would fit a scenario's time.
_LARGE_ONE_IN = 40


class Kind(StrEnum):
    """What an article is to the service."""

    PLAIN = "plain"
    MATCH = "match"
    UPDATE = "update"
    FADE = "fade"
    KILL = "kill"
    AGAIN = "again"
    WITHHELD = "withheld"
    BROKEN = "broken"
    POISON = "poison"
    FLAKY = "flaky"
    SLOW = "slow"


REJECTED = {Kind.BROKEN, Kind.POISON}
FOR_DESK = {Kind.MATCH, Kind.UPDATE, Kind.FADE, Kind.KILL, Kind.AGAIN, Kind.FLAKY, Kind.SLOW}
_LATER = {Kind.UPDATE: 60, Kind.FADE: 10, Kind.KILL: 15, Kind.AGAIN: 40}

# Shares of all articles, in thousandths; the rest is PLAIN.
EVERYDAY: Mapping[Kind, int] = {
    Kind.MATCH: 90,
    Kind.UPDATE: 14,
    Kind.FADE: 4,
    Kind.KILL: 6,
    Kind.AGAIN: 10,
    Kind.BROKEN: 15,
    # Read, judged and let go like the rest, at a tenth of the cost of labelling.
    Kind.WITHHELD: 600,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One message for the articles topic; `number` counts from 0 and is in its header."""

    number: int
    kind: Kind
    article_id: str
    value: bytes | None


def write_traffic(
    seed: int, mix: Mapping[Kind, int] = EVERYDAY, wanted: list[Kind] | None = None
) -> Iterator[Sent]:
    """Write articles for ever: the same for the same seed and mix.

    Args:
        seed: of the random numbers.
        mix: how many of a thousand articles are of a kind.
        wanted: kinds that come next, before those by chance; each is taken out.
    """
    chance = random.Random(seed)  # noqa: S311, not a secret
    kinds = [*mix, Kind.PLAIN]
    weights = [*mix.values(), 1000 - sum(mix.values())]
    living: dict[str, tuple[int, int]] = {}
    number = 0
    while True:
        kind = wanted.pop(0) if wanted else chance.choices(kinds, weights)[0]
        article_id = f"a-{number}"
        if kind in _LATER:
            old = [each for each, (begun, _) in living.items() if number - begun > _APART][:50]
            if old:
                article_id = chance.choice(old)
            else:
                kind = Kind.MATCH
        yield Sent(number, kind, article_id, _write_value(kind, article_id, living, chance))
        if kind is Kind.MATCH:
            living[article_id] = (number, 1)
        elif kind is Kind.UPDATE:
            living[article_id] = (number, living[article_id][1] + 1)
        elif kind in (Kind.FADE, Kind.KILL):
            del living[article_id]
        number += 1


def _write_value(
    kind: Kind, article_id: str, living: Mapping[str, tuple[int, int]], chance: random.Random
) -> bytes | None:
    if kind is Kind.BROKEN:
        chosen = chance.choice(BROKEN)
        if chosen is not None and len(chosen) > 100_000 and chance.randrange(_LARGE_ONE_IN):
            return BROKEN[3]
        return chosen
    fields: dict[str, object] = {"id": article_id}
    version = living.get(article_id, (0, 1))[1]
    if kind is Kind.KILL:
        fields["status"] = "canceled"
    elif kind is Kind.AGAIN:
        # As a producer that never heard that its article had arrived: an old version, once more.
        fields |= {"version": 1, "title": "TTP attack", "text": write_match("Bannu", 1)}
    elif kind is Kind.FADE:
        fields |= {"version": version + 1, "text": write_plain(chance.randrange(100))}
    elif kind in (Kind.PLAIN, Kind.WITHHELD):
        fields["text"] = write_plain(chance.randrange(100))
        if kind is Kind.WITHHELD:
            fields["status"] = "withheld"
    else:
        title = f"{_PLACES[version % len(_PLACES)]}: TTP attack, report {version}"
        if kind in (Kind.POISON, Kind.FLAKY, Kind.SLOW):
            title = f"{kind.value.upper()} {title}"
        elif kind is Kind.UPDATE:
            fields["version"] = version + 1
            title = f"{title}, corrected to {version + 1}"
        text = write_match(chance.choice(_PLACES), chance.randrange(2, 90))
        fields |= {"title": title, "text": text}
    return json.dumps(fields).encode()


def write_match(place: str, dead: int) -> str:
    """Write a text that the model is sure of."""
    return (
        f"The banned Tehreek-e-Taliban Pakistan (TTP) attacked a police post in {place}, killing "
        f"{dead} Pakistani security personnel."
    )


def write_plain(number: int) -> str:
    """Write a text about nothing we watch."""
    return f"The council opened {number} libraries on Tuesday, and the choir sang in the rain."


def expect_alerts(kinds: Iterable[Kind]) -> list[str | None]:
    """What consumers must hear of each version of one article: a status, or nothing.

    Args:
        kinds: its versions in the order in which the broker got them, without those rejected.

    Returns:
        For each version `raised`, `updated`, `withdrawn` or none.
    """
    told: list[str | None] = []
    stands = False
    for kind in kinds:
        if kind in (Kind.MATCH, Kind.UPDATE, Kind.FLAKY, Kind.SLOW):
            told.append("updated" if stands else "raised")
            stands = True
        elif kind is Kind.KILL or (kind is Kind.FADE and stands):
            told.append("withdrawn")
            stands = False
        elif kind is Kind.AGAIN and not any(told):
            told.append("raised")
            stands = True
        else:
            told.append(None)
    return told
