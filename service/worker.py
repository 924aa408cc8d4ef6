"""The worker's entry point: build the parts, wait for the broker, work until told to stop."""

import asyncio
import gc
import signal
import sys
import threading
from functools import partial
from typing import NoReturn

import faust
import structlog
from prometheus_client import CollectorRegistry

from service import __version__
from service.app import create_app
from service.broker import BrokerError, check_group_access, knock
from service.classifier import Classifier
from service.desk_store import ask_again_soon
from service.header_names import read_any_header_names
from service.health import BROKER_LATE_SECONDS, Health
from service.leaving import leave_process, stop_with_part
from service.letter_watch import LetterWatch
from service.logs import configure_logging
from service.metrics import Metrics
from service.pages import HttpServer
from service.settings import Settings
from service.topics import wait_for_topics
from service.watchdog import Watchdog

log = structlog.get_logger(__name__)

_BEAT_SECONDS = 1.0
# The pages, the watchdog and the watch over the dead letters have threads: none of them, nor the
# event loop, waits long for its turn. Python's own 5 ms add up, step by step.
_SWITCH_SECONDS = 0.0005
_KNOCK_SECONDS = BROKER_LATE_SECONDS / 3
# Often enough to see that it is still so, seldom enough for a night without a broker.
_REMIND_SECONDS = 60.0


def run_worker(settings: Settings) -> NoReturn:
    """Work until SIGTERM or SIGINT, then drain and exit 0.

    Raises:
        ModelError: the model does not fit.
        BrokerError: the broker or its topics are not there in time.
        PortError: the HTTP pages cannot be served.
    """
    configure_logging(settings.log_format, settings.log_level)
    read_any_header_names()
    ask_again_soon()
    classifier = Classifier.load(settings.model_dir)
    settings.find_quiet_repeats(label.name for label in classifier.manifest.labels)
    metrics = Metrics(CollectorRegistry(), classifier.manifest)
    health = Health(model_version=classifier.manifest.version)
    metrics.worker.show_health(health, (settings.articles_topic, settings.matches_topic))
    metrics.worker.show_quiet_hours(settings.quiet_hours)
    server = HttpServer(settings.http_host, settings.http_port, metrics.registry, health)
    server.start()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    log.info(
        "worker starts",
        version=__version__,
        model=classifier.manifest.version,
        labels=[label.name for label in classifier.manifest.labels],
        broker=settings.broker,
        http=f"http://{settings.http_host}:{server.port}",
    )
    watching = [loop.create_task(beat(health)), loop.create_task(watch_broker(settings, health))]
    _wait_for_topics(loop, settings)
    app = create_app(settings, classifier, metrics, health)
    app.watching = watching
    worker = faust.Worker(
        app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
    )
    threading.excepthook = partial(end_with_thread, health)
    Watchdog(settings, health, metrics, leave_process).start()
    LetterWatch(settings, health, metrics.worker).start()
    worker.spinner = None  # It writes terminal codes into the log.
    _spare_pauses()
    try:
        worker.execute_from_commandline()
    finally:
        reason = worker.crash_reason
        if reason is None:
            log.info("worker stopped")
        else:
            log.critical("worker crashed", error=type(reason).__name__, why=str(reason))


def _spare_pauses() -> None:
    # What is loaded stays: to look through it for garbage, now and then, held all alerts up for
    # 0.2 s.
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)


def end_with_thread(health: Health, died: threading.ExceptHookArgs) -> None:
    """End the worker with one of its threads: it would show as true what was true then."""
    stop_with_part(died.exc_value, health)


async def beat(health: Health) -> None:
    """Note that the event loop runs, for as long as it does."""
    while True:
        health.beat()
        await asyncio.sleep(_BEAT_SECONDS)


async def watch_broker(settings: Settings, health: Health) -> None:
    """Knock at the broker again and again; say when it is lost, and when it is back."""
    say_after_seconds = BROKER_LATE_SECONDS
    silence_seconds = 0.0
    while True:
        try:
            await knock(settings)
        except BrokerError as error:
            silence_seconds = health.broker_silence_seconds
            if silence_seconds >= say_after_seconds:
                is_news = say_after_seconds == BROKER_LATE_SECONDS
                log.error(  # noqa: TRY400, one line; where we knocked tells nobody anything
                    "broker lost; work goes on as soon as it is back"
                    if is_news
                    else "broker still away",
                    silence_seconds=round(silence_seconds),
                    why=str(error),
                )
                say_after_seconds = silence_seconds + _REMIND_SECONDS
        else:
            if say_after_seconds > BROKER_LATE_SECONDS:
                log.warning("broker back", after_seconds=round(silence_seconds))
                say_after_seconds = BROKER_LATE_SECONDS
            health.note_broker_answer()
        await asyncio.sleep(_KNOCK_SECONDS)


async def _check_access(settings: Settings) -> None:
    await wait_for_topics(settings)
    await check_group_access(settings)


def _wait_for_topics(loop: asyncio.AbstractEventLoop, settings: Settings) -> None:
    waiting = loop.create_task(_check_access(settings))
    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, waiting.cancel)
    try:
        loop.run_until_complete(waiting)
    except asyncio.CancelledError:
        log.info("worker stopped while it waited for the broker")
        sys.exit(0)
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
