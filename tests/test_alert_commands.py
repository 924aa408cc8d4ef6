import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from confluent_kafka import Producer

from service.alert_commands import EventSelection, EventType
from service.alerts import AlertType, Change
from service.cli import run
from service.digests import Digest
from service.model_file import MANIFEST_FILE
from service.outgoing import format_alert, format_digest
from service.worker_process import find_free_port
from tests.conftest import Beat
from tests.factories import alert, label, load_classifier, story
from tests.kafka_client import produce
from tests.test_story_lines import RECORDED, told

DIGEST = Digest.model_validate(RECORDED)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Alerts = Callable[..., Ended]


@pytest.fixture
def alerts(
    beat: Beat, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Alerts:
    """Run `beatwatch alerts` as its entry point does, in this process."""
    for name, value in beat.environ.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["beatwatch", "alerts", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, captured.out, captured.err)

    return call


def test_every_type_of_alert_can_be_chosen() -> None:
    assert set(EventType) == {*AlertType, "digest"}


def test_selection_goes_by_type_and_label_and_never_hides_a_withdrawal() -> None:
    gone = alert(status="withdrawn", labels=[])
    border = EventSelection(frozenset({"border"}))
    assert [border.selects(each) for each in (alert(), gone, DIGEST)] == [False, True, False]
    assert EventSelection(frozenset({"ttp"})).selects(DIGEST)
    digests = EventSelection(types=frozenset({EventType.DIGEST}))
    assert [digests.selects(each) for each in (alert(), gone, DIGEST)] == [False, False, True]


def publish(beat: Beat) -> list[bytes]:
    """Publish two stories, what became of them, two digests of an hour, and what is no alert."""
    topic = beat.settings.alerts_topic
    repeat = story(role="repeat", similarity=0.75)
    sent = [
        format_alert(each, topic)
        for each in (
            told("1"),
            told("2", minutes=1, story=repeat),
            told("3", minutes=2, story=repeat),
            told("3", minutes=3, story=repeat, revision=2, status="withdrawn", why="killed",
                 labels=[], change=Change(labels_lost=["ttp"])),
            told("4", minutes=4, story=story(story_id=UUID(int=4)),
                 labels=[label(label="border")]),
        )
    ]  # fmt: skip
    newer = DIGEST.model_copy(update={"revision": 15, "count": 13})
    sent += [format_digest(each, topic) for each in (DIGEST, newer)]
    for message in sent:
        produce(beat.bootstrap, topic, [(message.key, message.value)], list(message.headers))
    produce(beat.bootstrap, topic, [(b"x", b"{}")])
    return [message.value or b"" for message in sent]


@pytest.mark.parametrize("form", [("--json",), ("--stories",), ()])
def test_label_that_the_model_does_not_have_is_named_at_the_start(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BEATWATCH_BROKER", f"kafka://127.0.0.1:{find_free_port()}")
    monkeypatch.setenv("BEATWATCH_BROKER_WAIT_SECONDS", "0")
    ended = alerts(*form, *(f"--label={name}" for name in ("tpp", "ttp", "tpp", "bor\nder")))
    names = ", ".join(label.name for label in load_classifier().manifest.labels)
    note, *_, error = ended.err.splitlines()
    assert note == f"no label of the model is called 'tpp' or 'bor\\nder'; it has: {names}"
    assert error.startswith("beatwatch: no broker at")
    assert ended.out == ""


@pytest.mark.parametrize("manifest", [None, b"{}", b"\xff"])
def test_labels_are_not_judged_where_there_is_no_model(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manifest: bytes | None
) -> None:
    if manifest is not None:
        (tmp_path / MANIFEST_FILE).write_bytes(manifest)
    monkeypatch.setenv("BEATWATCH_MODEL_DIR", str(tmp_path))
    ended = alerts("--no-follow", "--label", "tpp")
    assert (ended.code, ended.out) == (0, "")
    assert "tpp" not in ended.err


def test_label_of_the_model_needs_no_note(alerts: Alerts) -> None:
    for asked in ((), ("--label", "ttp")):
        ended = alerts("--no-follow", *asked)
        assert (ended.code, ended.out) == (0, "")
        # The broker may still be making the topics, which is said there as well.
        assert "no label" not in ended.err


@pytest.mark.broker
def test_stories_are_shown_as_they_are_now(alerts: Alerts, beat: Beat) -> None:
    values = publish(beat)
    code, out, err = alerts("--stories")
    assert code == 0
    assert err.startswith("not an alert: partition ")
    lines = out.splitlines()
    begins = ["2024-01-03 12:00:00 lead News 1", "  2024-01-03 12:01:00 repeat 0.75 News 2",
              "  2024-01-03 12:03:00  WITHDRAWN: killed  News 3", "2024-01-03 12:04:00 lead News 4",
              "2024-01-03 10:41:07 digest 13 alerts"]  # fmt: skip
    shown = [line for line in lines if line.lstrip().startswith("2024")]
    assert len(shown) == len(begins)
    for line, begin in zip(shown, begins, strict=True):
        assert line.startswith(begin)

    # What has the label, with all of its story; nothing of it is hidden in `--json`.
    only_border = alerts("--stories", "--label", "border", "--type", "raised").out
    assert "News 4" in only_border
    assert "News 1" not in only_border
    told_now = alerts("--stories", "--json").out.splitlines()
    newest = [values[each] for each in (0, 1, 3, 4, 6)]
    assert [json.loads(line) for line in told_now] == [json.loads(value) for value in newest]


@pytest.mark.broker
def test_digests_are_among_the_alerts_and_can_be_chosen(alerts: Alerts, beat: Beat) -> None:
    values = publish(beat)
    everything = alerts("--no-follow").out
    assert everything.count(" digest ") == 2
    assert everything.count("raised News") == 2
    chosen = alerts("--no-follow", "--json", "--type", "digest")
    assert chosen.out.encode().splitlines() == values[-2:]


@pytest.mark.broker
def test_alert_of_a_transaction_that_failed_is_not_shown(alerts: Alerts, beat: Beat) -> None:
    producer = Producer({"bootstrap.servers": beat.bootstrap, "transactional.id": "desk"})
    producer.init_transactions()
    for article_id in ("1", "2"):
        message = format_alert(told(article_id), beat.settings.alerts_topic)
        producer.begin_transaction()
        producer.produce(message.topic, message.value, message.key, partition=0)
        producer.flush()
        if article_id == "1":
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    code, out, _ = alerts("--no-follow")
    assert code == 0
    assert "News 2" in out
    assert "News 1" not in out


def test_complaints_go_to_standard_error_and_never_among_the_alerts(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEATWATCH_DLQ_TOPIC", "no-such-topic")
    monkeypatch.setenv("BEATWATCH_BROKER_WAIT_SECONDS", "1")
    ended = alerts("--no-follow", "--json")
    assert ended.code == 1
    assert ended.out == ""
    assert "waiting for the broker" in ended.err
