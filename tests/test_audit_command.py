"""`beatwatch audit` on real Kafka, after a real worker."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from service.embedded_kafka import EmbeddedKafka
from service.settings import CHECKOUT
from service.worker_process import start_worker
from tests.conftest import Beat, create_beat
from tests.kafka_client import PATIENCE_SECONDS, produce, read_all, read_ends
from tests.test_worker import headers_of, native, wait_until_handled

pytestmark = pytest.mark.broker

HARVEST = "The harvest festival opened in the rain, and the children danced all the same."


def audit(beat: Beat, *options: str, **changes: str) -> tuple[int, dict[str, Any]]:
    code, shown = run_audit({**beat.environ, **changes}, "--json", *options)
    return code, json.loads(shown)


def run_audit(environ: dict[str, str], *options: str) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603, our own interpreter and arguments
        [sys.executable, "-m", "service", "audit", *options],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, 1, 2}, done.stderr
    return done.returncode, done.stdout or done.stderr


def name_found(report: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report["found"].items() if count}


@pytest.fixture(scope="module")
def handled(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Beat:
    """Articles of every kind, all handled by a worker."""
    beat = create_beat(kafka)
    records = [
        *(native(f"a-{number}") for number in range(20)),
        *(native(f"b-{number}", text=HARVEST) for number in range(20)),
        native("a-1", version=2, title="A newer version"),
        native("a-2", status="canceled"),
        native("c-1", status="withheld"),
        (b"broken", b'{"id": "broken"'),
        (b"broken", None),
    ]
    with start_worker(beat.environ, tmp_path_factory.mktemp("worker")) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, records)
        worker.wait_for_ledger(len(records))
        wait_until_handled(beat)
        worker.drain()
    return beat


def copy_but_one(beat: Beat, topic: str, lost: int) -> tuple[str, Message]:
    """Copy a topic message by message but for one; return the copy's name and what is lost."""
    name = f"{topic}-but-{lost}"
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    # As large as the dead letters must take them.
    new = NewTopic(name, 1, 1, config={"max.message.bytes": "6000000"})
    admin.create_topics([new])[name].result(PATIENCE_SECONDS)
    producer = Producer({"bootstrap.servers": beat.bootstrap})
    messages = read_all(beat.bootstrap, topic)
    for number, message in enumerate(messages):
        if number != lost:
            headers: Any = message.headers()
            producer.produce(name, message.value(), message.key(), headers=headers)
    assert producer.flush(PATIENCE_SECONDS) == 0
    return name, messages[lost]


def test_what_a_worker_has_handled_audits_clean(handled: Beat) -> None:
    code, report = audit(handled)
    assert code == 0, report
    assert report["clean"]
    assert report["articles"] == 45
    assert name_found(report) == {
        "alerted": 19,
        "superseded": 1,
        "withdrawn": 2,
        "unmatched": 20,
        "withheld": 1,
        "rejected": 2,
    }
    assert report["alerts"] == len(read_all(handled.bootstrap, handled.settings.alerts_topic))
    code, shown = run_audit(handled.environ)
    assert code == 0
    # How many depends on who led the story of the one that was killed.
    assert f"nothing is missing or changed; {report['alerts']} alerts without a fault" in shown


def test_alert_that_is_not_there_is_named(handled: Beat) -> None:
    name, lost = copy_but_one(handled, handled.settings.alerts_topic, 7)
    code, report = audit(handled, BEATWATCH_ALERTS_TOPIC=name)
    assert code == 1
    alert = json.loads(lost.value() or b"")
    lines = [each["what"] for each in report["findings"]] + report["alert_faults"]
    assert any(alert["alert_id"] in line for line in lines), report


def test_dead_letter_that_is_not_there_is_named(handled: Beat) -> None:
    name, lost = copy_but_one(handled, handled.settings.dlq_topic, 0)
    headers = headers_of(lost)
    code, report = audit(handled, BEATWATCH_DLQ_TOPIC=name)
    assert code == 1
    (finding,) = report["findings"]
    assert finding["found"] == "missing"
    original = f"{headers['dlq.original.partition']}:{headers['dlq.original.offset']}"
    assert finding["place"] == original
    assert headers["dlq.reason"] in finding["what"]
    code, shown = run_audit({**handled.environ, "BEATWATCH_DLQ_TOPIC": name})
    assert f"{original} missing" in shown


def test_what_retention_deleted_is_expired(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    beat = create_beat(kafka)
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(beat.bootstrap, beat.settings.articles_topic, [native("a-1")])
        worker.wait_for_ledger(1)
        wait_until_handled(beat)
        worker.drain()
    delete_records(beat, beat.settings.alerts_topic)
    code, report = audit(beat)
    assert code == 0
    assert name_found(report) == {"expired": 1}


def delete_records(beat: Beat, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    ends = read_ends(beat.bootstrap, topic)
    places = [TopicPartition(topic, partition, end) for partition, end in ends.items() if end]
    for done in admin.delete_records(places).values():
        done.result(PATIENCE_SECONDS)


def test_articles_nobody_has_come_to_wait_and_those_committed_past_are_missing(beat: Beat) -> None:
    records = [native(f"a-{number}") for number in range(10)]
    produce(beat.bootstrap, beat.settings.articles_topic, records)
    ends = read_ends(beat.bootstrap, beat.settings.articles_topic)
    commit(beat, dict.fromkeys(ends, 0))
    code, report = audit(beat)
    assert (code, name_found(report)) == (0, {"waiting": 10})
    # As a worker would that loses them.
    commit(beat, ends)
    code, report = audit(beat)
    assert (code, name_found(report)) == (1, {"missing": 10})
    assert {each["id"] for each in report["findings"]} == {f"a-{n}" for n in range(10)}


def commit(beat: Beat, offsets: dict[int, int]) -> None:
    topic = beat.settings.articles_topic
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    places = [TopicPartition(topic, *each) for each in offsets.items()]
    wanted = ConsumerGroupTopicPartitions(beat.settings.group, places)
    for done in admin.alter_consumer_group_offsets([wanted]).values():
        done.result(PATIENCE_SECONDS)


def test_group_that_has_committed_nothing_is_named_and_ends_with_1(handled: Beat) -> None:
    code, report = audit(handled, BEATWATCH_GROUP="beatwacht")
    assert code == 1
    (fault,) = report["alert_faults"]
    assert "group beatwacht " in fault
    assert "BEATWATCH_GROUP" in fault
    # Also where the range has nothing that could wait.
    code, shown = run_audit(
        {**handled.environ, "BEATWATCH_GROUP": "beatwacht"}, "--until", "2020-01-01"
    )
    assert code == 1
    assert "group beatwacht " in shown
    assert "nothing is missing" not in shown


def test_nothing_is_claimed_where_no_article_is(handled: Beat, beat: Beat) -> None:
    code, shown = run_audit(handled.environ, "--until", "2020-01-01")
    assert code == 0
    assert "no article in this range; " in shown
    assert "nothing is missing" not in shown
    # Right after installation.
    code, shown = run_audit(beat.environ)
    assert code == 0
    assert "no article in this range; 0 alerts without a fault" in shown


def test_range_outside_the_topic_ends_with_2_and_says_where_that_ends(handled: Beat) -> None:
    topic = handled.settings.articles_topic
    code, shown = run_audit(handled.environ, "--partition", "9")
    assert code == 2
    assert f"{topic} has no partition 9; it has 0 to 3" in join_lines(shown)
    end = read_ends(handled.bootstrap, topic)[0]
    bounds = ("--partition", "0", "--from-offset")
    code, shown = run_audit(handled.environ, *bounds, str(end + 1))
    assert code == 2
    assert f"partition 0 of {topic} ends at {end}, before {end + 1}" in join_lines(shown)
    # Whoever goes on where the last audit ended may find nothing new.
    code, shown = run_audit(handled.environ, *bounds, str(end))
    assert code == 0
    assert "no article in this range" in shown


def join_lines(shown: str) -> str:
    """Take what stands in a box out of it."""
    return " ".join(shown.replace("│", " ").split())


def test_range_is_what_is_audited(handled: Beat) -> None:
    ends = read_ends(handled.bootstrap, handled.settings.articles_topic)
    partition = max(ends, key=lambda each: ends[each])
    of_partition = ("--partition", str(partition))
    assert audit(handled, *of_partition)[1]["articles"] == ends[partition]
    bounds = ("--from-offset", "1", "--to-offset", "3")
    assert audit(handled, *of_partition, *bounds)[1]["articles"] == 2
    assert audit(handled, "--until", "2020-01-01")[1]["articles"] == 0
    assert audit(handled, "--since", "1h")[1]["articles"] == 45
    assert run_audit(handled.environ, "--from-offset", "1")[0] == 2
