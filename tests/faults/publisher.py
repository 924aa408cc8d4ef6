"""A newsroom that publishes at a steady rate, in a thread of its own."""

import threading
import time
from typing import Any

from confluent_kafka import Producer

from tests.conftest import Beat
from tests.faults.plan import Plan
from tests.faults.traffic import SEQUENCE_HEADER, Kind, Sent, write_traffic


class PublisherError(Exception):
    """Not all articles could be published."""


class Publisher:
    """Publishes a plan's articles, and more until it is told to finish.

    Attributes:
        sent: by their numbers.
        wanted: kinds that come next, before those by chance; each is taken out.
    """

    def __init__(self, plan: Plan, beat: Beat) -> None:
        self._plan = plan
        self._beat = beat
        self.sent: dict[int, Sent] = {}
        self.wanted: list[Kind] = []
        self._enough = threading.Event()
        self._over = threading.Event()
        self._undelivered: list[str] = []
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def finish(self, patience_seconds: float) -> None:
        """Publish what of the plan is missing, and no more.

        Raises:
            PublisherError: not all could be published.
        """
        self._enough.set()
        self._thread.join(patience_seconds)
        if self._thread.is_alive() or self._undelivered:
            raise PublisherError(f"not all could be published: {self._undelivered[:3]}")

    def stop(self) -> None:
        """Stop at once."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(10)

    def _publish(self) -> None:
        plan = self._plan
        producer = Producer(
            {
                "bootstrap.servers": self._beat.bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 300_000,
                "message.max.bytes": 10_000_000,
                "queue.buffering.max.messages": 1_000_000,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        begun = time.monotonic()
        for sent in write_traffic(plan.seed, plan.mix, self.wanted):
            if self._over.is_set():
                return
            if self._enough.is_set() and sent.number >= plan.articles:
                break
            ahead = sent.number / plan.rate - (time.monotonic() - begun)
            if ahead > 0:
                producer.poll(0)
                self._over.wait(ahead)
            self.sent[sent.number] = sent
            producer.produce(
                self._beat.settings.articles_topic,
                key=sent.article_id.encode(),
                value=sent.value,
                headers=[(SEQUENCE_HEADER, str(sent.number).encode())],
                on_delivery=self._note_delivery,
            )
        while producer.flush(1.0) and not self._over.is_set():
            pass

    def _note_delivery(self, error: Any, _message: Any) -> None:
        if error:
            self._undelivered.append(str(error))
