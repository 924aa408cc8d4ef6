"""The worker as users run it, in a process of its own, on real Kafka."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from service.alerts import Alert, derive_alert_id, tell_type
from service.embedded_kafka import EmbeddedKafka
from service.seeds import read_seeds
from service.settings import CHECKOUT
from service.worker_process import find_free_port, start_worker
from tests.cloud_events import read_event
from tests.conftest import PASSWORD, USER, Beat, create_beat
from tests.contract_schemas import list_problems, read_exported
from tests.format_examples import ARTICLE_ID, FOLDER, WITHDRAWALS
from tests.kafka_client import (
    PATIENCE_SECONDS,
    Record,
    produce,
    read_all,
    read_committed,
    read_ends,
)

pytestmark = pytest.mark.broker

SEEDS = read_seeds(CHECKOUT / "seeds")
POISONED = ("-m", "tests.poisoned_worker")
TTP_TEXT = (
    "The banned Tehreek-e-Taliban Pakistan (TTP) attacked Pakistani security forces again, and "
    "Islamabad asked Kabul to act against the TTP leaders hiding in Afghanistan."
)


def native(article_id: str, **fields: Any) -> tuple[bytes, bytes]:
    value = json.dumps({"id": article_id, "text": TTP_TEXT, **fields}).encode()
    return article_id.encode(), value


def header_pairs(message: Message) -> list[tuple[str, bytes]]:
    pairs: Any = message.headers()  # confluent_kafka's own type for them is wrong.
    return list(pairs or [])


def headers_of(message: Message) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in header_pairs(message)}


def read_alerts(beat: Beat) -> dict[str, Alert]:
    messages = read_all(beat.bootstrap, beat.settings.alerts_topic)
    alerts = [Alert.model_validate_json(message.value() or b"") for message in messages]
    return {alert.article.id: alert for alert in alerts}


def told(ledger: dict[str, int]) -> int:
    """How many articles consumers have an alert for: leads of stories and repeats."""
    return ledger["alerted"] + ledger["repeated"]


def run_worker_to_its_end(environ: dict[str, str], scratch: Path) -> tuple[int, list[str]]:
    with start_worker({**environ, "BEATWATCH_LOG_FORMAT": "json"}, scratch) as worker:
        code = worker.process.wait(60)
        return code, worker.log_file.read_text().splitlines()


def test_five_seeds_give_exactly_the_expected_alerts(beat: Beat, tmp_path: Path) -> None:
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        records = [native(article, text=text) for article, text in SEEDS.articles.items()]
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        worker.wait_for_ledger(5)
        worker.drain()
    messages = read_all(beat.bootstrap, beat.settings.alerts_topic)
    assert len(messages) == 5
    for message in messages:
        alert = Alert.model_validate_json(message.value() or b"")
        text = SEEDS.articles[alert.article.id]
        assert message.key() == alert.article.id.encode()
        assert alert.alert_id == derive_alert_id(alert.article.id)
        held = {label.label for label in alert.labels if label.band == "alert"}
        assert held == SEEDS.labels_of(alert.article.id)
        for label in alert.labels:
            assert label.evidence[0].probability == label.probability
            assert (label.probability >= label.threshold) == (label.band == "alert")
            for evidence in label.evidence:
                assert text[evidence.start : evidence.end] == evidence.quote
        assert headers_of(message) == {
            "ce_specversion": "1.0",
            "ce_id": f"{alert.alert_id}:1",
            "ce_source": "/beatwatch",
            "ce_type": f"beatwatch.alert.{tell_type(alert)}.v1",
            "ce_time": headers_of(message)["ce_time"],
            "ce_subject": alert.article.id,
            "ce_dataschema": "urn:beatwatch:schema:alert:v1",
            "content-type": "application/json",
        }
        event = read_event(alert.article.id.encode(), message.value(), header_pairs(message))
        assert (event.get_subject(), event.get_time()) == (alert.article.id, alert.labelled_at)
        assert Alert.model_validate(event.get_data()) == alert
        assert list_problems(read_exported("alert.v1.schema.json"), event.get_data()) == []
        assert (
            list_problems(read_exported("alert-headers.v1.schema.json"), headers_of(message)) == []
        )


def test_bad_input_ends_in_the_dead_letters_and_articles_around_it_are_alerted(
    beat: Beat, tmp_path: Path
) -> None:
    bad: dict[str, tuple[bytes | None, bytes | None]] = {
        "handler_failed": native("poison", title="POISON"),
        "invalid_json": (b"broken", b'{"id": "broken", "text": "\xff'),
        "too_large": native("large", text="x" * 2_000_000),
        "empty_message": (b"tombstone", None),
        "invalid_article": native("typed", title=["not", "a", "text"]),
        "no_text": native("silent", text=" "),
        "unknown_format": (b"list", b'["not", "an", "article"]'),
    }
    records: list[Record] = [native("before")]
    for position, record in enumerate(bad.values()):
        records += [record, native(f"after-{position}")]
    headers = [("cms", b"first"), ("cms", b"second"), ("raw", b"\x00\xff")]
    with start_worker(beat.environ, tmp_path, POISONED) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, records, headers)
        ledger = worker.wait_for_ledger(len(records))
        worker.drain()
        log = worker.log_file.read_text()
    assert told(ledger) == len(bad) + 1
    assert ledger["rejected"] == len(bad)
    assert read_alerts(beat).keys() == {"before", *(f"after-{n}" for n in range(len(bad)))}
    rejections = {
        headers_of(message)["dlq.reason"]: message
        for message in read_all(beat.bootstrap, beat.settings.dlq_topic)
    }
    assert rejections.keys() == bad.keys()
    for reason, message in rejections.items():
        assert (message.key(), message.value()) == bad[reason]
        assert header_pairs(message)[:3] == headers
        assert headers_of(message)["dlq.original.topic"] == beat.settings.articles_topic
        assert headers_of(message)["dlq.attempts"] == "1"
    assert headers_of(rejections["handler_failed"])["dlq.exception"] == "ZeroDivisionError"
    assert "handler failed" in log
    assert TTP_TEXT[:30] not in log


def test_kill_9_in_the_middle_of_2000_articles_loses_none_and_changes_no_id(
    beat: Beat, tmp_path: Path
) -> None:
    wanted = {f"article-{number}" for number in range(2000)}
    records = [native(article) for article in sorted(wanted)]
    produce(beat.bootstrap, beat.settings.articles_topic, records[:1000])
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, records[1000:])
        worker.wait_for_ledger(200)
        worker.process.kill()
        worker.process.wait()
        done = len(read_all(beat.bootstrap, beat.settings.alerts_topic))
    assert 200 <= done < 2000, "the worker must be killed in the middle"
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        worker.wait_for_ledger(2000 - done)
        wait_until_handled(beat)
        worker.drain()
    messages = read_all(beat.bootstrap, beat.settings.alerts_topic)
    ids = {headers_of(message)["ce_id"] for message in messages}
    assert ids == {f"{derive_alert_id(article)}:1" for article in wanted}
    assert len(messages) >= 2000


def wait_until_handled(beat: Beat) -> None:
    """Wait until all articles, and all matches of them, are acknowledged."""
    for topic in (beat.settings.articles_topic, beat.settings.matches_topic):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            committed = read_committed(beat.bootstrap, beat.settings.group, topic)
            ends = read_ends(beat.bootstrap, topic)
            if all(committed[each] >= end for each, end in ends.items() if end):
                break
        else:
            pytest.fail(f"{topic}: committed {committed} of {ends}")


def test_a_drained_worker_leaves_nothing_to_repeat(beat: Beat, tmp_path: Path) -> None:
    for round_ in ("first", "second"):
        with start_worker(beat.environ, tmp_path) as worker:
            worker.wait_until_ready()
            records = [native(f"{round_}-{number}") for number in range(50)]
            produce(beat.bootstrap, beat.settings.articles_topic, records)
            assert told(worker.wait_for_ledger(50)) == 50
            worker.drain()
    assert len(read_all(beat.bootstrap, beat.settings.alerts_topic)) == 100


def test_ctrl_c_drains_too(beat: Beat, tmp_path: Path) -> None:
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        worker.process.send_signal(signal.SIGINT)
        assert worker.process.wait(20) == 0


def test_an_alert_too_large_for_its_topic_becomes_a_rejection(
    kafka: EmbeddedKafka, beat: Beat, tmp_path: Path
) -> None:
    limit_messages(kafka.bootstrap, beat.settings.matches_topic, max_bytes=20_000)
    records = [
        native("small-1"),
        native("large", title=base64.b64encode(os.urandom(30_000)).decode()),
        *(native(f"small-{number}") for number in range(2, 30)),
    ]
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        ledger = worker.wait_for_ledger(len(records))
        worker.drain()
    assert ledger["rejected"] == 1
    assert read_alerts(beat).keys() == {f"small-{number}" for number in range(1, 30)}
    (rejection,) = read_all(beat.bootstrap, beat.settings.dlq_topic)
    assert headers_of(rejection)["dlq.reason"] == "alert_too_large"
    assert (rejection.key(), rejection.value()) == records[1]


def test_alerts_that_fit_are_not_refused_for_their_neighbours(
    kafka: EmbeddedKafka, beat: Beat, tmp_path: Path
) -> None:
    limit_messages(kafka.bootstrap, beat.settings.matches_topic, max_bytes=5_000)
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        # Titles of noise, so that together they are not compressed to what fits.
        records = [
            native(f"a-{number}", title=base64.b64encode(os.urandom(900)).decode())
            for number in range(200)
        ]
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        assert told(worker.wait_for_ledger(200)) == 200
        worker.drain()
    # The first of them tell that this topic does not take what goes out together.
    assert worker.log_file.read_text().count("topic refuses batches") == 1


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_articles_may_come_compressed(beat: Beat, tmp_path: Path, codec: str) -> None:
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(
            beat.bootstrap,
            beat.settings.articles_topic,
            [native("a")],
            **{"compression.type": codec},
        )
        assert told(worker.wait_for_ledger(1)) == 1
        worker.drain()


def test_a_huge_article_that_came_compressed_does_not_stop_the_worker(
    beat: Beat, tmp_path: Path
) -> None:
    huge = native("huge", text="The same again. " * 1_250_000)
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        codec = {"compression.type": "gzip", "message.max.bytes": 30_000_000}
        produce(beat.bootstrap, beat.settings.articles_topic, [huge, native("a")], **codec)
        ledger = worker.wait_for_ledger(2)
        worker.drain()
    assert (told(ledger), ledger["rejected"]) == (1, 1)
    (rejection,) = read_all(beat.bootstrap, beat.settings.dlq_topic)
    assert headers_of(rejection)["dlq.reason"] == "too_large"
    assert rejection.value() == huge[1]


def test_a_rejection_larger_than_its_topic_takes_goes_without_its_value(
    kafka: EmbeddedKafka, beat: Beat, tmp_path: Path
) -> None:
    noise = base64.b64encode(os.urandom(200_000))
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        limit_messages(kafka.bootstrap, beat.settings.dlq_topic, max_bytes=50_000)
        produce(beat.bootstrap, beat.settings.articles_topic, [(b"noise", noise), native("a")])
        ledger = worker.wait_for_ledger(2)
        worker.drain()
    assert (told(ledger), ledger["rejected"]) == (1, 1)
    (rejection,) = read_all(beat.bootstrap, beat.settings.dlq_topic)
    assert rejection.value() is None
    assert headers_of(rejection)["dlq.value.omitted"] == "larger than the topic takes"
    assert headers_of(rejection)["dlq.original.offset"] == "0"


def limit_messages(bootstrap: str, topic: str, *, max_bytes: int) -> None:
    entry = ConfigEntry(
        "max.message.bytes", str(max_bytes), incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(10)


def test_a_release_that_fails_on_everything_stops_and_acknowledges_nothing(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    beat = create_beat(kafka, BEATWATCH_HANDLER_FAILURES_IN_A_ROW="5")
    records = [native(f"poison-{number}", title="POISON") for number in range(20)]
    produce(beat.bootstrap, beat.settings.articles_topic, records)
    with start_worker(beat.environ, tmp_path, POISONED) as worker:
        assert worker.process.wait(60) == 1
        assert "this release is at fault" in worker.log_file.read_text()
    committed = read_committed(beat.bootstrap, beat.settings.group, beat.settings.articles_topic)
    assert set(committed.values()) == {-1}


def test_a_killed_article_is_withdrawn_and_a_withheld_one_waits(beat: Beat, tmp_path: Path) -> None:
    records = [
        native("a"),
        native("a", status="canceled", version=2),
        native("b", status="withheld"),
    ]
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        ledger = worker.wait_for_ledger(3)
        worker.drain()
    assert (ledger["alerted"], ledger["withdrawn"], ledger["withheld"]) == (1, 1, 1)
    raised, withdrawn = read_all(beat.bootstrap, beat.settings.alerts_topic)
    assert headers_of(raised)["ce_type"] == "beatwatch.alert.raised.v1"
    assert headers_of(withdrawn)["ce_type"] == "beatwatch.alert.withdrawn.v1"
    alert = Alert.model_validate_json(withdrawn.value() or b"")
    assert (alert.alert_id, alert.why) == (derive_alert_id("a"), "killed")


def test_faust_takes_nothing_from_the_environment(
    beat: Beat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_URL", "kafka://127.0.0.1:1")
    monkeypatch.setenv("STREAM_WAIT_EMPTY", "no")
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        worker.drain()


def test_an_absent_broker_is_waited_for_and_then_given_up_on_in_one_line(tmp_path: Path) -> None:
    environ = {
        "BEATWATCH_BROKER": f"kafka://127.0.0.1:{find_free_port()}",
        "BEATWATCH_BROKER_WAIT_SECONDS": "2",
    }
    code, lines = run_worker_to_its_end(environ, tmp_path)
    assert code == 1
    assert lines[-1].startswith("beatwatch: no broker at kafka://127.0.0.1:")
    waiting = [json.loads(line) for line in lines if "waiting for the broker" in line]
    assert len(waiting) == 1


def test_sigterm_while_waiting_for_the_broker_ends_the_worker_with_0(tmp_path: Path) -> None:
    environ = {"BEATWATCH_BROKER": f"kafka://127.0.0.1:{find_free_port()}"}
    with start_worker(environ, tmp_path) as worker:
        while "waiting for the broker" not in worker.log_file.read_text():
            assert worker.process.poll() is None
        worker.process.terminate()
        assert worker.process.wait(20) == 0


def test_missing_topics_are_named_with_the_command_that_makes_them(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    environ = {
        "BEATWATCH_BROKER": f"kafka://{kafka.bootstrap}",
        "BEATWATCH_ALERTS_TOPIC": "never-made",
        "BEATWATCH_BROKER_WAIT_SECONDS": "0",
    }
    code, lines = run_worker_to_its_end(environ, tmp_path)
    assert code == 1
    assert "never-made" in lines[-1]
    assert "beatwatch topics create" in lines[-1]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_worker_with_a_password_alerts(
    kafka: EmbeddedKafka, beat: Beat, tmp_path: Path, mechanism: str
) -> None:
    environ = {**beat.environ, **sasl(kafka, mechanism, PASSWORD)}
    with start_worker(environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, [native("a")])
        assert told(worker.wait_for_ledger(1)) == 1
        worker.drain()
        assert PASSWORD not in worker.log_file.read_text()


def test_a_wrong_password_gives_one_clear_line(
    kafka: EmbeddedKafka, beat: Beat, tmp_path: Path
) -> None:
    environ = {**beat.environ, **sasl(kafka, "SCRAM-SHA-512", "wrong-password")}
    code, lines = run_worker_to_its_end(environ, tmp_path)
    assert code == 1
    assert f"does not let user {USER} in" in lines[-1]
    assert "wrong-password" not in "\n".join(lines)


def sasl(kafka: EmbeddedKafka, mechanism: str, password: str) -> dict[str, str]:
    return {
        "BEATWATCH_BROKER": f"kafka://{kafka.sasl_bootstrap}",
        "BEATWATCH_BROKER_SECURITY": "sasl_plaintext",
        "BEATWATCH_BROKER_SASL_MECHANISM": mechanism,
        "BEATWATCH_BROKER_USERNAME": USER,
        "BEATWATCH_BROKER_PASSWORD": password,
    }


def test_demo_shows_the_whole_path_and_leaves_no_process_behind() -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "service", "demo"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "All as it must be." in demo.stdout
    ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", demo.stdout)]
    assert len(ports) == 2, "Kafka's and the worker's"
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_alert_on_the_topic_is_made_again_bit_for_bit_by_the_command(
    beat: Beat, tmp_path: Path
) -> None:
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        records = [native("a"), native("a", version=2, title="Again: the TTP"), native("b")]
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        worker.wait_for_ledger(3)
        worker.drain()
    explained = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", "service", "explain", str(derive_alert_id("a"))],
        cwd=CHECKOUT,
        env={**os.environ, **beat.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert explained.returncode == 0, explained.stdout + explained.stderr
    assert "Made again from its article, bit for bit." in explained.stdout
    assert "log-odds" in explained.stdout


def test_every_form_that_newsrooms_send_reaches_those_who_follow_alerts(
    beat: Beat, tmp_path: Path
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    for path in FOLDER.iterdir():
        # Each is another article, or they would be one and the same again and again.
        named = path.read_text().replace(ARTICLE_ID, f"urn:{path.stem}")
        (folder / path.name).write_text(named)

    def run(*command: str) -> str:
        return subprocess.run(  # noqa: S603, our own command
            [sys.executable, "-m", "service", *command],
            cwd=CHECKOUT,
            env={**os.environ, **beat.environ},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        files = len(list(folder.iterdir()))
        assert run("publish", str(folder)) == f"{files} articles published\n"
        ledger = worker.wait_for_ledger(files)
        worker.drain()
    rejections = read_all(beat.bootstrap, beat.settings.dlq_topic)
    assert ledger["rejected"] == 0, [headers_of(each) for each in rejections]
    lines = run("alerts", "--no-follow", "--json").splitlines()
    alerts = {alert.article.id: alert for alert in map(Alert.model_validate_json, lines)}
    assert len(alerts) == files
    killed = {article for article, alert in alerts.items() if alert.status == "withdrawn"}
    assert killed == {f"urn:{name}" for name in WITHDRAWALS}
    assert len({alert.story.story_id for alert in alerts.values() if alert.labels}) == 1
