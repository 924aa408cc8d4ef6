import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from service import __version__
from service.cli import commands, run
from service.settings import CHECKOUT
from service.worker_process import find_free_port
from tests.factories import SEEDS, TTP_TITLE, article, load_classifier, write_article

NEWSROOM_LINES = [
    write_article(id="a1", title=TTP_TITLE),
    b"not JSON",
    b"",
    write_article(id="a2"),
    b"[]",
    json.dumps({"id": "خبر", "title": TTP_TITLE}, ensure_ascii=False).encode(),
]
SEED_FILE = next((SEEDS / "articles").glob("*.txt"))


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Beatwatch = Callable[..., Ended]


@pytest.fixture
def beatwatch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Beatwatch:
    """Run a command as its entry point does, in this process."""

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["beatwatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, captured.out, captured.err)

    return call


def run_module(*arguments: str, given: bytes = b"", **environ: str) -> Ended:
    """Run `python -m service` as a process of its own."""
    ended = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", "service", *arguments],
        input=given,
        capture_output=True,
        cwd=CHECKOUT,
        env=os.environ | environ,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def list_commands(group: Any, *parents: str) -> Iterator[tuple[str, ...]]:
    yield parents
    for name, command in getattr(group, "commands", {}).items():
        yield from list_commands(command, *parents, name)


COMMANDS = list(list_commands(typer.main.get_command(commands)))


def test_commands_are_those_that_others_script_against() -> None:
    assert {" ".join(names) for names in COMMANDS} >= {
        "worker",
        "demo",
        "train",
        "classify",
        "publish",
        "alerts",
        "dlq list",
        "dlq show",
        "dlq replay",
        "topics create",
        "topics check",
        "kafka",
        "schema export",
        "config show",
    }


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_answers_help(beatwatch: Beatwatch, names: tuple[str, ...]) -> None:
    code, out, err = beatwatch(*names, "--help")
    assert (code, err) == (0, "")
    assert "Usage: " in out
    assert " ".join(names) in out


def test_command_beatwatch_is_installed() -> None:
    (installed,) = metadata.entry_points(group="console_scripts", name="beatwatch")
    assert installed.load() is run


def test_version_is_that_of_the_package(beatwatch: Beatwatch) -> None:
    assert beatwatch("version") == (0, f"{__version__}\n", "")
    assert metadata.version("beatwatch") == __version__


def check_lines(out: str) -> None:
    lines = [json.loads(line) for line in out.split("\n")[:-1]]
    assert all(list(line) == ["id", "labels", "rejected"] for line in lines)
    assert [line["id"] for line in lines] == ["a1", None, None, "a2", None, "خبر"]
    assert [[label["label"] for label in line["labels"]] for line in lines] == [
        ["ttp"],
        [],
        [],
        [],
        [],
        ["ttp"],
    ]
    assert [line["rejected"] and line["rejected"]["reason"] for line in lines] == [
        None,
        "invalid_json",
        "empty_message",
        None,
        "unknown_format",
        None,
    ]
    labels = load_classifier().label_article(article(title=TTP_TITLE)).labels
    assert lines[0]["labels"] == [label.model_dump(mode="json") for label in labels]


@pytest.mark.parametrize("last_line_end", [b"", b"\n"])
def test_each_line_of_a_file_is_answered_by_one_line_in_the_same_order(
    beatwatch: Beatwatch, tmp_path: Path, last_line_end: bytes
) -> None:
    file = tmp_path / "articles.jsonl"
    file.write_bytes(b"\n".join(NEWSROOM_LINES) + last_line_end)
    code, out, err = beatwatch("classify", "--jsonl", str(file))
    assert (code, err) == (0, "")
    check_lines(out)


def test_module_service_is_the_command_and_reads_lines_from_standard_input() -> None:
    code, out, err = run_module("classify", "--jsonl", "-", given=b"\n".join(NEWSROOM_LINES))
    assert (code, err) == (0, "")
    check_lines(out)


def test_line_that_the_worker_would_not_read_is_rejected_as_by_the_worker() -> None:
    given = write_article(title=TTP_TITLE, text="x" * 1000)
    code, out, _err = run_module(
        "classify", "--jsonl", "-", given=given, BEATWATCH_ARTICLE_MAX_BYTES="1000"
    )
    assert code == 0
    assert json.loads(out)["rejected"]["reason"] == "too_large"


@pytest.mark.parametrize(
    "command", [["classify", "--jsonl"], ["classify"], ["publish", "--dry-run"]], ids=" ".join
)
def test_command_ends_quietly_with_its_reader(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "articles.jsonl"
    # More than a pipe holds.
    file.write_bytes((write_article(id="a" * 1000) + b"\n") * 200)
    with subprocess.Popen(  # noqa: S603, our own command
        [sys.executable, "-m", "service", *command, str(file)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as ended:
        assert ended.stdout is not None
        assert ended.stderr is not None
        assert ended.stdout.readline()
        ended.stdout.close()
        assert (ended.wait(60), ended.stderr.read()) == (0, b"")


def test_file_whose_name_is_no_utf_8_is_named_all_the_same(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"It rained.")
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    code, out, err = run_module("publish", "--dry-run", str(tmp_path))
    assert code == 0
    assert "usable caf\\xe9\n" in out
    assert err.startswith("beatwatch: ")
    assert "left out" in err
    assert err.count("\n") == 1


def test_no_lines_are_answered_by_no_lines(beatwatch: Beatwatch, tmp_path: Path) -> None:
    file = tmp_path / "empty.jsonl"
    file.touch()
    assert beatwatch("classify", "--jsonl", str(file)) == (0, "", "")


def test_files_are_classified_for_people(beatwatch: Beatwatch, tmp_path: Path) -> None:
    rejected = tmp_path / "rejected.json"
    rejected.write_bytes(b"[]")
    code, out, err = beatwatch("classify", str(SEED_FILE), str(rejected))
    assert (code, err) == (0, "")
    assert SEED_FILE.stem in out
    assert "ttp " in out
    assert "unknown_format" in out.replace("\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["classify"],
        ["classify", "--jsonl", "-", "article.txt"],
        ["publish"],
        ["clasify"],
        ["worker", "--fast"],
        ["kafka", "--port", "65536"],
        ["topics", "create", "--partitions", "0"],
        ["alerts", "--type", "retracted"],
        ["alerts", "--since", "yesterday"],
        ["audit", "--since", "1h", "--until", "2h"],
        ["audit", "--since", "2026-03-12", "--until", "2026-03-12"],
        ["audit", "--partition", "0", "--from-offset", "5", "--to-offset", "2"],
        ["audit", "--partition", "0", "--to-offset", "0"],
        ["audit", "--from-offset", "1"],
        ["dlq"],
        ["dlq", "list", "--reason", "ugly"],
        ["dlq", "list", "--until", "3 days"],
        ["dlq", "list", "--since", "1h", "--until", "2h"],
        ["dlq", "show", "17"],
        ["dlq", "replay"],
        ["dlq", "replay", "0:1", "--all"],
        ["dlq", "replay", "--since", "1h", "--until", "2h"],
        ["dlq", "replay", "0:1", "--since", "1h"],
        ["dlq", "replay", "--all", "--rate", "0"],
        ["topics"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(beatwatch: Beatwatch, arguments: list[str]) -> None:
    assert beatwatch(*arguments).code == 2


@pytest.mark.parametrize(
    "command", ["worker", "classify --jsonl -", "topics check", "alerts", "dlq list"]
)
def test_unknown_variable_ends_with_2_and_one_line(
    beatwatch: Beatwatch, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("BEATWATCH_BROKR", "kafka://localhost:9092")
    code, out, err = beatwatch(*command.split())
    assert (code, out) == (2, "")
    assert err.startswith("beatwatch: unknown setting: BEATWATCH_BROKR")
    assert err.count("\n") == 1


def test_value_out_of_bounds_ends_with_2_and_one_line(
    beatwatch: Beatwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEATWATCH_HTTP_PORT", "-1")
    code, _out, err = beatwatch("worker")
    assert code == 2
    assert err.startswith("beatwatch: BEATWATCH_HTTP_PORT: ")
    assert err.count("\n") == 1


def test_missing_model_ends_with_1_and_one_line_that_names_the_next_command(
    beatwatch: Beatwatch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BEATWATCH_MODEL_DIR", str(tmp_path))
    code, out, err = beatwatch("classify", str(SEED_FILE))
    assert (code, out) == (1, "")
    assert "`make train`" in err
    assert err.count("\n") == 1


def test_missing_file_ends_with_1_and_one_line_that_names_it(beatwatch: Beatwatch) -> None:
    code, _out, err = beatwatch("classify", "no-such-article.txt")
    assert code == 1
    assert "no-such-article.txt" in err
    assert err.count("\n") == 1


def test_missing_seeds_end_with_1_and_one_line(beatwatch: Beatwatch, tmp_path: Path) -> None:
    code, _out, err = beatwatch("train", "--seeds", str(tmp_path), "--out", str(tmp_path / "out"))
    assert code == 1
    assert "labels.toml" in err
    assert err.count("\n") == 1


def test_schemas_are_written_where_they_are_wanted(beatwatch: Beatwatch, tmp_path: Path) -> None:
    code, out, err = beatwatch("schema", "export", "--out", str(tmp_path / "schemas"))
    assert (code, err) == (0, "")
    written = [Path(line) for line in out.splitlines()]
    assert {path.parent for path in written} == {tmp_path / "schemas"}
    assert sorted(written) == sorted((tmp_path / "schemas").iterdir())
    assert beatwatch("schema", "export", "--check", "--out", str(tmp_path / "schemas")).code == 0


def test_drifted_schema_ends_with_1_and_one_line(beatwatch: Beatwatch, tmp_path: Path) -> None:
    code, out, err = beatwatch("schema", "export", "--check", "--out", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith("beatwatch: not as the code says: article.v1.schema.json, ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_schema_that_is_no_text_has_drifted(beatwatch: Beatwatch, tmp_path: Path) -> None:
    assert beatwatch("schema", "export", "--out", str(tmp_path)).code == 0
    (tmp_path / "alert.v1.schema.json").write_bytes(b"\xff\xfe")
    code, _out, err = beatwatch("schema", "export", "--check", "--out", str(tmp_path))
    assert code == 1
    assert err.startswith("beatwatch: not as the code says: alert.v1.schema.json in ")


def check_that_no_broker_was_found(ended: Ended, broker: str) -> None:
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"beatwatch: no broker at {broker}")
    assert "check that Kafka runs there and BEATWATCH_BROKER" in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["topics create", f"publish {SEED_FILE}", "alerts", "dlq replay --all"]
)
def test_absent_broker_ends_with_1_and_one_line_that_says_what_to_check(
    beatwatch: Beatwatch, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    broker = f"kafka://127.0.0.1:{find_free_port()}"
    monkeypatch.setenv("BEATWATCH_BROKER", broker)
    monkeypatch.setenv("BEATWATCH_BROKER_WAIT_SECONDS", "0")
    check_that_no_broker_was_found(beatwatch(*command.split()), broker)


def test_libraries_add_no_line_of_theirs_when_the_broker_is_absent() -> None:
    broker = f"kafka://127.0.0.1:{find_free_port()}"
    check_that_no_broker_was_found(run_module("topics", "check", BEATWATCH_BROKER=broker), broker)
