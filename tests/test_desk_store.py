"""The desk's right to write, on real Kafka without a worker."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ConcurrentTransactions
from aiokafka.producer import sender

from service.broker import client_options
from service.desk_store import DeskStore, FencedError, StoriesTopicError, ask_again_soon
from service.messages import OutgoingMessage
from service.outbox import PublishError
from service.producers import send_message
from service.worker_process import find_free_port
from tests.conftest import Beat
from tests.desk_traffic import write_entry
from tests.kafka_client import produce, read_all

pytestmark = pytest.mark.broker


def open_store(beat: Beat) -> DeskStore:
    return DeskStore(
        client_options(beat.settings),
        stories=TopicPartition(beat.settings.stories_topic, 0),
        transactional_id=f"{beat.settings.group}.desk.0",
        retry_seconds=30.0,
    )


def say(beat: Beat, text: bytes) -> OutgoingMessage:
    return OutgoingMessage(beat.settings.alerts_topic, b"a", text, ())


def run(beat: Beat, use: Callable[[DeskStore, DeskStore], Awaitable[None]]) -> None:
    async def use_and_let_go() -> None:
        first, second = open_store(beat), open_store(beat)
        try:
            await use(first, second)
        finally:
            await first.let_go()
            await second.let_go()

    asyncio.run(use_and_let_go())


def read_values(beat: Beat) -> list[bytes | None]:
    return [each.value() for each in read_all(beat.bootstrap, beat.settings.alerts_topic)]


def test_whoever_takes_over_reads_all_and_whoever_had_it_writes_nothing_more(beat: Beat) -> None:
    read: list[object] = []

    async def use(first: DeskStore, second: DeskStore) -> None:
        await first.take_over(read.append)
        await first.write([say(beat, b"first")], [write_entry(1)])
        assert await second.take_over(read.append) == 1
        with pytest.raises(FencedError):
            await first.write([say(beat, b"too late")], [write_entry(2)])
        await second.write([say(beat, b"second")], [write_entry(3)])
        # Neither what it wrote itself, nor what it has read.
        assert await first.take_over(read.append) == 1

    run(beat, use)
    assert read == [write_entry(1), write_entry(3)]
    assert sorted(filter(None, read_values(beat))) == [b"first", b"second"]


@pytest.mark.parametrize("late", ["send", "commit"])
def test_amid_a_transaction_whoever_had_the_desk_is_fenced_too(beat: Beat, late: str) -> None:
    read: list[object] = []

    async def use(first: DeskStore, second: DeskStore) -> None:
        await first.take_over(read.append)
        producer = first._producer  # noqa: SLF001, to stop where no caller can
        assert producer is not None
        await producer.begin_transaction()
        await (await send_message(producer, say(beat, b"never committed")))
        # The log ends with what was aborted: there is no message to read up to.
        assert await second.take_over(read.append) == 0
        # As `write` goes on, from where it was stopped.
        producer.begin_transaction = _do_nothing
        messages = [say(beat, b"too late")] if late == "send" else []
        with pytest.raises(FencedError):
            await first.write(messages, [])
        await second.write([say(beat, b"second")], [])

    run(beat, use)
    assert read_values(beat) == [b"second"]


async def _do_nothing() -> None:
    return


def test_what_nobody_wrote_there_is_named_with_its_place(beat: Beat) -> None:
    produce(beat.bootstrap, beat.settings.stories_topic, [(b"a", b"rubbish")])

    async def use(first: DeskStore, _second: DeskStore) -> None:
        await first.take_over(lambda _entry: None)

    with pytest.raises(StoriesTopicError, match=r"partition 0, offset 0 is no entry of the desk's"):
        run(beat, use)


def test_an_absent_broker_is_an_error_after_the_time_to_retry() -> None:
    async def take_over() -> None:
        store = DeskStore(
            {"bootstrap_servers": [f"127.0.0.1:{find_free_port()}"]},
            stories=TopicPartition("stories", 0),
            transactional_id="desk",
            retry_seconds=0.5,
        )
        try:
            await store.take_over(lambda _entry: None)
        finally:
            await store.let_go()

    with pytest.raises(PublishError, match=r"could not be taken over in 0\.5 s"):
        asyncio.run(take_over())


def test_producer_asks_again_soon_whether_the_last_transaction_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = sender.BACKOFF_OVERRIDE
    monkeypatch.setattr(sender, "BACKOFF_OVERRIDE", theirs)
    ask_again_soon()
    producer = SimpleNamespace(
        _txn_manager=SimpleNamespace(txn_partitions=set()), _retry_backoff=0.1
    )
    refusal = SimpleNamespace(errors=[("alerts", [(0, ConcurrentTransactions.errno)])])
    asked_after = sender.AddPartitionsToTxnHandler(producer, set()).handle_response(refusal)
    assert 0 < asked_after < theirs / 2
