"""The counts that must add up, read and written together so that they do in every scrape.

In each worker, at each scrape: articles read and matches read are those that came to an outcome,
those handed to the desk, and those in flight. What is in flight is known from the batches that are
in hand, not from outcomes: so an article that is dropped, or counted twice, is a difference.
"""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.outcomes import Outcome


class Agent(StrEnum):
    """Who has an article in hand."""

    CLASSIFY = "classify"
    DESK = "desk"


class Ledger(Collector):
    """The ledger of one worker.

    A scrape comes from another thread, at any moment: one by one, its counts would differ by
    whatever was counted between the first and the last of them, and a rule that says so would fire
    whenever there is much to do.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = Lock()
        # What messages in hand came to, until they are done.
        self._ended: defaultdict[Agent, list[Counter]] = defaultdict(list)
        # Not in the registry themselves: it would read them one by one.
        self._articles_read = Counter(
            "beatwatch_articles_read",
            "Articles read; each is counted again under its outcome when it has come to it.",
            registry=None,
        )
        self._matches_read = Counter(
            "beatwatch_matches_read",
            "Matches that the desk of this worker read; each comes to its outcome there.",
            registry=None,
        )
        self._articles = Counter(
            "beatwatch_articles",
            "Articles by the one outcome each came to, counted after the broker has what it owes.",
            ["outcome"],
            registry=None,
        )
        self._matches = Counter(
            "beatwatch_matches",
            "Articles handed to the desk, where they come to their outcomes; also those that a "
            "desk handed back because another worker took it over.",
            registry=None,
        )
        self._in_flight = Gauge(
            "beatwatch_in_flight_articles",
            "Articles and matches read that are not counted under an outcome, or as handed over.",
            ["agent"],
            registry=None,
        )
        # Looked up once, as every article is counted in one.
        self._outcomes = {outcome: self._articles.labels(outcome) for outcome in Outcome}
        for agent in Agent:
            self._in_flight.labels(agent)
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Read all counts at one moment."""
        counts = (
            self._articles_read,
            self._matches_read,
            self._articles,
            self._matches,
            self._in_flight,
        )
        with self._lock:
            return [family for each in counts for family in each.collect()]

    def note_read(self, agent: Agent, messages: int) -> None:
        """Note that so many messages are in hand."""
        with self._lock:
            (self._articles_read if agent is Agent.CLASSIFY else self._matches_read).inc(messages)
            self._in_flight.labels(agent).inc(messages)

    def note_outcome(self, agent: Agent, outcome: Outcome) -> None:
        """Note that one has come to its outcome, and the broker has what it owes."""
        self._ended[agent].append(self._outcomes[outcome])

    def note_handed_over(self, agent: Agent) -> None:
        """Note that the broker has one for the desk."""
        self._ended[agent].append(self._matches)

    def note_done(self, agent: Agent, messages: int) -> None:
        """Note that so many are in hand no more, and show what they came to.

        Counted on its own: one that came to no outcome, or to two, is a difference that stays.
        """
        with self._lock:
            for ends in self._ended.pop(agent, ()):
                ends.inc()
            self._in_flight.labels(agent).dec(messages)

    def note_handed_back(self, messages: int) -> None:
        """Note that the broker has so many matches again, for the desk that has them now."""
        with self._lock:
            self._matches.inc(messages)
            self._in_flight.labels(Agent.DESK).dec(messages)
