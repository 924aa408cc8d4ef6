import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from service import batches
from service.batches import BatchHandler, Guard, TooManyFailuresError
from service.handling import Rejected, Unmatched
from service.messages import RawArticle, RejectionReason
from service.metrics import Metrics
from service.outbox import Outbox
from service.settings import Settings
from service.stalls import Activity
from tests.factories import load_classifier, raw


def raising(times: int, error: Exception) -> tuple[Callable[[RawArticle], str], list[RawArticle]]:
    """A handler that raises so many times, then decides; and what it was given."""
    tried: list[RawArticle] = []

    def decide(message: RawArticle) -> str:
        tried.append(message)
        if len(tried) <= times:
            raise error
        return "decided"

    return decide, tried


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), load_classifier().manifest)


def count_retries(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("beatwatch_handler_retries_total")


def test_what_raises_once_is_tried_again_alone_and_passes(metrics: Metrics) -> None:
    decide, tried = raising(1, MemoryError())
    assert Guard(Settings(), metrics).decide(raw(), decide) == "decided"
    assert tried == [raw(), raw()]
    assert count_retries(metrics) == 1


def test_what_raises_twice_is_rejected_with_the_class_of_its_exception(metrics: Metrics) -> None:
    decide, tried = raising(2, UnicodeError("a word of the article"))
    assert Guard(Settings(), metrics).decide(raw(), decide) == Rejected(
        RejectionReason.HANDLER_FAILED, "UnicodeError", "UnicodeError"
    )
    assert len(tried) == 2
    assert count_retries(metrics) == 0


def test_class_of_an_exception_that_is_not_pythons_own_has_its_module(metrics: Metrics) -> None:
    decide, _ = raising(2, TooManyFailuresError())
    rejected = Guard(Settings(), metrics).decide(raw(), decide)
    assert isinstance(rejected, Rejected)
    assert rejected.exception == "service.batches.TooManyFailuresError"


def test_what_passes_when_tried_again_does_not_count_towards_the_limit(metrics: Metrics) -> None:
    guard = Guard(Settings(handler_failures_in_a_row=2), metrics)
    for _ in range(3):
        decide, _tried = raising(1, MemoryError())
        guard.decide(raw(), decide)
    decide, _tried = raising(9, MemoryError())
    guard.decide(raw(), decide)
    with pytest.raises(TooManyFailuresError):
        guard.decide(raw(), decide)


def test_what_does_not_raise_is_decided_once(metrics: Metrics) -> None:
    decide, tried = raising(0, MemoryError())
    guard = Guard(Settings(), metrics)
    assert guard.decide(raw(), decide) == "decided"
    assert len(tried) == 1
    assert count_retries(metrics) == 0


def test_messages_are_decided_together(metrics: Metrics) -> None:
    tried: list[int] = []

    def decide(messages: Sequence[RawArticle]) -> list[int]:
        tried.append(len(messages))
        return [message.offset for message in messages]

    messages = [raw(offset=offset) for offset in range(3)]
    assert Guard(Settings(), metrics).decide_together(messages, decide) == [0, 1, 2]
    assert tried == [3]


def test_of_messages_that_raise_together_only_the_one_at_fault_is_rejected(
    metrics: Metrics,
) -> None:
    def decide(messages: Sequence[RawArticle]) -> list[int]:
        return [1 // message.offset for message in messages]

    decided = Guard(Settings(), metrics).decide_together(
        [raw(offset=offset) for offset in (1, 0, 1)], decide
    )
    rejected = Rejected(RejectionReason.HANDLER_FAILED, "ZeroDivisionError", "ZeroDivisionError")
    assert decided == [1, rejected, 1]
    assert count_retries(metrics) == 0


def test_messages_that_raise_together_and_not_alone_are_one_retry(metrics: Metrics) -> None:
    def decide(messages: Sequence[RawArticle]) -> list[str]:
        if len(messages) > 1:
            raise MemoryError
        return ["decided"]

    assert Guard(Settings(), metrics).decide_together([raw()] * 3, decide) == ["decided"] * 3
    assert count_retries(metrics) == 1


def test_message_that_raises_together_and_once_alone_is_one_retry(metrics: Metrics) -> None:
    passing, tried = raising(2, MemoryError())

    def decide(messages: Sequence[RawArticle]) -> list[str]:
        return [passing(message) for message in messages]

    assert Guard(Settings(), metrics).decide_together([raw()] * 2, decide) == ["decided"] * 2
    assert len(tried) == 4
    assert count_retries(metrics) == 1


def fake_labelling(monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[int]:
    """Have labelling take so long an article; gives how many were decided together, each time."""
    counted: list[int] = []

    def label(messages: Sequence[RawArticle], *_: object) -> list[Unmatched]:
        counted.append(len(messages))
        time.sleep(seconds * len(messages))
        return [Unmatched("a")] * len(messages)

    monkeypatch.setattr(batches, "handle_articles", label)
    return counted


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many articles were decided together, each time."""
    # However busy the machine is, this is soon done.
    monkeypatch.setattr(batches, "_LONG_SECONDS", 1000.0)
    return fake_labelling(monkeypatch, 0)


def test_together_are_few_articles_and_long_ones_are_alone(
    metrics: Metrics, groups: list[int]
) -> None:
    short, long = raw(value=b"{}"), raw(value=b" " * 65537)
    asyncio.run(make_handler(metrics).handle_batch([short] * 36 + [long, short, long, long]))
    assert groups == [1, 16, 16, 3, 1, 1, 1, 1]


def test_few_articles_wait_for_the_desk_and_a_backlog_does_not(
    metrics: Metrics, groups: list[int]
) -> None:
    waits: list[tuple[int, ...]] = []

    async def note_wait(_seconds: float) -> None:
        waits.append(tuple(groups))

    most = Settings().batch_articles
    asyncio.run(make_handler(metrics, note_wait).handle_batch([raw()] * (most - 1)))
    few = [*waits]
    asyncio.run(make_handler(metrics, note_wait).handle_batch([raw()] * most))
    # Before each group, the first too.
    assert few == [(), (1,), (1, 16), (1, 16, 16), (1, 16, 16, 16)]
    assert waits == few


def test_few_articles_are_decided_together_but_for_a_workers_first(
    metrics: Metrics, groups: list[int]
) -> None:
    handler = make_handler(metrics)
    for count in (1, 2, 7):
        asyncio.run(handler.handle_batch([raw()] * count))
    assert groups == [1, 2, 7]


async def count_ticks(work: Awaitable[None], every_seconds: float) -> int:
    """Do some work, and count how often something else has its turn meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(every_seconds)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await work
    ticking.cancel()
    return ticks


@pytest.mark.parametrize("full_batch", [1, 64])
def test_event_loop_has_a_turn_for_each_millisecond_of_work(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch, full_batch: int
) -> None:
    fake_labelling(monkeypatch, 0.005)
    handler = make_handler(metrics, settings=Settings(batch_articles=full_batch))

    async def handle() -> None:
        for _ in range(3):
            await handler.handle_batch([raw()])

    assert asyncio.run(count_ticks(handle(), 0)) >= 3 * 5


def test_articles_that_take_long_are_decided_alone(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = fake_labelling(monkeypatch, 0.06)
    asyncio.run(make_handler(metrics).handle_batch([raw()] * 6))
    assert counted == [1] * 6


async def find_desk_free(_seconds: float) -> None:
    """Wait for a desk that has nothing in hand."""


def make_handler(
    metrics: Metrics,
    wait_for_desk: Callable[[float], Awaitable[None]] = find_desk_free,
    settings: Settings | None = None,
) -> BatchHandler:
    outbox = Outbox({}, matches_topic="m", dlq_topic="d", retry_seconds=1)
    return BatchHandler(
        settings or Settings(),
        load_classifier(),
        metrics,
        outbox,
        Activity(),
        wait_for_desk=wait_for_desk,
    )


def test_long_articles_leave_the_desk_time_for_the_answers_of_the_broker(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_labelling(monkeypatch, 0.15)
    work = make_handler(metrics).handle_batch([raw(value=b" " * 65537)] * 4)
    # A turn each would be three.
    assert asyncio.run(count_ticks(work, 0.001)) > 4
