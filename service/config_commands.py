"""The commands about the settings."""

import json
import os
from typing import Annotated

import typer

from service.settings import PREFIX, read_settings

commands = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Keep `show` a command of its own: a group of one would be that command."""


@commands.command()
def show(
    json_output: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every setting, its value and where that came from; secrets are masked."""
    # As JSON, pydantic writes stars for a secret.
    values = read_settings().model_dump(mode="json")
    shown = {
        PREFIX + name.upper(): {
            "value": value,
            # An empty variable is one that was not set.
            "from": "environment" if os.environ.get(PREFIX + name.upper()) else "default",
        }
        for name, value in values.items()
    }
    if json_output:
        print(json.dumps(shown, ensure_ascii=False))
        return
    for name, setting in shown.items():
        value = "" if setting["value"] is None else setting["value"]
        print(f"{name}={value}  ({setting['from']})")
