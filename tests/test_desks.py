"""What a desk counts when it is taken from us, and how many desks are said to be ours."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from service.desk import Desk
from service.desk_store import DeskStore, FencedError
from service.desks import Desks
from service.health import DeskCounts
from service.metrics import Metrics
from service.outbox import Outbox
from service.settings import Settings
from service.stalls import Activity
from tests.factories import load_classifier, match, raw


def create_desks(metrics: Metrics) -> Desks:
    outbox = Outbox({}, matches_topic="matches", dlq_topic="dlq", retry_seconds=1)
    return Desks(Settings(), {"ttp": "Pakistani Taliban"}, metrics, outbox, Activity())


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), load_classifier().manifest)


def test_matches_of_a_desk_that_another_took_over_are_handed_back(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_store: DeskStore, _remember: Any) -> int:
        raise FencedError

    monkeypatch.setattr(DeskStore, "take_over", refuse)
    matches = [raw(topic="matches", value=match().model_dump_json().encode())] * 3

    async def handle() -> None:
        await create_desks(metrics).handle_batch(matches)

    with pytest.raises(FencedError):
        asyncio.run(handle())
    get = metrics.registry.get_sample_value
    assert get("beatwatch_matches_read_total") == get("beatwatch_matches_total") == 3
    assert get("beatwatch_in_flight_articles", {"agent": "desk"}) == 0


def test_desk_counts_as_ours_from_when_it_was_taken_over_until_it_is_in_doubt(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def allow(_store: DeskStore, _remember: Any) -> int:
        return 0

    monkeypatch.setattr(DeskStore, "take_over", allow)

    async def count() -> list[DeskCounts]:
        desks = create_desks(metrics)
        counts = [desks.count()]
        desks.assign([0])
        counts.append(desks.count())
        tending = asyncio.create_task(desks.tend())
        while desks.count().taken_over == 0:  # noqa: ASYNC110, nobody tells
            await asyncio.sleep(0)
        counts.append(desks.count())
        desks.doubt()
        counts.append(desks.count())
        tending.cancel()
        return counts

    assert asyncio.run(count()) == [
        DeskCounts(0, 0),
        DeskCounts(1, 0),
        DeskCounts(1, 1),
        DeskCounts(1, 0),
    ]


def test_wait_is_for_the_matches_in_hand_and_not_for_long(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def handle(desks: Desks) -> None:
        released = asyncio.Event()

        async def hold(_desk: Desk, _batch: object) -> None:
            await released.wait()
            seen.append("done")

        monkeypatch.setattr(Desk, "handle_batch", hold)
        async with asyncio.timeout(30):
            await desks.wait_until_done(60)
            seen.append("nothing in hand")
            handling = asyncio.create_task(desks.handle_batch([raw(topic="matches")]))
            await asyncio.sleep(0)
            await desks.wait_until_done(0.001)
            seen.append("long enough")
            asyncio.get_running_loop().call_soon(released.set)
            await desks.wait_until_done(60)
            seen.append("waited")
            await handling

    asyncio.run(handle(create_desks(metrics)))
    assert seen == ["nothing in hand", "long enough", "done", "waited"]


def test_nobody_waits_for_matches_that_were_handed_back(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_desk: Desk, _batch: object) -> None:
        raise FencedError

    async def handle(desks: Desks) -> None:
        with pytest.raises(FencedError):
            await desks.handle_batch([raw(topic="matches")])
        async with asyncio.timeout(30):
            await desks.wait_until_done(60)

    monkeypatch.setattr(Desk, "handle_batch", refuse)
    asyncio.run(handle(create_desks(metrics)))
