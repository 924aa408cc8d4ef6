"""Dead letters for people and for programs to read."""

import json
import string
from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from service.console import disarm, flatten
from service.dead_letters import DeadLetter, ReplayNote, read_dead_letter
from service.messages import OutgoingMessage, RawArticle
from service.standings import Standing, State

_DUMP_BYTES = 16
_SHOWN_IN_DUMP = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")
_STYLES = {
    State.OPEN: "red",
    State.WAITING: "yellow",
    State.REJECTED_AGAIN: "dim",
    State.ACCEPTED: "green",
}


def tabulate_letters(letters: Iterable[tuple[DeadLetter, Standing]]) -> Table:
    """Set dead letters in a table: which, when, why, where from, how often, and what became."""
    table = Table()
    for heading in ("id", "failed at", "reason", "detail", "original", "tries", "bytes", "state"):
        # Whole, so that what is piped can be searched for it.
        table.add_column(heading, overflow="fold", no_wrap=heading == "reason")
    for letter, standing in letters:
        table.add_row(
            str(letter.id),
            f"{letter.failed_at:%Y-%m-%d %H:%M:%S}",
            Text(flatten(letter.reason)),
            Text(flatten(letter.detail)),
            Text(flatten(f"{letter.original.partition}:{letter.original.offset}")),
            str(letter.attempts),
            "left out" if letter.value_is_omitted else str(letter.size_bytes),
            Text(describe_standing(standing), style=_STYLES[standing.state]),
        )
    return table


def describe_standing(standing: Standing) -> str:
    """Say in words what became of a letter."""
    match standing.state:
        case State.OPEN:
            return "open"
        case State.WAITING:
            times = "" if standing.replays == 1 else f" {standing.replays} times"
            return f"replayed{times}, not handled yet"
        case State.REJECTED_AGAIN:
            return f"settled: rejected again as {standing.newer}"
        case State.ACCEPTED:
            return "settled: accepted"


def write_letter(letter: DeadLetter, standing: Standing) -> str:
    """Write a letter as one line of JSON, in ASCII."""
    fields: dict[str, Any] = {
        "id": str(letter.id),
        "failed_at": letter.failed_at.isoformat(),
        "reason": letter.reason,
        "detail": letter.detail,
        "original": letter.original._asdict(),
        "attempts": letter.attempts,
        "size_bytes": letter.size_bytes,
        "value_omitted": letter.value_is_omitted,
        "state": standing.state,
        "replays": standing.replays,
        "newer": str(standing.newer) if standing.newer else None,
    }
    return json.dumps(fields)


def describe_message(raw: RawArticle) -> Iterator[Text]:
    """Write one message of the dead-letter topic in full, line by line.

    What it is, its key, its headers, and its value: text where it is UTF-8, else a dump.
    """
    read = read_dead_letter(raw)
    if isinstance(read, DeadLetter):
        yield Text.assemble((flatten(read.reason), "bold red"), f": {flatten(read.detail)}")
    elif isinstance(read, ReplayNote):
        yield Text(f"a note that {read.letter} was replayed and is at {flatten(str(read.place))}")
    else:
        yield Text("not a rejection, and nothing else of ours", style="bold yellow")
    yield Text.assemble(("key: ", "bold"), _show_bytes(raw.key))
    for name, value in raw.headers:
        yield Text.assemble((f"{flatten(name)}: ", "bold"), _show_bytes(value))
    yield Text("")
    yield from _describe_value(raw.value)


def describe_outgoing(message: OutgoingMessage) -> Text:
    """Write in one line what would be sent."""
    headers = ", ".join(f"{flatten(name)}={_show_bytes(value)}" for name, value in message.headers)
    size = "no value" if message.value is None else f"{len(message.value)} bytes"
    return Text(f"to {message.topic}: key {_show_bytes(message.key)}, {size}, headers {headers}")


def _describe_value(value: bytes | None) -> Iterator[Text]:
    if value is None:
        yield Text("no value", style="dim")
        return
    try:
        yield Text(disarm(value.decode()))
    except UnicodeDecodeError:
        for start in range(0, len(value), _DUMP_BYTES):
            part = value[start : start + _DUMP_BYTES]
            shown = "".join(chr(code) if chr(code) in _SHOWN_IN_DUMP else "." for code in part)
            yield Text(f"{start:08x}  {part.hex(' '):<{3 * _DUMP_BYTES - 1}}  {shown}")


def _show_bytes(value: bytes | None) -> str:
    if value is None:
        return "null"
    try:
        # Whoever compares keys needs their blanks.
        return " ".join(disarm(value.decode()).splitlines())
    except UnicodeDecodeError:
        return ascii(value)
