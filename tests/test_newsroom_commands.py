import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from service.alerts import Alert
from service.cli import run
from service.handling import HandlingRules, Withheld, handle_article
from service.messages import Status
from service.settings import CHECKOUT
from service.worker_process import start_worker
from tests.conftest import Beat
from tests.factories import load_classifier, raw, write_article
from tests.format_examples import ARTICLES, FOLDER, WITHDRAWALS, read_example
from tests.kafka_client import read_all

FEEDS = Path(__file__).parent / "data" / "feeds"
FEED_IDS = ["urn:newsroom:2024:4711", "https://news.example/4712"]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Publish = Callable[..., Ended]


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Publish:
    """Run `beatwatch publish` as its entry point does, in this process."""

    def call(*arguments: object, **environ: str) -> Ended:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["beatwatch", "publish", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, captured.out, captured.err)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newsroom's folder: several forms, a feed, and what is no article."""
    news = tmp_path / "news"
    (news / "wires").mkdir(parents=True)
    for name in ("arc-story", "ninjs-3.1", "schema-org"):
        shutil.copy(FOLDER / f"{name}.json", news / "wires")
    (news / "a.jsonl").write_bytes(write_article(id="line-1") + b"\nnot JSON\n")
    (news / "b.txt").write_text("It rained.")
    (news / "c.rss").write_bytes((FEEDS / "rss-2.0.xml").read_bytes())
    (news / "d.xml").write_text("<newsItem/>")
    (news / "photo.jpg").write_bytes(b"\xff\xd8")
    (news / ".draft.json").write_bytes(write_article(id="draft"))
    return news


def test_dry_run_says_of_each_article_what_would_become_of_it(
    publish: Publish, folder: Path
) -> None:
    code, out, err = publish("--dry-run", folder)
    wires = folder / "wires"
    assert code == 1
    assert out.splitlines() == [
        f"{folder}/a.jsonl:1 usable line-1",
        f"{folder}/a.jsonl:2 rejected invalid_json: expected ident at line 1 column 2",
        f"{folder}/b.txt:1 usable b",
        f"{folder}/c.rss:1 usable {FEED_IDS[0]}",
        f"{folder}/c.rss:2 usable {FEED_IDS[1]}",
        f"{folder}/d.xml:1 rejected xml_not_supported: this is XML or HTML; send JSON in UTF-8",
        f"{wires}/arc-story.json:1 usable urn:newsroom:2024:4711",
        f"{wires}/ninjs-3.1.json:1 usable urn:newsroom:2024:4711",
        f"{wires}/schema-org.json:1 usable urn:newsroom:2024:4711",
        "7 articles would be taken, 2 rejected",
    ]
    assert err.startswith(f"beatwatch: {folder}/photo.jpg: left out")
    assert err.count("\n") == 1


def test_dry_run_ends_with_0_if_all_would_be_taken(publish: Publish) -> None:
    code, out, err = publish("--dry-run", FEEDS / "rss-2.0.xml")
    assert (code, err) == (0, "")
    assert out.endswith("2 articles would be taken, 0 rejected\n")


def test_dry_run_knows_how_long_an_article_may_be(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * 2000)
    ended = publish("--dry-run", tmp_path / "long.txt", BEATWATCH_ARTICLE_MAX_BYTES="1000")
    assert ended.code == 1
    assert "too_large: " in ended.out


def test_words_of_an_article_cannot_command_the_terminal(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(write_article(id="\x1b[2J\x9b\n17"))
    _code, out, _err = publish("--dry-run", tmp_path / "a.json")
    assert out.splitlines()[0] == f"{tmp_path}/a.json:1 usable [2J 17"


def test_long_id_is_cut(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(write_article(id="x" * 1000))
    _code, out, _err = publish("--dry-run", tmp_path / "a.json")
    assert out.splitlines()[0] == f"{tmp_path}/a.json:1 usable {'x' * 99}…"


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize(
    "embargo", ["", "2001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00", "2999-01-01T00:00"]
)
def test_dry_run_withholds_what_the_worker_does(
    publish: Publish, tmp_path: Path, status: Status, embargo: str
) -> None:
    value = write_article(status=status, embargoed_until=embargo)
    rules = HandlingRules(article_max_bytes=1_000_000, review="drop")
    decided = handle_article(raw(value=value), load_classifier(), rules, datetime.now(UTC))
    (tmp_path / "a.json").write_bytes(value)
    out = publish("--dry-run", tmp_path / "a.json").out
    assert isinstance(decided, Withheld) == out.startswith(f"{tmp_path}/a.json:1 withheld")


def test_dry_run_says_until_when_an_embargo_withholds(publish: Publish, tmp_path: Path) -> None:
    embargoed = write_article(embargoed_until="2999-01-01T06:00:00+01:00")
    (tmp_path / "a.json").write_bytes(embargoed)
    assert publish("--dry-run", tmp_path / "a.json").out.splitlines() == [
        f"{tmp_path}/a.json:1 withheld, embargoed until 2999-01-01T06:00:00+01:00 a1",
        "1 articles would be taken, 0 rejected",
    ]


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "fast"])
def test_rate_that_is_none_is_wrong_usage(publish: Publish, rate: str) -> None:
    assert publish("--rate", rate, FEEDS).code == 2


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("http://127.0.0.1:1/feed", "http://127.0.0.1:1/feed: cannot be fetched: "),
        ("no-such-folder", "no-such-folder"),
    ],
)
def test_source_that_cannot_be_read_ends_with_1_and_one_line(
    publish: Publish, source: str, says: str
) -> None:
    code, _out, err = publish("--dry-run", source)
    assert code == 1
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.broker
def test_folder_of_several_forms_arrives_as_it_is_keyed_by_id(
    publish: Publish, folder: Path, beat: Beat
) -> None:
    code, out, err = publish(folder, **beat.environ)
    assert code == 0
    assert out == ("9 articles published\n2 of them will be rejected; --dry-run says why\n")
    assert "photo.jpg: left out" in err
    messages = read_all(beat.bootstrap, beat.settings.articles_topic)
    found = [(message.key(), message.value() or b"") for message in messages]
    for key, value in [
        (b"line-1", write_article(id="line-1")),
        (None, b"not JSON"),
        (None, b"<newsItem/>"),
        *(
            (b"urn:newsroom:2024:4711", read_example(name))
            for name in ("arc-story", "ninjs-3.1", "schema-org")
        ),
    ]:
        found.remove((key, value))
    made = {key: json.loads(value) for key, value in found}
    assert made.keys() == {b"b", *(each.encode() for each in FEED_IDS)}
    assert made[b"b"] == {"id": "b", "text": "It rained."}
    assert made[FEED_IDS[1].encode()]["text"] == "It rained.\n\nAll day."


@pytest.mark.broker
def test_as_many_will_be_rejected_as_the_dry_run_says(
    publish: Publish, beat: Beat, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        b"not JSON\n" + write_article() + b"\n" + write_article(id="long", text="x" * 2000)
    )
    limit = {"BEATWATCH_ARTICLE_MAX_BYTES": "1000"}
    assert "1 articles would be taken, 2 rejected" in publish("--dry-run", tmp_path, **limit).out
    published = publish(tmp_path, **limit, **beat.environ).out
    assert published.splitlines()[1] == "2 of them will be rejected; --dry-run says why"
    # A long one keeps its key: sent again under a higher limit it is where its versions are.
    messages = read_all(beat.bootstrap, beat.settings.articles_topic)
    assert {message.key() for message in messages} == {None, b"a1", b"long"}


@pytest.mark.broker
def test_folder_of_every_form_comes_out_as_alerts_with_the_same_labels(
    publish: Publish,
    beat: Beat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    news = tmp_path / "news"
    news.mkdir()
    for path in [*FOLDER.iterdir(), *FEEDS.iterdir()]:
        # Each with an id of its own: they would be versions of one article.
        own_id = path.read_bytes().replace(b"2024:4711", f"2024:{path.stem}".encode())
        (news / path.name).write_bytes(own_id)
    (news / "newsml.xml").write_text("<newsItem/>")
    published = publish(news, **beat.environ).out
    forms = {path.stem for path in FOLDER.iterdir()}
    # The feeds have two entries each.
    assert published.startswith(f"{len(forms) + 2 * len(list(FEEDS.iterdir())) + 1} articles")
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        worker.wait_for_ledger(int(published.split()[0]))
        worker.drain()
    monkeypatch.setattr(sys, "argv", ["beatwatch", "alerts", "--no-follow", "--json"])
    with pytest.raises(SystemExit):
        run()
    alerts = [Alert.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]
    labels = {
        alert.article.id.rsplit(":", 1)[1]: [each.label for each in alert.labels]
        for alert in alerts
    }
    assert len(labels["native"]) > 1
    assert {name: labels[name] for name in ARTICLES} == dict.fromkeys(ARTICLES, labels["native"])
    assert [labels[name] for name in WITHDRAWALS] == [[], []]
    assert labels["rss-2.0"]
    (rejection,) = read_all(beat.bootstrap, beat.settings.dlq_topic)
    assert rejection.value() == b"<newsItem/>"


@pytest.mark.broker
def test_interrupted_command_says_how_many_were_published(beat: Beat) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "service", "publish", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
        env=os.environ | beat.environ,
    ) as command:
        assert command.stdin is not None
        command.stdin.write(write_article() + b"\n")
        command.stdin.flush()
        for _ in range(300):
            if read_all(beat.bootstrap, beat.settings.articles_topic):
                break
        # Standard input is still open: it waits for more.
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=30)
    assert (command.returncode, out, err) == (130, b"1 articles published\n", b"")
