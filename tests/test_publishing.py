from collections.abc import Iterator
from pathlib import Path

import pytest

from service.article_files import FoundArticle
from service.broker import BrokerError
from service.demo import KAFKA_CACHE
from service.embedded_kafka import EmbeddedKafka
from service.publishing import (
    KeyBy,
    RefusedArticleError,
    UntakenArticlesError,
    open_publisher,
    pace_articles,
    publish_articles,
)
from service.settings import read_settings
from service.worker_process import find_free_port
from tests.conftest import Beat, create_beat
from tests.factories import write_article
from tests.kafka_client import read_all


class Clock:
    """A clock that only sleeping and the articles' source move on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def list_times(clock: Clock, pauses: list[float], per_second: float) -> list[float]:
    def wait_for_articles() -> Iterator[None]:
        for pause in pauses:
            clock.sleep(pause)
            yield None

    paced = pace_articles(wait_for_articles(), per_second, now=clock.now, sleep=clock.sleep)
    return [round(clock.seconds, 9) for _ in paced]


def test_articles_go_out_evenly_from_the_first_on() -> None:
    assert list_times(Clock(), [0] * 5, 4) == [0, 0.25, 0.5, 0.75, 1.0]


def test_slow_source_within_the_rate_does_not_lower_it() -> None:
    assert list_times(Clock(), [0.2] * 5, 4) == [0.2, 0.45, 0.7, 0.95, 1.2]


def test_after_a_pause_there_is_no_burst() -> None:
    assert list_times(Clock(), [0, 9, 0, 0], 2) == [0, 9, 9.5, 10.0]


@pytest.mark.broker
def test_article_is_with_the_broker_while_the_next_is_still_waited_for(beat: Beat) -> None:
    def wait_for_the_first() -> Iterator[bytes]:
        yield write_article(id="first")
        for _ in range(300):
            if read_all(beat.bootstrap, beat.settings.articles_topic):
                break
        else:
            pytest.fail("the first article did not go out")
        yield write_article(id="second")

    assert publish_articles(beat.settings, wait_for_the_first()) == 2


@pytest.mark.broker
def test_without_keys_the_partitions_take_turns(beat: Beat) -> None:
    with open_publisher(beat.settings, KeyBy.NONE) as publisher:
        for _ in range(8):
            publisher.publish(FoundArticle("a1", write_article()))
    messages = read_all(beat.bootstrap, beat.settings.articles_topic)
    assert sorted(message.partition() or 0 for message in messages) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {message.key() for message in messages} == {None}
    assert (publisher.published, publisher.rejectable) == (8, 0)


@pytest.mark.broker
def test_more_articles_than_may_be_in_flight_all_arrive_in_order(beat: Beat) -> None:
    values = [write_article(version=number) for number in range(1, 2501)]
    assert publish_articles(beat.settings, iter(values)) == 2500
    messages = read_all(beat.bootstrap, beat.settings.articles_topic)
    assert [message.value() for message in messages] == values


@pytest.mark.broker
def test_what_was_sent_before_a_failure_goes_out(beat: Beat) -> None:
    def fail_after_two() -> Iterator[bytes]:
        yield write_article()
        yield b"not an article"
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        publish_articles(beat.settings, fail_after_two())
    assert len(read_all(beat.bootstrap, beat.settings.articles_topic)) == 2


@pytest.mark.broker
def test_article_that_the_broker_does_not_take_is_named_with_the_reason(beat: Beat) -> None:
    values = [write_article(id="a1"), write_article(id="a2", text="x" * 9_000_000)]
    with pytest.raises(RefusedArticleError) as refused:
        publish_articles(beat.settings, values)
    assert str(refused.value).startswith(
        "article 2: the broker did not take it: it is larger than "
        f"{beat.settings.articles_topic} takes"
    )
    (arrived,) = read_all(beat.bootstrap, beat.settings.articles_topic)
    assert arrived.value() == values[0]


@pytest.mark.broker
def test_broker_that_goes_away_is_given_up_on(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path, cache_dir=KAFKA_CACHE) as broker:
        settings = create_beat(broker, BEATWATCH_PUBLISH_RETRY_SECONDS="1").settings

        def lose_the_broker() -> Iterator[bytes]:
            yield write_article(id="a1")
            while not read_all(broker.bootstrap, settings.articles_topic):
                pass
            broker.kill()
            yield write_article(id="a2")

        with pytest.raises(UntakenArticlesError, match="took no article for 1 s"):
            publish_articles(settings, lose_the_broker())


def test_absent_broker_is_an_error_and_nothing_is_read() -> None:
    broker = f"kafka://127.0.0.1:{find_free_port()}"
    settings = read_settings({"BEATWATCH_BROKER": broker, "BEATWATCH_BROKER_WAIT_SECONDS": "0"})
    values = iter([write_article()])
    with pytest.raises(BrokerError, match="no broker at"):
        publish_articles(settings, values)
    assert list(values) == [write_article()]
