"""Matches of which a test shows only what matters to it, and a desk that rules on them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from service.alerts import Alert, ArticleReference, ModelReference
from service.desk_state import HOUR_MS, DeskState, Entry
from service.likelihood import Likelihood, Weights
from service.matches import Match, Origin
from service.stories import DeskRules, Ruling, rule_on_match
from tests.factories import NOW, article, evidence, label, load_classifier

NOW_MS = round(NOW.timestamp() * 1000)
WINDOW_MS = 72 * HOUR_MS
MEMORY_MS = 720 * HOUR_MS
RAID = "Soldiers raided Miranshah and arrested Gulbahar, Sarwan and Torak with 41 rifles."
FLOOD = "A flood took bridges near Chitral; Drosh, Booni and Mastuj lost 17 houses to the river."


def create_likelihood() -> Likelihood:
    """Reports tell the same news if the one says more than half of what the other does."""
    weights = Weights.read({"weights": {"said": 20.0}, "bias": -10.0})
    return Likelihood(weights, weights, threshold=0.5, undated_threshold=0.5)


def create_state(window_ms: int = WINDOW_MS, memory_ms: int = MEMORY_MS) -> DeskState:
    return DeskState(create_likelihood(), window_ms, memory_ms)


@cache
def sketch(text: str) -> bytes:
    return load_classifier().sketcher.make_sketch(article(title="", text=text), NOW)


def match(article_id: str = "a1", version: int | None = 1, **changes: Any) -> Match:
    """Make a match of an article that says what RAID does and is about `ttp`.

    Args:
        article_id: of the article.
        version: none for one that the newsroom gave none.
        changes: `says` (its text), `title`, `labels` (names), `band`, `status`, `at_ms`, `offset`,
            `partition`, `published_ms`, `labelled_at`.
    """
    at_ms = changes.get("at_ms", NOW_MS)
    names: Iterable[str] = changes.get("labels", ("ttp",))
    says = changes.get("says", RAID)
    band = changes.get("band", "alert")
    killed = changes.get("status") == "canceled"
    told = changes.get("published_ms")
    return Match(
        origin=Origin(
            topic="news.articles",
            partition=changes.get("partition", 0),
            offset=changes.get("offset", 0),
            timestamp_ms=at_ms,
        ),
        status="canceled" if killed else "usable",
        version_given=version is not None,
        article=ArticleReference(
            id=article_id,
            version=version or 1,
            url="",
            title=changes.get("title", "Raid"),
            source="",
            language="",
            published_at=None if told is None else datetime.fromtimestamp(told / 1000, UTC),
        ),
        labels=[]
        if killed
        else [
            label(label=name, title=name.title(), band=band, evidence=[_EVIDENCE]) for name in names
        ],
        review=[],
        sketch=b"" if killed or not names else sketch(says),
        model=ModelReference(version="0.1.0+abcdef12", sha256="abcdef12" * 8),
        labelled_at=changes.get("labelled_at", NOW),
    )


_EVIDENCE = evidence(quote="Raid", end=4)


class RulingDesk:
    """Rules on matches as they come, and remembers all alerts and entries.

    Each match is the next of its partition, a second after the one before.
    """

    def __init__(self, rules: DeskRules | None = None, state: DeskState | None = None) -> None:
        self.rules = rules or DeskRules()
        self.state = create_state() if state is None else state
        self.alerts: list[Alert] = []
        self.entries: list[Entry] = []
        self.offset = 0
        self.now_ms = NOW_MS

    def send(self, article_id: str = "a1", version: int | None = 1, **changes: Any) -> Ruling:
        """Rule on the next match."""
        self.offset += 1
        self.now_ms += 1000
        return self.rule(
            match(article_id, version, **{"offset": self.offset, "at_ms": self.now_ms, **changes})
        )

    def kill(self, article_id: str = "a1", version: int | None = None, **changes: Any) -> Ruling:
        """Rule on the next match, a kill."""
        return self.send(article_id, version, status="canceled", **changes)

    def wait(self, hours: float) -> None:
        """Let time pass."""
        self.now_ms += round(hours * HOUR_MS)

    def rule(self, each: Match) -> Ruling:
        ruling = rule_on_match(each, self.state, self.rules)
        for entry in ruling.entries:
            self.state.remember(entry)
        self.alerts += ruling.alerts
        self.entries += ruling.entries
        return ruling


def list_ids(alerts: Sequence[Alert]) -> list[str]:
    """What consumers recognise alerts by, as in `ce_id`."""
    return [f"{each.article.id}:{each.revision}" for each in alerts]
