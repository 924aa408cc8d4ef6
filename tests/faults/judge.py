"""The independent judge: from the topics alone, read with a client that the service does not use.

It knows what was published and what each article owes (traffic.py), not how the service works.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Message

from tests.conftest import Beat
from tests.faults.commits import CommitSample, Place, count_late_repeats, find_wrong_commits
from tests.faults.times import measure_longest_stall, measure_recoveries
from tests.faults.traffic import FOR_DESK, REJECTED, SEQUENCE_HEADER, Sent, expect_alerts
from tests.kafka_client import read_all

# A rejection may stand for an alert only where a scenario makes it so.
MAY_BE_REJECTED = {"alert_too_large", "handler_failed"}


@dataclass(slots=True)
class Verdict:
    """What came of a scenario's articles.

    `late_repeats` are those of articles that were acknowledged already, `audited` is what
    `beatwatch audit` finds wrong.
    """

    articles: int = 0
    lost: list[str] = field(default_factory=list)
    changed_ids: list[str] = field(default_factory=list)
    unowed: list[str] = field(default_factory=list)
    wrong_commits: list[str] = field(default_factory=list)
    repeats: int = 0
    internal_repeats: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    longest_stall_seconds: float = 0.0
    recoveries_seconds: list[float] = field(default_factory=list)
    gone_with_the_topic: int = 0
    late_repeats: int = 0
    audited: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Topics:
    """All that lies on the topics at the end of a scenario."""

    articles: list[Message]
    matches: list[Message]
    alerts: list[Message]
    rejections: list[Message]
    stories: list[Message]


def headers_of(message: Message) -> dict[str, str]:
    """The headers as text; of a name that comes twice the last."""
    pairs: Any = message.headers()  # confluent_kafka's own type for them is wrong.
    return {name: (value or b"").decode(errors="replace") for name, value in pairs or []}


def _at(message: Message) -> int:
    return int(message.timestamp()[1])


class Judge:
    """Judges what lies on the topics.

    Args:
        beat: names of the topics.
        sent: what was published, by number.
        rejections_allowed: reasons for which a rejection may stand for what an article owes.
        deleted_ms: when somebody deleted the alerts topic, with all that was on it.
    """

    def __init__(
        self,
        beat: Beat,
        sent: Mapping[int, Sent],
        *,
        rejections_allowed: frozenset[str] = frozenset(),
        deleted_ms: Sequence[int] = (),
    ) -> None:
        settings, bootstrap = beat.settings, beat.bootstrap
        self._sent = sent
        self._allowed = rejections_allowed
        self._deleted_ms = deleted_ms
        self._topics = _Topics(
            *(
                read_all(bootstrap, name)
                for name in (
                    settings.articles_topic,
                    settings.matches_topic,
                    settings.alerts_topic,
                    settings.dlq_topic,
                    settings.stories_topic,
                )
            )
        )
        self.verdict = Verdict(articles=len(self._topics.articles))
        # When each article had its due (ms since 1970), by its place on the articles topic.
        self._handed_ms: dict[tuple[int, int], int] = {}
        self._repeated: list[tuple[Place, int]] = []
        self._due_ms: dict[tuple[int, int], int] = {}
        self._placed: dict[tuple[int, int], Sent] = {}

    def judge(self, samples: Sequence[CommitSample], healed_ms: Sequence[int]) -> Verdict:
        """Judge all.

        Args:
            samples: of what was committed, at faults and between them.
            healed_ms: from when on work could have gone on, fault by fault.
        """
        self._place_articles()
        rejected = self._judge_rejections()
        self._note_matches()
        self._judge_alerts(rejected)
        self.verdict.wrong_commits = find_wrong_commits(
            samples, self._list_classified(), self._list_told()
        )
        self.verdict.late_repeats = count_late_repeats(samples, self._repeated)
        self._measure_times(healed_ms)
        return self.verdict

    def _place_articles(self) -> None:
        numbers = Counter[int]()
        for message in self._topics.articles:
            number = int(headers_of(message)[SEQUENCE_HEADER])
            numbers[number] += 1
            self._placed[message.partition() or 0, message.offset() or 0] = self._sent[number]
        for number in self._sent.keys() - numbers.keys():
            self.verdict.lost.append(f"article {number} is not on the articles topic")
        self.verdict.outcomes = dict(Counter(each.kind.value for each in self._placed.values()))

    def _judge_rejections(self) -> dict[tuple[int, int], str]:
        found: dict[tuple[int, int], str] = {}
        contents: dict[tuple[int, int], set[tuple[bytes | None, str]]] = defaultdict(set)
        for message in self._topics.rejections:
            headers = headers_of(message)
            place = int(headers["dlq.original.partition"]), int(headers["dlq.original.offset"])
            reason = headers["dlq.reason"]
            if headers["dlq.original.topic"].startswith("matches"):
                self.verdict.unowed.append(f"{place}: a match was rejected: {reason}")
                continue
            if place in found:
                self.verdict.repeats += 1
                self._repeated.append((place, _at(message)))
            found[place] = reason
            if "dlq.value.omitted" not in headers:
                contents[place].add((message.value(), headers[SEQUENCE_HEADER]))
            sent = self._placed[place]
            if "dlq.value.omitted" not in headers and message.value() != sent.value:
                self.verdict.changed_ids.append(f"{place}: the dead letter is not the original")
            if sent.kind not in REJECTED and reason not in self._allowed:
                self.verdict.unowed.append(f"{place}: {sent.kind} was rejected: {reason}")
            self._due(place, _at(message))
        self.verdict.changed_ids += [f"{each}" for each, some in contents.items() if len(some) > 1]
        for place, sent in self._placed.items():
            if sent.kind in REJECTED and place not in found:
                self.verdict.lost.append(f"{place}: {sent.kind} has no dead letter")
        return found

    def _due(self, place: tuple[int, int], at_ms: int) -> None:
        self._due_ms[place] = min(at_ms, self._due_ms.get(place, at_ms))

    def _note_matches(self) -> None:
        for message in self._topics.matches:
            origin = json.loads(message.value() or b"")["origin"]
            place = origin["partition"], origin["offset"]
            if place in self._handed_ms:
                self.verdict.internal_repeats += 1
                self._repeated.append((place, _at(message)))
            self._handed_ms.setdefault(place, _at(message))

    def _judge_alerts(self, rejected: Mapping[tuple[int, int], str]) -> None:
        contents: dict[str, set[bytes]] = defaultdict(set)
        alerts: dict[str, dict[int, tuple[dict[str, Any], int]]] = defaultdict(dict)
        for message in self._topics.alerts:
            ce_id = headers_of(message)["ce_id"]
            self.verdict.repeats += ce_id in contents
            contents[ce_id].add(message.value() or b"")
            alert = json.loads(message.value() or b"")
            told = alerts[alert["article"]["id"]]
            told.setdefault(alert["revision"], (alert, _at(message)))
        for ce_id, some in contents.items():
            if len(some) > 1:
                self.verdict.changed_ids.append(f"{ce_id} has {len(some)} contents")
        versions: dict[str, list[tuple[tuple[int, int], Sent]]] = defaultdict(list)
        for place, sent in sorted(self._placed.items()):
            if sent.kind in FOR_DESK and place not in rejected:
                versions[sent.article_id].append((place, sent))
        gone = self._list_gone()
        for article_id in versions.keys() | alerts.keys():
            self._judge_article(
                article_id, versions[article_id], alerts[article_id], gone.get(article_id, 0)
            )

    def _judge_article(
        self,
        article_id: str,
        versions: Sequence[tuple[tuple[int, int], Sent]],
        alerts: Mapping[int, tuple[dict[str, Any], int]],
        gone: int,
    ) -> None:
        revisions = sorted(alerts)
        missing = set(range(1, max(revisions, default=0) + 1)) - set(revisions)
        deleted = set(range(1, gone + 1)) - set(revisions)
        self.verdict.gone_with_the_topic += len(deleted)
        if missing - deleted:
            self.verdict.changed_ids.append(f"{article_id} has only the revisions {revisions}")
        if deleted:
            # What went with its topic cannot be compared; that the desk told it is known.
            return
        told = [alerts[each] for each in revisions if not _is_promotion(alerts[each][0])]
        statuses = [alert["status"] for alert, _ in told]
        expected = expect_alerts(sent.kind for _, sent in versions)
        telling = [place for (place, _), tells in zip(versions, expected, strict=True) if tells]
        owed = [each for each in expected if each]
        if len(statuses) < len(owed):
            self.verdict.lost.append(f"{article_id} owes {owed}, told was {statuses}")
        elif statuses != owed:
            self.verdict.unowed.append(f"{article_id} owes {owed}, told was {statuses}")
        else:
            for place, (_, at_ms) in zip(telling, told, strict=True):
                self._due(place, at_ms)

    def _list_gone(self) -> dict[str, int]:
        """The last revision of each article that the desk had told before the topic was deleted."""
        if not self._deleted_ms:
            return {}
        last = max(self._deleted_ms)
        gone: dict[str, int] = {}
        for message in self._topics.stories:
            if _at(message) <= last and message.value():
                entry = json.loads(message.value() or b"")
                gone[entry["article_id"]] = int(entry["revision"])
        return gone

    def _list_classified(self) -> dict[Place, int | None]:
        """When each article that owes something was rejected, or handed to the desk; or never."""
        return {
            place: self._handed_ms.get(place, self._due_ms.get(place))
            for place, sent in self._placed.items()
            if sent.kind in FOR_DESK | REJECTED
        }

    def _list_told(self) -> dict[Place, int]:
        """When what each match owes was told, by the match's own place."""
        told = {}
        for message in self._topics.matches:
            origin = json.loads(message.value() or b"")["origin"]
            due = self._due_ms.get((origin["partition"], origin["offset"]))
            if due is not None:
                told[message.partition() or 0, message.offset() or 0] = due
        return told

    def _measure_times(self, healed_ms: Sequence[int]) -> None:
        ends: dict[int, list[int]] = defaultdict(list)
        for (partition, offset), at_ms in self._due_ms.items():
            if self._placed[partition, offset].kind in FOR_DESK:
                ends[partition].append(at_ms)
        first = min((_at(message) for message in self._topics.articles), default=0)
        self.verdict.longest_stall_seconds = measure_longest_stall(first, ends.values())
        self.verdict.recoveries_seconds = measure_recoveries(self._due_ms.values(), healed_ms)


def _is_promotion(alert: Mapping[str, Any]) -> bool:
    return bool(alert["change"] and alert["change"]["promoted"])
