import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import faust
import pytest
from faust.events import Event
from faust.types.tuples import TP, ConsumerMessage
from prometheus_client import CollectorRegistry

from service import leaving
from service.app import create_app
from service.health import Health
from service.intake import ConsumerTask, PromptConsumer, take_events
from service.metrics import Metrics
from service.settings import Settings
from tests.factories import load_classifier

GENERATION = 7


def run(check: Callable[[faust.App], Coroutine[Any, Any, None]]) -> None:
    """Run a check on an app that has its partitions, with streams on no broker."""

    async def check_app() -> None:
        classifier = load_classifier()
        metrics = Metrics(CollectorRegistry(), classifier.manifest)
        app = create_app(Settings(), classifier, metrics, Health())
        app.consumer_generation_id = GENERATION
        app.flow_control.resume()
        await check(app)

    asyncio.run(check_app())


def event_of(app: faust.App, offset: int, generation: int = GENERATION) -> Any:
    message = ConsumerMessage(
        "news.articles", 0, offset, 1.0, 1, None, None, b"{}", None,
        tp=TP("news.articles", 0), generation_id=generation,
    )  # fmt: skip
    message.incref()
    return Event(app, None, b"{}", None, message)


def fill(app: faust.App, *events: Any) -> tuple[Any, AsyncIterator[list[Any]]]:
    stream: Any = app.topic("news.articles").stream()
    for event in events:
        stream.channel.queue.put_nowait(event)
    return stream, take_events(app, stream, most=3)


def list_offsets(events: list[Any]) -> list[int]:
    return [event.message.offset for event in events]


def test_consumer_runs_in_the_loop_that_is_there() -> None:
    async def check(app: faust.App) -> None:
        thread = app.consumer._thread  # type: ignore[attr-defined]  # noqa: SLF001, what Faust makes
        assert isinstance(thread, ConsumerTask)
        assert thread.thread_loop is thread.parent_loop is asyncio.get_running_loop()

        async def find_loop() -> asyncio.AbstractEventLoop:
            return asyncio.get_running_loop()

        assert await thread.call_thread(find_loop) is thread.parent_loop

    run(check)


@pytest.mark.parametrize(
    ("died_of", "stopping", "ends"),
    [(ValueError(), False, 1), (ValueError(), True, 0), (asyncio.CancelledError(), False, 0)],
)
def test_worker_ends_with_its_consumer_unless_it_is_to_stop(
    monkeypatch: pytest.MonkeyPatch, died_of: BaseException, *, stopping: bool, ends: int
) -> None:
    ended: list[Exception] = []
    monkeypatch.setattr(leaving, "stop_unacknowledged", ended.append)

    async def check(app: Any) -> None:
        app.health.stopping = stopping
        thread = app.consumer._thread  # noqa: SLF001, what Faust makes

        async def die() -> None:
            raise died_of

        thread._serve = die  # noqa: SLF001, what would run in a thread
        thread.Worker(thread).start()
        await asyncio.sleep(0.01)

    run(check)
    assert ended == [died_of] * ends


def test_what_is_there_is_taken_at_once_in_order_and_up_to_the_most() -> None:
    async def check(app: faust.App) -> None:
        _, taking = fill(app, *(event_of(app, offset) for offset in range(4)))
        async with asyncio.timeout(1):
            assert list_offsets(await anext(taking)) == [0, 1, 2]
            assert list_offsets(await anext(taking)) == [3]

    run(check)


def test_what_is_taken_is_waited_for_until_it_is_acknowledged() -> None:
    async def check(app: faust.App) -> None:
        stream, taking = fill(app, event_of(app, 0))
        (event,) = await anext(taking)
        app.topics._acking_topics.add("news.articles")  # type: ignore[attr-defined]  # noqa: SLF001, else nothing is
        assert set(app.consumer.unacked) == {event.message}
        assert await stream.ack(event)
        assert not app.consumer.unacked

    run(check)


def test_what_was_given_up_is_not_waited_for() -> None:
    async def check(app: faust.App) -> None:
        _, taking = fill(app, event_of(app, 0), event_of(app, 1))
        await anext(taking)
        assert len(app.consumer.unacked) == 2
        following = asyncio.ensure_future(anext(taking))
        await asyncio.sleep(0.01)
        # As Faust does before it looks.
        gc.collect()
        assert not app.consumer.unacked
        following.cancel()

    run(check)


def test_events_of_an_assignment_that_is_over_are_left_out() -> None:
    async def check(app: faust.App) -> None:
        _, taking = fill(app, event_of(app, 0, GENERATION - 1), event_of(app, 1))
        assert list_offsets(await anext(taking)) == [1]
        assert [message.offset for message in app.consumer.unacked] == [1]

    run(check)


def test_nothing_is_begun_while_the_assignment_changes() -> None:
    async def check(app: faust.App) -> None:
        _, taking = fill(app, event_of(app, 0))
        app.flow_control.suspend()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(taking)
        assert not app.consumer.unacked

    run(check)


def test_the_end_of_the_stream_ends_it() -> None:
    async def check(app: faust.App) -> None:
        stream, taking = fill(app)
        await stream.channel.throw(StopAsyncIteration())
        assert [events async for events in taking] == []

    run(check)


def test_a_queue_that_is_never_empty_lets_others_have_their_turn() -> None:
    async def check(app: faust.App) -> None:
        _, taking = fill(app, *(event_of(app, offset) for offset in range(9)))
        turns: list[int] = []

        async def note_turns() -> None:
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        other = asyncio.create_task(note_turns())
        for _ in range(3):
            await anext(taking)
        other.cancel()
        assert len(turns) >= 2

    run(check)


async def deliver(delivered: list[str], hold: asyncio.Event | None = None) -> None:
    if hold:
        await hold.wait()
    delivered.append("article")


def test_delivery_that_nothing_holds_up_makes_no_task() -> None:
    async def check(app: faust.App) -> None:
        consumer = app.consumer
        assert isinstance(consumer, PromptConsumer)
        made: list[Any] = []

        def count(loop: Any, coroutine: Any, **options: Any) -> Any:
            made.append(coroutine)
            return asyncio.Task(coroutine, loop=loop, **options)

        asyncio.get_running_loop().set_task_factory(count)
        delivered: list[str] = []
        results = await consumer.wait_first(deliver(delivered), consumer.suspend_flow.wait())
        assert delivered == ["article"]
        assert not results.stopped
        assert made == []

    run(check)


@pytest.mark.parametrize("hold_up", ["full queue", "rebalance"])
def test_delivery_that_is_held_up_ends_when_a_rebalance_begins(hold_up: str) -> None:
    async def check(app: faust.App) -> None:
        consumer: Any = app.consumer
        if hold_up == "rebalance":
            app.flow_control.suspend()
        else:
            topic = app.topic("news.articles")
            topic.maxsize = 1
            app.topics.add(topic)
            topic.queue.put_nowait(event_of(app, 0))
        delivered: list[str] = []
        asyncio.get_running_loop().call_later(0.02, consumer.suspend_flow.set)
        async with asyncio.timeout(1):
            await consumer.wait_first(
                deliver(delivered, asyncio.Event()), consumer.suspend_flow.wait()
            )
        assert delivered == []

    run(check)


@pytest.mark.parametrize("others", [set(), {TP("news.matches", 0)}])
def test_after_a_queue_was_full_it_is_read_on_soon(
    others: set[TP], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def get_none(active_partitions: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109, as Faust's
        assert active_partitions
        waits.append(timeout)
        return {}

    async def note_sleep(seconds: float) -> None:
        waits.append(seconds)

    async def check(app: faust.App) -> None:
        consumer: Any = app.consumer
        articles = TP("news.articles", 0)
        consumer._set_active_tps({articles, *others})  # noqa: SLF001, as an assignment does
        wait_next = consumer._wait_next_records  # noqa: SLF001, what is overridden
        monkeypatch.setattr(consumer, "_getmany", get_none)
        monkeypatch.setattr(consumer, "sleep", note_sleep)
        await wait_next(1.0)
        consumer.on_buffer_full(articles)
        await wait_next(1.0)
        consumer.on_buffer_drop(articles)
        await wait_next(1.0)

    run(check)
    assert waits == [1.0, 0.02, 1.0]


def test_while_the_assignment_changes_nothing_is_read_though_a_queue_was_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[object] = []

    async def note_wait(event: object) -> None:
        waited.append(event)

    async def check(app: faust.App) -> None:
        consumer: Any = app.consumer
        articles = TP("news.articles", 0)
        consumer._set_active_tps({articles})  # noqa: SLF001, as an assignment does
        consumer.on_buffer_full(articles)
        consumer.flow_active = False
        monkeypatch.setattr(consumer, "wait", note_wait)
        await consumer._wait_next_records(0.01)  # noqa: SLF001, what is overridden
        assert waited == [consumer.can_resume_flow]

    run(check)


def test_the_start_waits_for_no_tables() -> None:
    async def check(app: faust.App) -> None:
        async def refuse(_seconds: float) -> None:
            raise AssertionError("it sleeps")

        async def start() -> None:
            started.append("recovery")

        started: list[str] = []
        tables: Any = app.tables
        tables.sleep, tables.recovery.start = refuse, start
        app.consumer.assignment = set  # type: ignore[method-assign]
        await tables.on_start()
        assert tables._tables_registered.is_set()  # noqa: SLF001, what the consumer waits for
        assert started == ["recovery"]

    run(check)
