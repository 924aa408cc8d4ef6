"""templates.toml: sentences with slots, and the values that make them another beat's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from pydantic import BaseModel, ConfigDict, Field

# How often a template is filled from the beat's slots and from its twin's; `templates.toml` says
# so to its readers. More only repeats the sentence's own words.
FILLED_ON_BEAT = 3
FILLED_OFF_BEAT = 2


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Family(_Strict):
    """Sentences with slots that say one thing, and the slot values that make it another beat's."""

    name: str
    labels: list[str]
    sentences: list[str] = Field(min_length=1)
    slots: dict[str, list[str]] = {}
    twin: dict[str, list[str]] = {}


class Templates(_Strict):
    """The content of templates.toml."""

    slots: dict[str, list[str]] = {}
    families: list[Family] = []


@dataclass(frozen=True, slots=True)
class FilledSentence:
    """A sentence with its slots filled, and what it then says."""

    text: str
    labels: frozenset[str]


def fill_family(family: Family, shared: Mapping[str, list[str]]) -> Iterator[FilledSentence]:
    """Fill a family's sentences from its slots, and from its twin's where there are any.

    Each slot takes its next value every time it is filled, so that the same file gives the same
    sentences and no value is left out for long.

    Raises:
        ValueError: a sentence names a slot that there is not.
    """
    own = {**shared, **family.slots}
    turns = {slot: count() for slot in own}
    for sentence in family.sentences:
        filled = [_fill(sentence, own, turns, family.name) for _ in range(FILLED_ON_BEAT)]
        for text in dict.fromkeys(filled):
            yield FilledSentence(text, frozenset(family.labels))
        if any(f"{{{slot}}}" in sentence.lower() for slot in family.twin):
            twin = {**own, **family.twin}
            for _ in range(FILLED_OFF_BEAT):
                text = _fill(sentence, twin, turns, family.name)
                yield FilledSentence(text, frozenset())


def _fill(
    sentence: str, slots: Mapping[str, list[str]], turns: Mapping[str, Iterator[int]], family: str
) -> str:
    parts = sentence.replace("}", "{").split("{")
    for place in range(1, len(parts), 2):
        slot = parts[place]
        values = slots.get(slot.lower())
        if not values:
            raise ValueError(f"{family!r}: no values for the slot {slot!r}")
        value = values[next(turns[slot.lower()]) % len(values)]
        # A slot with a capital begins its sentence.
        parts[place] = value[0].upper() + value[1:] if slot[0].isupper() else value
    return "".join(parts)
