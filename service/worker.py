"""The worker's entry point: build the parts, wait for the broker, work until told to stop."""

import asyncio
import signal
import sys
from typing import NoReturn

import faust
import structlog
from prometheus_client import CollectorRegistry

from service import __version__
from service.app import create_app
from service.broker import wait_for_broker
from service.classifier import Classifier
from service.health import Health, HttpServer
from service.logs import configure_logging
from service.metrics import Metrics
from service.settings import Settings
from service.topics import check_topics

log = structlog.get_logger(__name__)


def run_worker(settings: Settings) -> NoReturn:
    """Work until SIGTERM or SIGINT, then drain and exit 0.

    Raises:
        ModelError: the model does not fit.
        BrokerError: the broker or its topics are not there in time.
        OSError: the HTTP port is taken.
    """
    configure_logging(settings.log_format, settings.log_level)
    classifier = Classifier.load(settings.model_dir)
    metrics = Metrics(CollectorRegistry(), classifier.manifest)
    health = Health(model_version=classifier.manifest.version)
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
    waiting = loop.create_task(wait_for_broker(settings, check_topics))
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, waiting.cancel)
    try:
        loop.run_until_complete(waiting)
    except asyncio.CancelledError:
        log.info("worker stopped while waiting for the broker")
        sys.exit(0)
    app = create_app(settings, classifier, metrics, health)
    worker = faust.Worker(
        app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False
    )
    worker.spinner = None  # It writes terminal codes into the log.
    try:
        worker.execute_from_commandline()
    finally:
        log.info("worker stopped")
