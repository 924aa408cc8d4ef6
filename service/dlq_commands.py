"""The commands about dead letters: list, show, replay."""

import asyncio
import sys
from datetime import datetime
from typing import Annotated

import typer
from aiokafka.errors import MessageSizeTooLargeError
from rich.text import Text

from service.alert_commands import check_period, read_when
from service.console import end_with_reader, flatten, open_console
from service.dead_letters import DeadLetter, LetterId, Place, read_dead_letter, read_letter_id
from service.letter_tables import (
    describe_message,
    describe_outgoing,
    tabulate_letters,
    write_letter,
)
from service.messages import RawArticle, RejectionReason
from service.moments import FORMS
from service.replaying import (
    DeadLetters,
    Replayer,
    open_reader,
    prepare_replays,
    read_dead_letters,
    read_original,
    read_place,
)
from service.settings import Settings, read_settings
from service.standings import Selection, State, object_to_replay
from service.topics import count_partitions

commands = typer.Typer(
    help="Look at what was rejected, and send it to its topic again.", no_args_is_help=True
)

_FOREIGN_SHOWN = 5


class LetterNotFoundError(Exception):
    """No such dead letter, or not its bytes."""


def _read_id(text: str) -> LetterId:
    letter_id = read_letter_id(text)
    if letter_id is None:
        raise typer.BadParameter(f"{text!r} is not of the form partition:offset")
    return letter_id


Reasons = Annotated[
    list[RejectionReason] | None,
    typer.Option("--reason", help="Rejected for this reason. May be repeated."),
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=read_when, metavar="WHEN", help=f"Failed then or later: {FORMS}."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=read_when, metavar="WHEN", help="Failed before then."),
]
Partition = Annotated[int | None, typer.Option(min=0, help="Of the original.")]


@commands.command("list")
def list_letters(
    *,
    reasons: Reasons = None,
    since: Since = None,
    until: Until = None,
    partition: Partition = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the dead letters that are not settled."""
    check_period(since, until)
    selection = Selection(frozenset(reasons or ()), since, until, partition)
    read = asyncio.run(_read_letters(read_settings(), partition))
    shown = [
        (letter, standing)
        for letter, standing in ((each, read.standings[each.id]) for each in read.letters.values())
        if selection.selects(letter) and (every or not standing.is_settled)
    ]
    with end_with_reader():
        if json_lines:
            for letter, standing in shown:
                print(write_letter(letter, standing))
        elif shown:
            open_console().print(tabulate_letters(shown))
        else:
            print("no dead letters" if every else "no open dead letters")
    _name_foreign(read)


@commands.command()
def show(
    letter: Annotated[LetterId, typer.Argument(parser=_read_id, metavar="ID")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Only the original bytes.")] = False,
) -> None:
    """Show one dead letter: its headers, why it is there, and the original bytes."""
    settings = read_settings()
    message = asyncio.run(_read_message(settings, letter, original=raw))
    with end_with_reader():
        if raw:
            sys.stdout.buffer.write(message.value or b"")
            return
        console = open_console()
        for line in describe_message(message):
            console.print(line, soft_wrap=True)


@commands.command()
def replay(
    ids: Annotated[list[LetterId] | None, typer.Argument(parser=_read_id, metavar="ID")] = None,
    *,
    reasons: Reasons = None,
    since: Since = None,
    until: Until = None,
    partition: Partition = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    rate: Annotated[float | None, typer.Option(min=0.001, help="At most so many a second.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")
    ] = False,
    max_attempts: Annotated[
        int, typer.Option(min=1, help="Leave out what was rejected so often.")
    ] = 3,
) -> None:
    """Send open dead letters again: articles to their topic, matches to the desk."""
    selection = Selection(frozenset(reasons or ()), since, until, partition)
    if bool(ids) == (every or selection != Selection()):
        raise typer.BadParameter("give either ids, or filters, or --all")
    check_period(since, until)
    settings = read_settings()
    read = asyncio.run(_read_letters(settings, partition))
    chosen = _choose(read, ids or [], selection, max_attempts)
    if dry_run:
        with end_with_reader():
            asyncio.run(_rehearse(settings, chosen))
    else:
        asyncio.run(_replay(settings, chosen, rate))
    _name_foreign(read)


async def _read_letters(settings: Settings, partition: int | None) -> DeadLetters:
    read = await read_dead_letters(settings)
    # A letter may be of a topic that is no more.
    letters_of = {letter.original.partition for letter in read.letters.values()}
    if partition is None or partition in letters_of:
        return read
    # The desk rejects matches.
    topics = [settings.articles_topic, settings.matches_topic]
    last = max(await count_partitions(settings, topics)) - 1
    if partition > last:
        raise typer.BadParameter(
            f"neither {' nor '.join(topics)} has a partition {partition}; there are 0 to {last}"
        )
    return read


def _choose(
    read: DeadLetters, ids: list[LetterId], selection: Selection, max_attempts: int
) -> list[DeadLetter]:
    unknown = [str(letter_id) for letter_id in ids if letter_id not in read.letters]
    if unknown:
        raise LetterNotFoundError(
            f"no dead letter {', '.join(unknown)}; see `beatwatch dlq list --all`"
        )
    # Whoever names a letter is told why it is left out; of all others only the open ones count.
    asked = (
        [read.letters[letter_id] for letter_id in dict.fromkeys(ids)]
        if ids
        else [
            letter
            for letter in read.letters.values()
            if read.standings[letter.id].state is State.OPEN and selection.selects(letter)
        ]
    )
    chosen = []
    for letter in asked:
        objection = object_to_replay(letter, read.standings[letter.id], max_attempts)
        if objection:
            print(f"{letter.id} left out: {objection}")
        else:
            chosen.append(letter)
    return chosen


async def _rehearse(settings: Settings, letters: list[DeadLetter]) -> None:
    console = open_console()
    async for each in prepare_replays(settings, letters):
        if each.message is None:
            print(f"{each.letter.id} left out: {flatten(each.why_not)}")
        else:
            line = Text(f"{each.letter.id} would go ").append(describe_outgoing(each.message))
            console.print(line, soft_wrap=True)
    print("nothing was sent (--dry-run)")


async def _replay(settings: Settings, letters: list[DeadLetter], rate: float | None) -> None:
    replayed = 0
    async with Replayer(settings, rate) as replayer:
        async for each in prepare_replays(settings, letters):
            why_not = each.why_not
            if each.message is not None:
                try:
                    place = await replayer.send(each.letter, each.message)
                except MessageSizeTooLargeError:
                    why_not = f"it is larger than {each.message.topic} takes"
                else:
                    replayed += 1
                    print(f"{each.letter.id} is now at {place}", flush=True)
            if why_not:
                print(f"{each.letter.id} left out: {flatten(why_not)}")
    print(f"{replayed} replayed")


async def _read_message(settings: Settings, letter_id: LetterId, *, original: bool) -> RawArticle:
    place = Place(settings.dlq_topic, *letter_id)
    async with open_reader(settings) as consumer:
        message = await read_place(consumer, place)
        if message is None:
            raise LetterNotFoundError(f"nothing is at {place}; see `beatwatch dlq list --all`")
        letter = read_dead_letter(message)
        if not original or not isinstance(letter, DeadLetter):
            return message
        found = await read_original(settings, consumer, letter)
        if found is None:
            raise LetterNotFoundError(
                f"the value of {letter_id} was left out, and it is not at {letter.original} "
                "any more"
            )
        return found


def _name_foreign(read: DeadLetters) -> None:
    if read.foreign:
        shown = ", ".join(map(str, read.foreign[:_FOREIGN_SHOWN]))
        more = " …" if len(read.foreign) > _FOREIGN_SHOWN else ""
        count = len(read.foreign)
        print(f"not rejections: {count}, at {shown}{more}", file=sys.stderr)
