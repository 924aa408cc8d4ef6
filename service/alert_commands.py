"""The command about alerts: follow them."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from service.alerts import Alert, AlertType, tell_type
from service.clients import follow_topic, read_messages
from service.console import describe_alert, end_with_reader, open_console
from service.moments import BEGINNING, FORMS, UnreadableMomentError, read_moment
from service.settings import read_settings

commands = typer.Typer()

_LINE_END = re.compile("[\r\n]+")


def read_when(text: str) -> datetime:
    """Read the moment that an option names.

    Raises:
        BadParameter: it is none; a usage error.
    """
    try:
        return read_moment(text, datetime.now(UTC))
    except UnreadableMomentError as error:
        raise typer.BadParameter(str(error)) from error


@dataclass(frozen=True, slots=True)
class AlertSelection:
    """Which alerts are asked for; what is empty selects all."""

    labels: frozenset[str] = frozenset()
    types: frozenset[AlertType] = frozenset()

    def selects(self, alert: Alert) -> bool:
        """Tell whether an alert is among them.

        One without labels, as withdrawn ones are, is selected whatever labels are asked for:
        whoever has acted on the alert must know.
        """
        names = {label.label for label in alert.labels}
        return (not self.types or tell_type(alert) in self.types) and (
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
        list[AlertType] | None, typer.Option("--type", help="Of this type. May be repeated.")
    ] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="The alerts as they are, one a line.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(help="Wait for new ones; or end after those that are there, all or --since."),
    ] = True,
) -> None:
    """Follow the alerts topic until Ctrl-C, or show what it holds."""
    settings = read_settings()
    selection = AlertSelection(frozenset(labels or ()), frozenset(types or ()))
    messages = (
        follow_topic(settings, settings.alerts_topic, since)
        if follow
        else read_messages(settings, settings.alerts_topic, since or BEGINNING)
    )
    try:
        with end_with_reader():
            asyncio.run(_show(messages, selection, _choose_writer(json_lines=json_lines)))
    except KeyboardInterrupt:
        return


async def _show(
    messages: AsyncIterator[Any],
    selection: AlertSelection,
    write: Callable[[Alert, bytes], None],
) -> None:
    async for message in messages:
        try:
            alert = Alert.model_validate_json(message.value or b"")
        except ValidationError:
            place = f"partition {message.partition}, offset {message.offset}"
            print(f"not an alert: {place}", file=sys.stderr)
            continue
        if selection.selects(alert):
            write(alert, message.value)


def _choose_writer(*, json_lines: bool) -> Callable[[Alert, bytes], None]:
    if json_lines:
        # A line end within the value can only stand between its tokens. What else ends a line to
        # Python (U+2028, U+0085) may stand in a quote, and stays.
        return lambda _alert, value: print(_LINE_END.sub(" ", value.decode()), flush=True)
    console = open_console()
    return lambda alert, _value: console.print(describe_alert(alert))
