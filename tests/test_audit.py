"""What an audit finds, of articles that a desk has ruled on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.alerts import Alert, derive_alert_id
from service.audit import FAULTS, FOUND_MEANINGS, Auditor, Finding, Found
from service.audit_books import Books, Spot
from service.dead_letters import DeadLetter, LetterId, Place
from service.handling import Decided, Matched, Rejected, Unmatched, Withheld
from service.matches import Match
from service.messages import RawArticle, RejectionReason
from service.stories import DeskRules
from tests.factories import NOW, raw
from tests.match_factory import FLOOD, NOW_MS, RulingDesk, match

ALERTS, STORIES, DLQ = "news.alerts", "news.stories", "news.articles.dlq"
MODEL = match().model.sha256
BROKEN = Rejected(RejectionReason.INVALID_JSON, "cut off")


class Incident:
    """Articles, what they are decided to be, and what the topics show of them afterwards."""

    def __init__(self, rules: DeskRules | None = None) -> None:
        self.desk = RulingDesk(rules)
        self.decided: list[Decided] = []
        self.letters: dict[int, str] = {}
        self.waiting: set[Spot] = set()
        self.returned: set[Spot] = set()
        self.horizons: dict[str, float] = {}
        self.committed: dict[int, int] | None = None
        self.model = MODEL

    def send(self, decided: Decided) -> None:
        """The next article; what matches is ruled on by the desk."""
        if isinstance(decided, Matched):
            moved = self._move(decided.match)
            self.desk.rule(moved)
            decided = Matched(moved)
        self.decided.append(decided)

    def lose(self, lost: Match) -> None:
        """The next article; it is committed, and the desk never hears of it."""
        self.decided.append(Matched(self._move(lost)))

    def fail(self, failed: Match) -> Match:
        """The next article; the desk fails on its match, which has a dead letter."""
        moved = self._move(failed)
        self.reject("handler_failed", Matched(moved))
        return moved

    def replay(self, failed: Match) -> None:
        """Send a match on which the desk failed to the desk again; it fails no more."""
        self.returned.add(Spot(failed.origin.partition, failed.origin.offset))
        self.desk.rule(failed)

    def reject(self, reason: str, decided: Decided = BROKEN) -> None:
        """The next article; it has a dead letter."""
        self.letters[len(self.decided)] = reason
        self.decided.append(decided)

    def read_books(self) -> Books:
        offsets = {0: len(self.decided)} if self.committed is None else self.committed
        books = Books("news.articles", offsets, self.waiting, self.horizons)
        for offset, reason in self.letters.items():
            books.note_letter(write_letter(offset, reason))
        for spot in self.returned:
            books.note_return(spot)
        for entry in self.desk.entries:
            books.note_entry(entry)
        for alert in self.desk.alerts:
            note(books, alert)
        return books

    def audit(self, decide: Callable[[RawArticle, datetime], Decided] | None = None) -> list[Found]:
        return [finding.found for finding in self.judge(decide)]

    def judge(
        self, decide: Callable[[RawArticle, datetime], Decided] | None = None
    ) -> list[Finding]:
        auditor = Auditor(
            self.read_books(),
            decide or (lambda message, _now: self.decided[message.offset]),
            self.model,
            alerts_topic=ALERTS,
            stories_topic=STORIES,
            dlq_topic=DLQ,
        )
        return [
            auditor.judge(raw(partition=0, offset=offset, timestamp_ms=NOW_MS))
            for offset in range(len(self.decided))
        ]

    def _move(self, each: Match) -> Match:
        origin = each.origin.model_copy(
            update={"offset": len(self.decided), "timestamp_ms": NOW_MS + len(self.decided)}
        )
        return each.model_copy(update={"origin": origin})


def note(books: Books, alert: Alert) -> None:
    books.note_alert(alert, alert.model_dump_json().encode(), f"{alert.alert_id}:{alert.revision}")


def write_letter(offset: int, reason: str, topic: str = "news.articles") -> DeadLetter:
    return DeadLetter(
        id=LetterId(0, offset),
        received_ms=NOW_MS,
        failed_at=NOW,
        reason=reason,
        detail="",
        original=Place(topic, 0, offset),
        original_timestamp_ms=NOW_MS,
        attempts=1,
        replay_of=None,
        value_is_omitted=False,
        key=None,
        size_bytes=0,
        digest=b"",
    )


def matched(*args: Any, **changes: Any) -> Matched:
    return Matched(match(*args, **changes))


@pytest.fixture
def incident() -> Incident:
    return Incident()


def test_what_is_as_it_must_be_is_found_so(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a2", says=FLOOD))
    incident.send(Unmatched("a3"))
    incident.send(Withheld("a4"))
    incident.reject("invalid_json")
    assert incident.audit() == [
        Found.ALERTED,
        Found.ALERTED,
        Found.UNMATCHED,
        Found.WITHHELD,
        Found.REJECTED,
    ]


def test_match_that_never_came_to_the_desk_is_missing(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.lose(match("a2"))
    missing = incident.judge()[1]
    assert missing == Finding(Found.MISSING, "a2", "the desk remembers nothing of version 1")


def test_newer_version_that_never_came_to_the_desk_is_missing(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.lose(match("a1", 2, labels=()))
    assert incident.audit() == [Found.ALERTED, Found.MISSING]


@pytest.mark.parametrize("version", [None, 1])
def test_kill_that_never_came_to_the_desk_is_missing(
    incident: Incident, version: int | None
) -> None:
    incident.send(matched("a1"))
    incident.lose(match("a1", version, status="canceled"))
    assert incident.judge()[1].found is Found.MISSING


def test_alert_that_the_desk_remembers_and_the_topic_lacks_is_missing(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a2", says=FLOOD))
    del incident.desk.alerts[0]
    findings = incident.judge()
    assert findings[0] == Finding(Found.MISSING, "a1", f"no alert {derive_alert_id('a1')}:1")
    assert findings[1].found is Found.ALERTED


def test_rejection_without_its_dead_letter_is_missing(incident: Incident) -> None:
    incident.send(BROKEN)
    (finding,) = incident.judge()
    assert finding == Finding(Found.MISSING, "", "no dead letter; it is invalid_json: cut off")


def test_dead_letter_of_another_topic_is_not_the_articles() -> None:
    books = Books("news.articles", {0: 1})
    books.note_letter(write_letter(0, "invalid_match", "news.matches"))
    assert books.letters == {}


@pytest.mark.parametrize("reason", ["handler_failed", "alert_too_large"])
def test_any_article_may_be_rejected_for_a_bug_of_ours_or_its_size(
    incident: Incident, reason: str
) -> None:
    for decided in (matched("a1"), Unmatched("a1"), BROKEN):
        incident.reject(reason, decided)
    assert incident.audit() == [Found.REJECTED] * 3


def test_match_that_was_replayed_owes_what_every_match_does(incident: Incident) -> None:
    failed = incident.fail(match("a1"))
    assert incident.audit() == [Found.REJECTED]
    incident.replay(failed)
    assert incident.audit() == [Found.ALERTED]
    incident.desk.alerts.clear()
    assert incident.audit() == [Found.MISSING]


@pytest.mark.parametrize(
    ("version", "later", "found"),
    [
        (1, match("a1", version=1, labels=("border",)), Found.ALERTED),
        (1, match("a1", version=3), Found.ALERTED),
        (2, match("a1", version=3), Found.ALERTED),
        (1, match("a1", version=None, status="canceled"), Found.WITHDRAWN),
        (2, match("a1", version=None, status="canceled"), Found.WITHDRAWN),
    ],
)
def test_match_that_was_overtaken_before_it_was_replayed_is_superseded(
    incident: Incident, version: int, later: Match, found: Found
) -> None:
    failed = incident.fail(match("a1", version=version))
    incident.send(Matched(later))
    incident.replay(failed)
    assert incident.audit() == [Found.SUPERSEDED, found]


def test_rejection_for_another_reason_is_changed(incident: Incident) -> None:
    incident.reject("no_text")
    incident.reject("no_text", Unmatched("a1"))
    assert incident.audit() == [Found.CHANGED] * 2


def test_what_is_not_committed_waits(incident: Incident) -> None:
    incident.lose(match("a1"))
    incident.lose(match("a2"))
    incident.committed = {0: 1}
    incident.waiting = {Spot(0, 0)}
    assert incident.audit() == [Found.WAITING] * 2
    incident.committed = {}
    assert incident.audit() == [Found.WAITING] * 2


def test_versions_before_the_newest_are_superseded(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a1", 2, title="Another", says=FLOOD))
    incident.send(matched("a1", 1, title="Late"))
    incident.send(matched("a1", 2, labels=("border",)))
    assert incident.audit() == [
        Found.SUPERSEDED,
        Found.ALERTED,
        Found.SUPERSEDED,
        Found.SUPERSEDED,
    ]


def test_version_that_says_nothing_new_owes_no_alert_of_its_own(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a1", 2))
    assert incident.audit() == [Found.SUPERSEDED, Found.ALERTED]
    assert len(incident.desk.alerts) == 1


def test_what_is_held_back_owes_no_alert() -> None:
    incident = Incident(DeskRules(quiet_repeats=frozenset({"ttp"}), alerts_per_hour={"ttp": 1}))
    incident.send(matched("a1"))
    incident.send(matched("a2"))
    incident.send(matched("a3", says=FLOOD))
    assert len(incident.desk.alerts) == 1
    assert incident.audit() == [Found.ALERTED, Found.HELD_BACK, Found.HELD_BACK]


@pytest.mark.parametrize("version", [None, 1, 2])
def test_killed_article_has_its_alert_withdrawn(incident: Incident, version: int | None) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a1", version, status="canceled"))
    assert incident.audit()[1] is Found.WITHDRAWN
    incident.desk.alerts.pop()
    assert incident.audit()[1] is Found.MISSING


def test_kill_of_what_was_never_alerted_is_told_too(incident: Incident) -> None:
    incident.send(matched("a1", status="canceled"))
    assert incident.audit() == [Found.WITHDRAWN]


def test_usable_version_after_a_kill_brings_the_alert_back(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a1", None, status="canceled"))
    incident.send(matched("a1", 2))
    assert incident.audit() == [Found.SUPERSEDED, Found.ALERTED, Found.ALERTED]


@pytest.mark.parametrize("later", [2, 3])
def test_kill_by_date_before_a_numbered_version_came_to_the_desk(
    incident: Incident, later: int
) -> None:
    made = 1_795_687_200
    incident.send(matched("a1", made))
    incident.send(matched("a1", made, status="canceled"))
    incident.send(matched("a1", later))
    assert Found.MISSING not in incident.audit()
    incident.lose(match("a1", made, status="canceled"))
    assert incident.audit()[-1] is Found.MISSING


@pytest.mark.parametrize("status", ["usable", "canceled"])
def test_numbered_version_after_one_by_date_owes_its_alert(incident: Incident, status: str) -> None:
    incident.send(matched("a1", 1_795_687_200))
    incident.lose(match("a1", 3, status=status))
    assert incident.audit() == [Found.ALERTED, Found.MISSING]


def test_article_by_date_that_an_earlier_release_knew_without_a_version_is_alerted(
    incident: Incident,
) -> None:
    incident.send(matched("a1"))
    incident.decided = [Matched(match("a1", 1_795_687_200))]
    assert incident.audit() == [Found.ALERTED]


def test_newer_version_that_was_replayed_after_an_older_one_owes_its_alert(
    incident: Incident,
) -> None:
    incident.send(matched("a1"))
    failed = incident.fail(match("a1", 3, status="canceled"))
    incident.send(matched("a1", 2, says=FLOOD))
    incident.returned.add(Spot(failed.origin.partition, failed.origin.offset))
    assert incident.audit()[1] is Found.MISSING
    incident.replay(failed)
    assert incident.audit()[1] is Found.WITHDRAWN


def test_first_version_that_came_before_a_newer_one_was_replayed_is_superseded(
    incident: Incident,
) -> None:
    failed = incident.fail(match("a1", 2))
    incident.send(matched("a1", labels=("border",)))
    incident.replay(failed)
    assert incident.audit() == [Found.ALERTED, Found.SUPERSEDED]


def test_version_that_matches_no_more_is_withdrawn(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a1", 2, labels=()))
    assert incident.audit() == [Found.SUPERSEDED, Found.WITHDRAWN]


def test_later_version_that_never_matched_owes_nothing(incident: Incident) -> None:
    incident.send(matched("a1", 2, labels=()))
    assert incident.audit() == [Found.UNMATCHED]


def test_alert_with_other_labels_than_its_article_has_is_changed(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.decided[0] = matched("a1", labels=("ttp", "border"))
    (finding,) = incident.judge()
    assert finding == Finding(
        Found.CHANGED, "a1", "told ttp:alert; labelled again border:alert, ttp:alert"
    )


def test_alert_of_another_model_is_not_held_against_this_one(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a2", says=FLOOD))
    incident.decided[0] = matched("a1", labels=("ttp", "border"))
    incident.decided[1] = Unmatched("a2")
    incident.model = "of another"
    assert incident.audit() == [Found.OTHER_MODEL] * 2


def test_alert_for_an_article_that_matches_nothing_is_unexpected(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.decided[0] = Unmatched("a1")
    (finding,) = incident.judge()
    assert finding.found is Found.UNEXPECTED
    assert str(derive_alert_id("a1")) in finding.what


def test_first_version_that_matched_nothing_may_be_followed_by_an_alert(
    incident: Incident,
) -> None:
    incident.send(Unmatched("a1"))
    incident.send(matched("a1", 2))
    assert incident.audit() == [Found.UNMATCHED, Found.ALERTED]


def test_article_whose_embargo_ended_before_it_was_handled_may_be_alerted(
    incident: Incident,
) -> None:
    incident.send(matched("a1", labelled_at=datetime(2024, 1, 3, 13, tzinfo=UTC)))

    def decide(message: RawArticle, now: datetime) -> Decided:
        return incident.decided[message.offset] if now > NOW else Withheld("a1")

    assert incident.audit(decide) == [Found.ALERTED]


def test_alert_withdrawn_that_the_desk_takes_to_stand_is_changed(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.desk.alerts[0] = incident.desk.alerts[0].model_copy(update={"status": "withdrawn"})
    assert incident.audit() == [Found.CHANGED]


def test_what_may_be_deleted_for_its_age_is_expired_not_missing(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(BROKEN)
    incident.lose(match("a3"))
    incident.desk.alerts.clear()
    later = NOW_MS + 10_000
    incident.horizons = {ALERTS: later, STORIES: later, DLQ: later}
    assert incident.audit() == [Found.EXPIRED] * 3
    incident.horizons = dict.fromkeys((ALERTS, STORIES, DLQ), NOW_MS)
    assert incident.audit() == [Found.MISSING] * 3


def test_alert_that_came_with_two_contents_is_a_fault(incident: Incident) -> None:
    incident.send(matched("a1"))
    (alert,) = incident.desk.alerts
    incident.desk.alerts.append(alert)
    assert incident.read_books().faults == []
    incident.desk.alerts.append(alert.model_copy(update={"labels": []}))
    assert incident.read_books().faults == [f"alert {alert.alert_id}:1 came with two contents"]


def test_alert_with_an_id_that_is_not_its_articles_is_a_fault(incident: Incident) -> None:
    incident.send(matched("a1"))
    (alert,) = incident.desk.alerts
    books = incident.read_books()
    note(books, alert.model_copy(update={"alert_id": derive_alert_id("a2")}))
    books.note_alert(alert, alert.model_dump_json().encode(), "another:1")
    assert books.faults == [
        f"alert {derive_alert_id('a2')}:1 of a1 does not have its article's id",
        f"alert {alert.alert_id}:1 has the ce_id another:1",
    ]


def test_revisions_must_have_no_gap(incident: Incident) -> None:
    for version in range(1, 5):
        incident.send(matched("a1", version, title=f"Title {version}"))
    assert len(incident.desk.alerts) == 4
    incident.desk.alerts.append(incident.desk.alerts[1])
    assert list(incident.read_books().list_gaps()) == []
    del incident.desk.alerts[4], incident.desk.alerts[1]
    assert list(incident.read_books().list_gaps()) == [
        f"alert {derive_alert_id('a1')} has 3 of its revisions 1 to 4"
    ]


def test_first_revision_may_lack_only_where_something_was_deleted(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a1", 2, title="Another"))
    del incident.desk.alerts[0]
    headless = [f"alert {derive_alert_id('a1')} begins with revision 2"]
    assert list(incident.read_books().list_headless(ALERTS)) == headless
    incident.horizons = {ALERTS: 0}
    assert list(incident.read_books().list_headless(ALERTS)) == []


def test_promoted_heir_has_the_labels_it_was_found_with(incident: Incident) -> None:
    incident.send(matched("a1"))
    incident.send(matched("a2"))
    incident.send(matched("a1", None, status="canceled"))
    assert incident.audit() == [Found.WITHDRAWN, Found.ALERTED, Found.WITHDRAWN]


def test_only_the_newest_memory_of_an_article_counts() -> None:
    desk = RulingDesk()
    desk.send("a1")
    books = Books("news.articles", {0: 1})
    entry = desk.entries[0]
    books.note_entry(entry)
    books.note_entry(replace(entry, version=7))
    remembered = books.find_entry(derive_alert_id("a1"))
    assert remembered is not None
    assert remembered.versions == (7, 1)


def test_every_finding_has_a_meaning_and_three_are_faults() -> None:
    assert FOUND_MEANINGS.keys() == set(Found)
    assert frozenset({"missing", "changed", "unexpected"}) == FAULTS
