"""The commands about the contracts."""

from pathlib import Path
from typing import Annotated

import typer

from service.console import end_with_reader
from service.contracts import SCHEMAS, check_contracts, write_contracts

commands = typer.Typer(help="Look after the contracts.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Keep `export` a command of its own: a group of one would be that command."""


@commands.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = SCHEMAS,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file there differs.")
    ] = False,
) -> None:
    """Write the JSON Schemas of what comes in and goes out, and the AsyncAPI document."""
    if check:
        check_contracts(out)
        print(f"{out}: as the code says")
        return
    names = write_contracts(out)
    with end_with_reader():
        for name in names:
            print(out / name)
