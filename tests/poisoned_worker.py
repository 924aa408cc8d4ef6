"""A worker whose handler raises on articles that say POISON: a bug of ours, as a process.

Run as `python -m tests.poisoned_worker`.
"""

from collections.abc import Sequence
from datetime import datetime

from service import batches
from service.classifier import Classifier
from service.handling import Decided, HandlingRules, handle_articles
from service.messages import RawArticle
from service.settings import read_settings
from service.worker import run_worker


def raise_on_poison(
    messages: Sequence[RawArticle], classifier: Classifier, rules: HandlingRules, now: datetime
) -> list[Decided]:
    for raw in messages:
        if raw.value and b"POISON" in raw.value:
            raise ZeroDivisionError(raw.value.decode())
    return handle_articles(messages, classifier, rules, now)


if __name__ == "__main__":
    batches.handle_articles = raise_on_poison  # type: ignore[attr-defined]  # a bug, on purpose
    run_worker(read_settings())
