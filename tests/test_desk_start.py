"""What the desk needs before it starts, and what it says when that is not there."""

import asyncio
import subprocess
import sys

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from service.broker import BrokerError
from service.embedded_kafka import EmbeddedKafka
from service.settings import CHECKOUT, read_settings
from service.topics import check_topics
from tests.conftest import Beat
from tests.test_worker import limit_messages


@pytest.mark.broker
def test_an_alerts_topic_that_takes_less_than_matches_is_refused(beat: Beat) -> None:
    limit_messages(beat.bootstrap, beat.settings.alerts_topic, max_bytes=1_000_000)
    with pytest.raises(BrokerError, match=r"an alert may not fit; lower max\.message\.bytes of"):
        asyncio.run(check_topics(beat.settings))


@pytest.mark.broker
def test_topics_that_an_older_release_lacked_are_created(kafka: EmbeddedKafka) -> None:
    topics = {name: f"older-{name}" for name in ("articles", "matches", "stories", "alerts", "dlq")}
    older = [NewTopic(topics[name], 1, 1) for name in ("articles", "alerts", "matches", "dlq")]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for made in admin.create_topics(older).values():
        made.result(30)
    environ = {
        "BEATWATCH_BROKER": f"kafka://{kafka.bootstrap}",
        **{f"BEATWATCH_{name.upper()}_TOPIC": topic for name, topic in topics.items()},
    }
    with pytest.raises(BrokerError, match=r"topics missing on .*: older-stories; run"):
        asyncio.run(check_topics(read_settings(environ)))
    assert run_command(environ, "topics", "create").stdout == "created: older-stories\n"


def test_a_label_that_is_not_watched_is_named_in_one_line() -> None:
    ended = run_command({"BEATWATCH_ALERTS_PER_HOUR": "weather=3"}, "worker")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("beatwatch: BEATWATCH_QUIET_REPEATS or BEATWATCH_ALERTS_PER_HOUR names")
    assert "weather" in line


def run_command(environ: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", "service", *command],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
