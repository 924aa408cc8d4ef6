"""The command about alerts: follow them, or see them as stories."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID

import typer
from pydantic import ValidationError

from service.alerts import Alert, tell_type
from service.clients import follow_topic, read_messages
from service.console import describe_alert, end_with_reader, open_console
from service.digests import Digest
from service.headers import DigestEvent
from service.model_file import MANIFEST_FILE, Manifest
from service.moments import BEGINNING, FORMS, UnreadableMomentError, read_moment
from service.settings import read_settings
from service.story_lines import StoryAlert, describe_digest, describe_story, group_stories

commands = typer.Typer()

_LINE_END = re.compile("[\r\n]+")
(_DIGEST_TYPE,) = (name.encode() for name in get_args(DigestEvent))
_Read = tuple[Alert | Digest, bytes]
_Digests = dict[UUID, tuple[Digest, bytes]]


def read_when(text: str) -> datetime:
    """Read the moment that an option names.

    Raises:
        BadParameter: it is none; a usage error.
    """
    try:
        return read_moment(text, datetime.now(UTC))
    except UnreadableMomentError as error:
        raise typer.BadParameter(str(error)) from error


def check_period(since: datetime | None, until: datetime | None) -> None:
    """Refuse a period in which nothing can be.

    Raises:
        BadParameter: it ends before it begins; a usage error.
    """
    if since is not None and until is not None and until <= since:
        raise typer.BadParameter("--until is not after --since: nothing can be between them")


class EventType(StrEnum):
    """What `ce_type` says: `beatwatch.alert.<type>.v1`."""

    RAISED = "raised"
    REPEATED = "repeated"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Which alerts and digests are asked for; what is empty selects all."""

    labels: frozenset[str] = frozenset()
    types: frozenset[EventType] = frozenset()

    def selects(self, event: Alert | Digest) -> bool:
        """Tell whether an alert or a digest is among them.

        An alert without labels, as withdrawn ones are, is selected whatever labels are asked for:
        whoever has acted on the alert must know.
        """
        if isinstance(event, Digest):
            kind, names = EventType.DIGEST, {event.label}
        else:
            kind, names = EventType(tell_type(event)), {label.label for label in event.labels}
        return (not self.types or kind in self.types) and (
            not self.labels or not names or bool(names & self.labels)
        )


@commands.command()
def alerts(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(parser=read_when, metavar="WHEN", help=f"From then on: {FORMS}."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="With this label; withdrawn alerts always. May be repeated."),
    ] = None,
    types: Annotated[
        list[EventType] | None, typer.Option("--type", help="Of this type. May be repeated.")
    ] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Alerts and digests as they are, one a line.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(help="Wait for new ones; or end after those that are there, all or --since."),
    ] = True,
    stories: Annotated[
        bool,
        typer.Option(
            "--stories", help="Those that are there, as they are now, story by story; then ends."
        ),
    ] = False,
) -> None:
    """Follow the alerts topic until Ctrl-C, or show what it holds."""
    settings = read_settings()
    selection = EventSelection(frozenset(labels or ()), frozenset(types or ()))
    _name_unknown(labels or [], settings.model_dir)
    messages = (
        follow_topic(settings, settings.alerts_topic, since)
        if follow and not stories
        else read_messages(settings, settings.alerts_topic, since or BEGINNING)
    )
    show = _show_stories if stories else _show
    try:
        with end_with_reader():
            asyncio.run(show(_read_events(messages), selection, json_lines=json_lines))
    except KeyboardInterrupt:
        return


def _name_unknown(labels: Iterable[str], model_dir: Path) -> None:
    # No error: alerts of an earlier model may have them.
    try:
        manifest = Manifest.model_validate_json((model_dir / MANIFEST_FILE).read_bytes())
    except (OSError, ValidationError):
        return  # Alerts are read on machines without a model, too.
    known = [label.name for label in manifest.labels]
    unknown = [repr(name) for name in dict.fromkeys(labels) if name not in known]
    if unknown:
        print(
            f"no label of the model is called {' or '.join(unknown)}; it has: {', '.join(known)}",
            file=sys.stderr,
        )


async def _read_events(messages: AsyncIterator[Any]) -> AsyncIterator[_Read]:
    async for message in messages:
        is_digest = ("ce_type", _DIGEST_TYPE) in message.headers
        try:
            event = (Digest if is_digest else Alert).model_validate_json(message.value or b"")
        except ValidationError:
            place = f"partition {message.partition}, offset {message.offset}"
            print(f"not an alert: {place}", file=sys.stderr)
            continue
        yield event, message.value


async def _show(
    events: AsyncIterator[_Read], selection: EventSelection, *, json_lines: bool
) -> None:
    console = open_console()
    async for event, value in events:
        if not selection.selects(event):
            continue
        if json_lines:
            _print_value(value)
        elif isinstance(event, Digest):
            console.print(describe_digest(event))
        else:
            console.print(describe_alert(event))


async def _show_stories(
    events: AsyncIterator[_Read], selection: EventSelection, *, json_lines: bool
) -> None:
    alerts: list[StoryAlert] = []
    digests: _Digests = {}
    async for event, value in events:
        if isinstance(event, Alert):
            alerts.append(StoryAlert(event, value))
        elif selection.selects(event):
            # Those of one are in one partition, in order: the last is the newest.
            digests[event.digest_id] = event, value
    console = open_console()
    for story in group_stories(alerts):
        if not any(selection.selects(each.alert) for each in story):
            continue
        if json_lines:
            for each in story:
                _print_value(each.value)
        else:
            console.print(describe_story(each.alert for each in story))
    for digest, value in digests.values():
        if json_lines:
            _print_value(value)
        else:
            console.print(describe_digest(digest))


def _print_value(value: bytes) -> None:
    # A line end within the value can only stand between its tokens. What else ends a line to
    # Python (U+2028, U+0085) may stand in a quote, and stays.
    print(_LINE_END.sub(" ", value.decode()), flush=True)
