"""Articles for the desk: reports of attacks that nobody made, and all that newsrooms do to them."""

import json
import random
from collections.abc import Iterator
from typing import Any

from service.alerts import derive_alert_id
from service.desk_state import Entry
from tests.kafka_client import Record

ON_BEAT = (
    "The Tehreek-e-Taliban Pakistan (TTP) attacked a police post near {} and {}; {} policemen were "
    "killed, said {}."
)
DEPORTED = "Pakistan deported Afghan refugees from the camp at {} to {}, {} in all, said {}."
OFF_BEAT = "The harvest festival opened in {} and {}, where {} visitors came, said {}."


def invent_report(number: int, template: str = ON_BEAT) -> str:
    """Invent a report, the same for the same number, with names that no other has."""
    chance = random.Random(number)  # noqa: S311, no secret
    return template.format(
        _invent_name(chance), _invent_name(chance), chance.randint(20, 9000), _invent_name(chance)
    )


def write_record(article_id: str, **fields: Any) -> Record:
    """Write an article as it lies on the articles topic."""
    return article_id.encode(), json.dumps({"id": article_id, **fields}).encode()


def mix_articles(count: int) -> list[Record]:
    """Mix articles: new, off-beat, newer versions, kills, duplicates, repeats; always the same."""
    chance = random.Random(count)  # noqa: S311, as above
    records: list[Record] = []
    sent: list[int] = []
    versions: dict[int, int] = {}
    while len(records) < count:
        number = len(records)
        kind = chance.choices(
            ("off-beat", "new", "corrected", "no longer", "killed", "duplicate", "repeat"),
            (55, 20, 8, 3, 4, 5, 5),
        )[0]
        if kind == "off-beat" or not sent:
            records.append(write_record(f"off-{number}", text=invent_report(number, OFF_BEAT)))
        if kind == "new":
            sent.append(number)
            versions[number] = 1
            template = chance.choice((ON_BEAT, DEPORTED))
            records.append(write_record(f"a-{number}", text=invent_report(number, template)))
        elif sent and kind != "off-beat":
            records.append(_come_back(kind, number, chance.choice(sent), versions, chance))
    return records


def write_entry(number: int, **changes: Any) -> Entry:
    """Write what the desk remembers of an article that it raised an alert for."""
    fields = {
        "article_id": f"a-{number}",
        "version": 1,
        "killed": False,
        "handled_ms": 1_704_283_200_000,
        "handled_partition": 0,
        "handled_offset": number,
        "joined_ms": 1_704_283_200_000,
        "told_ms": 1_704_283_200_000,
        "revision": 1,
        "standing": "published",
        "labels": ("ttp",),
        "face": "0123456789abcdef",
        "story_id": derive_alert_id(f"a-{number}"),
        "role": "lead",
        "similarity": 1.0,
        "raised": ("ttp",),
        "raised_ms": 1_704_283_200_000,
        "digested": 0,
        "sketch": b"",
        "kept": None,
        **changes,
    }
    return Entry(**fields)


def _come_back(
    kind: str, number: int, earlier: int, versions: dict[int, int], chance: random.Random
) -> Record:
    name = f"a-{earlier}"
    if kind == "repeat":
        return write_record(f"r-{number}", text=invent_report(earlier))
    if kind == "duplicate":
        return write_record(name, version=versions[earlier], text=invent_report(earlier))
    if kind == "killed" and chance.random() < 0.5:
        return write_record(name, status="canceled")
    versions[earlier] += 1
    if kind == "killed":
        return write_record(name, status="canceled", version=versions[earlier])
    template = ON_BEAT if kind == "corrected" else OFF_BEAT
    return write_record(name, version=versions[earlier], text=invent_report(number, template))


def _invent_name(chance: random.Random) -> str:
    return "".join(_syllables(chance, chance.randint(3, 4))).capitalize()


def _syllables(chance: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        yield chance.choice("bdfgklmnprstvz") + chance.choice("aeiou")
