"""Messages as they are there: without a wait for more, and without what Faust spends on each.

Overrides five things of Faust 0.15.3 (decisions/0008). Its acknowledging, committing and
rebalancing stay as they are, and so does the order that loses nothing (decisions/0001).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from mode.services import WaitResults
from mode.utils.futures import maybe_async

from service.leaving import stop_with_part

# A queue that was full has something like a hundred articles left when Faust reads on.
_LOOK_AGAIN_SECONDS = 0.02


class _Task:
    """What is a thread of its own to Faust, as a task of the event loop that is there."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def start(self) -> None:
        """Begin."""
        self._running = asyncio.get_running_loop().create_task(self._service._serve())  # noqa: SLF001, as Faust's
        self._running.add_done_callback(self._end)

    def stop(self) -> None:
        """Faust joins its thread here; by now the service has said that it has ended."""

    def _end(self, running: asyncio.Task[None]) -> None:
        error = None if running.cancelled() else running.exception()
        stop_with_part(error, self._service.app.health)


class ConsumerTask(AIOKafkaConsumerThread):
    """Faust's consumer thread, in the event loop of all else.

    A thread has to wait for the interpreter at each of its steps while articles are labelled, and
    takes it from them at each; articles came late, and alerts later. Articles that are labelled
    give way often enough for heartbeats, and a worker whose event loop hangs loses its partitions.
    """

    Worker = _Task  # type: ignore[assignment]

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call: there is no other thread to be asked to."""
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """Leave the loop's other tasks alone: they are not this one's, as a thread's would be."""


class PromptConsumer(Consumer):
    """Faust's consumer, which hands on at once what can be handed on at once."""

    def _new_consumer_thread(self) -> ConsumerTask:
        return ConsumerTask(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    async def wait_first(self, *coros: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109, as Faust's
        """As Faust's; but a message that nothing holds up needs no four tasks to be delivered.

        They are for the one that waits for a full queue when a rebalance begins.
        """
        if len(coros) == 2 and timeout is None and self._delivers_at_once():  # noqa: PLR2004
            delivery, suspension = coros
            suspension.close()
            await delivery
            return WaitResults([delivery], [None], stopped=False)
        return await super().wait_first(*coros, timeout=timeout)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109, as Faust's
        """As Faust's; but while a queue is full it looks again soon, not after a second.

        A second is several times what a full queue holds: a worker would be idle for most of it.
        """
        if not self.flow_active or not self._buffered_partitions:
            return await super()._wait_next_records(timeout)
        if not self._get_active_partitions():
            await self.sleep(_LOOK_AGAIN_SECONDS)
            return {}, set()
        return await super()._wait_next_records(_LOOK_AGAIN_SECONDS)

    def _delivers_at_once(self) -> bool:
        return self.app.flow_control.is_active() and not any(
            topic.queue.full() for topic in self.app.topics
        )


# Faust's own lines, not ours; for a class of ours it takes a logger of our module.
PromptConsumer.logger = Consumer.logger
ConsumerTask.logger = AIOKafkaConsumerThread.logger


class PromptTransport(Transport):
    """Faust's transport with that consumer."""

    Consumer = PromptConsumer


class NoTables(TableManager):
    """Faust's tables, of which we have none: its start need not wait a second for them."""

    async def on_start(self) -> None:
        """Let the rest of the app start."""
        await self._update_channels()
        await self.recovery.start()


async def take_events(app: faust.App, stream: Any, most: int) -> AsyncIterator[list[Any]]:
    """Take what is there, up to so many, as soon as there is anything.

    As the `noack` forms of Faust, this acknowledges nothing: `stream.ack` is for whoever is done.

    Yields:
        Events of the current assignment, each partition's in the order of their offsets.
    """
    queue = stream.channel.queue
    while True:
        try:
            events = [await queue.get()]
        except StopAsyncIteration:
            # How Faust tells a stream that it ends.
            return
        while len(events) < most and not queue.empty():
            events.append(queue.get_nowait())
        # While the assignment changes, nothing more is begun.
        current = keep_current(app, events) if app.flow_control.is_active() else []
        _track(app, current)
        if current:
            yield current
        # What was given up, as another worker has it now, must not be waited for: Faust waits for
        # what is not acknowledged for as long as anything refers to it.
        events.clear()
        current.clear()
        # A queue that is never empty would never let the heartbeat, or the desk, have its turn.
        await asyncio.sleep(0)


def _track(app: faust.App, events: Iterable[Any]) -> None:
    # A rebalance, or the end, waits until those that are begun are acknowledged.
    for event in events:
        event.message.tracked = True
        app.consumer.track_message(event.message)


def keep_current(app: faust.App, events: Iterable[Any]) -> list[Any]:
    """Keep the events of the current assignment: another worker has the others now."""
    current = app.consumer_generation_id
    return [event for event in events if event.message.generation_id == current]
