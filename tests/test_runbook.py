"""What the runbook tells people to run at night exists, and takes what it is given."""

import re
import shlex
from typing import Any

import pytest
import typer

from service.cli import commands
from tests.alert_rules import RUNBOOK, SECTIONS, find_unknown_names
from tests.test_compose import SERVICES

each_section = pytest.mark.parametrize("name", SECTIONS)
each_command = pytest.mark.parametrize(
    "line", [line for section in SECTIONS.values() for line in section.commands]
)


@each_section
def test_section_says_what_it_means_what_is_seen_what_to_do_and_whom_to_wake(name: str) -> None:
    section = SECTIONS[name]

    said = re.findall(r"^\*\*(It means|You see|Then|Wake)\*\* ", section.text, re.MULTILINE)
    assert said == ["It means", "You see", "Then", "Wake"]
    assert len(section.commands) == 3
    assert section.meaning


@each_command
def test_commands_can_be_run(line: str) -> None:
    program, *arguments = shlex.split(line)

    match program:
        case "beatwatch":
            parse_command(arguments)
        case "ask":
            (query,) = arguments
            assert "beatwatch" in query
            assert find_unknown_names(query) == []
        case "look":
            assert arguments in (["readyz"], ["livez"], ["metrics"])
        case "docker" if arguments[:3] == ["compose", "exec", "worker"]:
            assert arguments[3] == "beatwatch"
            parse_command(arguments[4:])
        case "docker":
            assert arguments[0] == "compose"
            assert arguments[1] in {"ps", "logs", "up"}
            named = {arguments[-1].partition("=")[0]} & {"worker", "kafka"}
            assert named <= SERVICES.keys()
            assert named
        case _:
            pytest.fail(f"nobody has {program}")


def parse_command(arguments: list[str]) -> None:
    """Parse as the command line does, and run nothing."""
    command: Any = typer.main.get_command(commands)
    left = list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[left.pop(0)]
    command.make_context(command.name, left)


def test_parsing_refuses_what_the_command_line_does_not_take() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse_command(["dlq", "list", "--no-such-option"])
    with pytest.raises(KeyError):
        parse_command(["dlq", "mend"])


def test_commands_within_sentences_exist() -> None:
    for words in re.findall(r"`beatwatch ([a-z ]+?)[ `]*(?:`| [-A-Z…])", RUNBOOK.read_text()):
        command: Any = typer.main.get_command(commands)
        for word in words.split():
            command = command.commands[word]


def test_links_within_the_runbook_lead_to_a_section() -> None:
    anchors = {name.lower() for name in SECTIONS}

    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK.read_text())) <= anchors
