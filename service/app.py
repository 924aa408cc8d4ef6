"""Topics and the agents: with its intake and the entry point the only place that knows Faust.

The order that loses nothing (decisions/0001): decide, publish, wait until the broker has it,
count, acknowledge.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError

from service.batches import BatchHandler
from service.broker import client_options, create_tls_context
from service.classifier import Classifier
from service.desk_store import FencedError
from service.desks import Desks
from service.health import Health
from service.intake import NoTables, PromptTransport, keep_current, take_events
from service.leaving import leave_process, stopping_on_error
from service.messages import RawArticle
from service.metrics import Metrics
from service.outbox import Outbox
from service.settings import Settings

log = structlog.get_logger(__name__)

# A worker killed with -9 gives its partitions back after the session time-out; with Faust's
# default of 60 s they stalled for a minute. Requests must outlast the session.
SESSION_TIMEOUT_SECONDS = 10.0
HEARTBEAT_SECONDS = 2.0
REBALANCE_TIMEOUT_SECONDS = 20.0
REQUEST_TIMEOUT_SECONDS = 30.0
COMMIT_SECONDS = 1.0
# Read ahead for each agent; with articles of a megabyte that is a quarter of a gigabyte, where
# Faust's 4,096 would be four.
_BUFFERED_BATCHES = 4


class BeatwatchApp(faust.App):
    """The Faust app, with an outbox that lives as long as articles can come."""

    logger = logging.getLogger("faust.app")  # Faust's own lines, not ours.
    settings: Settings
    health: Health
    outbox: Outbox
    desks: Desks
    watching: Sequence[asyncio.Task[None]] = ()

    async def on_start(self) -> None:
        """Begin."""
        asyncio.get_running_loop().set_exception_handler(_report_unheard)
        await super().on_start()

    async def on_stop(self) -> None:
        """Say that we are leaving, then let Faust drain what was read, within a bound."""
        self.health.stopping = True
        # While the broker is away neither Faust nor aiokafka would end.
        deadline = threading.Timer(self.settings.drain_seconds, self._give_up_draining)
        deadline.daemon = True
        deadline.start()
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Let go of the broker after the last article was handled."""
        # Faust's worker waits a second for tasks that nobody ends (mode/worker.py, `_gather_all`).
        for each in self.watching:
            each.cancel()
        await self.desks.let_go()
        await self.outbox.stop()
        await super().on_shutdown()

    async def _on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Drain first when told to stop: what is in hand can't be committed in the next assignment.

        Faust would close the consumer, and a commit through a closed one is tried again for ever
        (aiokafka's `commit_offsets`), so that the drain never ends.
        """
        if self.should_stop:
            await self._consumer_wait_empty(self.consumer, self.log)
        else:
            await super()._on_partitions_revoked(revoked)

    def _on_rebalance_when_stopped(self) -> None:
        """Let a join end that had begun; the worker leaves its group when it has drained."""

    def _give_up_draining(self) -> None:
        log.critical(
            "worker ends before it has drained; its articles will be read again",
            drain_seconds=self.settings.drain_seconds,
            broker_silence_seconds=round(self.health.broker_silence_seconds),
        )
        leave_process()


def create_app(
    settings: Settings, classifier: Classifier, metrics: Metrics, health: Health
) -> BeatwatchApp:
    """Put the app together: topics, outbox, desks, agents. Connects to nothing yet."""
    app = BeatwatchApp(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.broker_addresses],
        broker_credentials=_create_credentials(settings),
        consumer_group_instance_id=settings.instance_id,
        broker_session_timeout=SESSION_TIMEOUT_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        broker_rebalance_timeout=REBALANCE_TIMEOUT_SECONDS,
        broker_request_timeout=REQUEST_TIMEOUT_SECONDS,
        producer_request_timeout=REQUEST_TIMEOUT_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        producer_acks=-1,
        stream_buffer_maxsize=_BUFFERED_BATCHES * settings.batch_articles,
        topic_disable_leader=True,
        topic_allow_declare=False,
        autodiscover=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        store="memory://",
        TableManager=NoTables,
        datadir=str(settings.data_dir),
        # Else BROKER_URL, STREAM_WAIT_EMPTY and some seventy other variables of whatever machine
        # we run on would win over the values above.
        env={},
    )
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    app.settings = settings
    app.health = health
    app.outbox = Outbox(
        client_options(settings),
        matches_topic=settings.matches_topic,
        dlq_topic=settings.dlq_topic,
        retry_seconds=settings.publish_retry_seconds,
    )
    articles, matches = (
        app.topic(name, key_serializer="raw", value_serializer="raw", value_type=bytes)
        for name in (settings.articles_topic, settings.matches_topic)
    )
    titles = {label.name: label.title for label in classifier.manifest.labels}
    app.desks = Desks(settings, titles, metrics, app.outbox, health.activity)
    health.count_desks = app.desks.count
    wait = app.desks.wait_until_done
    handler = BatchHandler(
        settings, classifier, metrics, app.outbox, health.activity, wait_for_desk=wait
    )

    @app.agent(articles, concurrency=1)
    async def classify(stream: Any) -> None:
        await _consume(app, stream, handler.handle_batch)

    @app.agent(matches, concurrency=1)
    async def desk(stream: Any) -> None:
        await _consume(app, stream, app.desks.handle_batch)

    async def note_revocation(_app: Any, _revoked: set[Any], **_: Any) -> None:
        health.joined_group = False
        health.assigned_partitions = 0
        metrics.assigned_partitions.set(0)
        app.desks.doubt()

    async def note_assignment(_app: Any, assigned: set[Any], **_: Any) -> None:
        health.joined_group = True
        partitions = sorted(
            each.partition for each in assigned if each.topic == settings.articles_topic
        )
        health.activity.assigned = frozenset((each.topic, each.partition) for each in assigned)
        metrics.worker.rebalances.inc()
        health.assigned_partitions = len(partitions)
        metrics.assigned_partitions.set(len(partitions))
        desks = [each.partition for each in assigned if each.topic == settings.matches_topic]
        app.desks.assign(desks)
        log.info("partitions assigned", partitions=partitions, desk=bool(desks))

    async def tend_desks() -> None:
        with stopping_on_error():
            await app.desks.tend()

    signals: Any = app  # Their types forbid naming what they send.
    signals.task(tend_desks)
    signals.on_partitions_revoked.connect(note_revocation)
    signals.on_partitions_assigned.connect(note_assignment)
    return app


def _report_unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # When a send fails, whoever waits for it hears so; aiokafka leaves more futures that say the
    # same, for which nobody waits, and of which asyncio would complain at length.
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)


async def _consume(
    app: BeatwatchApp, stream: Any, handle: Callable[[list[RawArticle]], Awaitable[None]]
) -> None:
    """Handle batch after batch, acknowledging each when it is done."""
    with stopping_on_error():
        async for events in take_events(app, stream, app.settings.batch_articles):
            while current := keep_current(app, events):
                try:
                    await handle([_read_raw(event.message) for event in current])
                except FencedError:
                    # Either the desk is ours, and we take it back, or we shall hear that it is not.
                    log.warning("another worker took the desk over")
                    await asyncio.sleep(HEARTBEAT_SECONDS)
                else:
                    for event in current:
                        await stream.ack(event)
                    break


def _read_raw(message: Any) -> RawArticle:
    return RawArticle(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=round(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )


def _create_credentials(settings: Settings) -> Any:
    tls = create_tls_context(settings)
    if settings.broker_security.startswith("sasl") and settings.broker_password:
        return faust.SASLCredentials(
            username=settings.broker_username,
            password=settings.broker_password.get_secret_value(),
            ssl_context=tls,
            mechanism=settings.broker_sasl_mechanism,
        )
    return faust.SSLCredentials(context=tls) if tls else None
