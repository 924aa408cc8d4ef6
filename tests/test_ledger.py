from threading import Event, Thread

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.ledger import Agent, Ledger
from service.outcomes import Outcome


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def ledger(registry: CollectorRegistry) -> Ledger:
    return Ledger(registry)


def weigh(page: str) -> tuple[int, int]:
    """What was read, and what is accounted for: as a rule of Prometheus would."""
    sums: dict[str, int] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0) + int(sample.value)
    read = sums["beatwatch_articles_read_total"] + sums["beatwatch_matches_read_total"]
    accounted = (
        sums["beatwatch_articles_total"]
        + sums["beatwatch_matches_total"]
        + sums["beatwatch_in_flight_articles"]
    )
    return read, accounted


def test_what_was_read_is_in_flight_until_its_batch_is_done(
    registry: CollectorRegistry, ledger: Ledger
) -> None:
    ledger.note_read(Agent.CLASSIFY, 2)
    ledger.note_outcome(Agent.CLASSIFY, Outcome.UNMATCHED)
    ledger.note_handed_over(Agent.CLASSIFY)
    in_flight = {"agent": "classify"}
    assert registry.get_sample_value("beatwatch_in_flight_articles", in_flight) == 2
    assert registry.get_sample_value("beatwatch_matches_total") == 0
    ledger.note_done(Agent.CLASSIFY, 2)
    assert registry.get_sample_value("beatwatch_in_flight_articles", in_flight) == 0
    assert registry.get_sample_value("beatwatch_matches_total") == 1
    assert weigh(generate_latest(registry).decode()) == (2, 2)


@pytest.mark.parametrize(("outcomes", "gap"), [(1, 1), (3, -1)])
def test_an_article_that_is_dropped_or_counted_twice_is_a_difference_that_stays(
    registry: CollectorRegistry, ledger: Ledger, outcomes: int, gap: int
) -> None:
    for _ in range(2):
        ledger.note_read(Agent.CLASSIFY, 2)
        for _ in range(outcomes):
            ledger.note_outcome(Agent.CLASSIFY, Outcome.UNMATCHED)
        ledger.note_done(Agent.CLASSIFY, 2)
    read, accounted = weigh(generate_latest(registry).decode())
    assert read - accounted == 2 * gap


def test_matches_that_a_desk_hands_back_are_read_again_by_another(
    registry: CollectorRegistry, ledger: Ledger
) -> None:
    ledger.note_read(Agent.DESK, 2)
    ledger.note_handed_back(2)
    ledger.note_read(Agent.DESK, 2)
    for _ in range(2):
        ledger.note_outcome(Agent.DESK, Outcome.ALERTED)
    ledger.note_done(Agent.DESK, 2)
    assert registry.get_sample_value("beatwatch_matches_read_total") == 4
    assert weigh(generate_latest(registry).decode()) == (4, 4)


def test_ledger_adds_up_in_every_scrape_while_it_is_written(
    registry: CollectorRegistry, ledger: Ledger
) -> None:
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            ledger.note_read(Agent.CLASSIFY, 64)
            for _ in range(60):
                ledger.note_outcome(Agent.CLASSIFY, Outcome.UNMATCHED)
            for _ in range(4):
                ledger.note_handed_over(Agent.CLASSIFY)
            ledger.note_done(Agent.CLASSIFY, 64)
            ledger.note_read(Agent.DESK, 4)
            for _ in range(4):
                ledger.note_outcome(Agent.DESK, Outcome.REPEATED)
            ledger.note_done(Agent.DESK, 4)

    worker = Thread(target=work)
    worker.start()
    try:
        scrapes = [weigh(generate_latest(registry).decode()) for _ in range(200)]
    finally:
        stop.set()
        worker.join()
    assert [read - accounted for read, accounted in scrapes] == [0] * 200
    assert len(set(scrapes)) > 10, "it was written meanwhile"
