from typing import Any

import pytest

from service.alerts import Alert, derive_alert_id
from service.desk_state import ENTRIES, HOUR_MS
from service.outcomes import Outcome
from service.stories import DeskRules, Ruling
from tests.match_factory import FLOOD, NOW_MS, RAID, RulingDesk, create_state, match

CORRECTED = RAID.replace("41", "43")
# One word in a dozen is another.
TOUCHED = RAID.replace("Soldiers", "Troopers")
REWRITTEN = (
    "Miranshah: Torak and Sarwan seized in barracks dispute, elders protest to governor Naqib."
)


def only(ruling: Ruling) -> Alert:
    (alert,) = ruling.alerts
    return alert


def told(alert: Alert) -> tuple[str, int, str, str | None]:
    return alert.article.id, alert.revision, alert.status, alert.why


def test_first_match_is_raised_as_revision_1_and_leads_its_story() -> None:
    ruling = RulingDesk().send()
    assert ruling.outcome is Outcome.ALERTED
    alert = only(ruling)
    assert told(alert) == ("a1", 1, "raised", None)
    assert alert.change is None
    assert alert.alert_id == derive_alert_id("a1")
    assert (alert.story.role, alert.story.similarity) == ("lead", 1.0)
    assert alert.story.story_id == alert.story.lead_alert_id == alert.alert_id


def test_what_does_not_match_and_never_did_is_not_remembered() -> None:
    desk = RulingDesk()
    assert desk.send(version=2, labels=()) == Ruling(Outcome.UNMATCHED)
    # So that an older version that matches is raised, though it comes later.
    assert only(desk.send(version=1)).revision == 1


@pytest.mark.parametrize(
    ("changes", "gained", "lost"),
    [
        ({"labels": ("ttp", "border")}, ["border"], []),
        ({"labels": ("border",)}, ["border"], ["ttp"]),
        ({"title": "Raid was called off"}, [], []),
        ({"says": CORRECTED}, [], []),
        ({"says": REWRITTEN}, [], []),
    ],
)
def test_newer_version_that_changes_what_is_acted_on_is_updated(
    changes: dict[str, Any], gained: list[str], lost: list[str]
) -> None:
    desk = RulingDesk()
    desk.send()
    ruling = desk.send(version=2, **changes)
    assert ruling.outcome is Outcome.UPDATED
    alert = only(ruling)
    assert told(alert) == ("a1", 2, "updated", None)
    assert alert.change is not None
    assert (alert.change.labels_gained, alert.change.labels_lost) == (gained, lost)
    assert (alert.change.text_changed > 0) is ("says" in changes)
    assert not alert.change.promoted


def test_label_that_turns_from_review_to_alert_is_gained() -> None:
    desk = RulingDesk()
    desk.send(labels=("border",), band="review")
    assert desk.state.find("a1")
    change = only(desk.send(version=2, labels=("ttp",))).change
    assert change is not None
    assert (change.labels_gained, change.labels_lost) == (["ttp"], ["border"])


def test_newer_version_that_changes_little_is_not_told_until_little_adds_up() -> None:
    desk = RulingDesk()
    words = (RAID + " " + FLOOD).split()
    desk.send(says=" ".join(words))
    outcomes = []
    for version in range(2, 12):
        words[-version] = f"Brolga{'abcdefghijkl'[version]}"
        outcomes.append(desk.send(version=version, says=" ".join(words)).outcome)
    assert outcomes[0] is Outcome.UNCHANGED
    assert Outcome.UPDATED in outcomes
    revisions = [alert.revision for alert in desk.alerts]
    assert revisions == list(range(1, len(revisions) + 1))
    assert len(revisions) < 8


def test_version_that_no_longer_matches_withdraws() -> None:
    desk = RulingDesk()
    desk.send()
    ruling = desk.send(version=2, labels=())
    assert ruling.outcome is Outcome.WITHDRAWN
    alert = only(ruling)
    assert told(alert) == ("a1", 2, "withdrawn", "no_longer_matches")
    assert alert.labels == []
    assert alert.change is not None
    assert alert.change.labels_lost == ["ttp"]


@pytest.mark.parametrize("version", [None, 1, 2])
def test_kill_withdraws_with_no_version_that_of_the_killed_one_or_a_newer(
    version: int | None,
) -> None:
    desk = RulingDesk()
    desk.send()
    ruling = desk.kill(version=version)
    assert ruling.outcome is Outcome.WITHDRAWN
    assert told(only(ruling)) == ("a1", 2, "withdrawn", "killed")


def test_kill_without_a_version_is_of_every_version() -> None:
    desk = RulingDesk()
    desk.send(version=2**52 - 1)
    killed = only(desk.kill())
    assert told(killed) == ("a1", 2, "withdrawn", "killed")
    assert killed.article.version == 2**52 - 1
    assert desk.send(version=2**52 - 1).outcome is Outcome.STALE


def test_kill_of_an_older_version_than_the_newest_is_stale() -> None:
    desk = RulingDesk()
    desk.send(version=3)
    assert desk.kill(version=2) == Ruling(Outcome.STALE)


def test_kill_may_come_first_and_holds_for_the_versions_it_kills() -> None:
    desk = RulingDesk()
    assert told(only(desk.kill(version=2))) == ("a1", 1, "withdrawn", "killed")
    assert desk.send(version=1).outcome is Outcome.STALE
    assert desk.send(version=2).outcome is Outcome.STALE
    assert told(only(desk.send(version=3))) == ("a1", 2, "raised", None)


def test_kill_of_what_was_withdrawn_says_so_once() -> None:
    desk = RulingDesk()
    desk.send()
    desk.send(version=2, labels=())
    assert told(only(desk.kill())) == ("a1", 3, "withdrawn", "killed")
    again = [desk.kill(version=version) for version in (None, 2, 3)]
    assert [ruling.outcome for ruling in again] == ["unchanged", "stale", "unchanged"]
    assert [ruling.alerts for ruling in again] == [(), (), ()]


@pytest.mark.parametrize("version", [1, 2])
def test_same_or_older_version_is_stale(version: int) -> None:
    desk = RulingDesk()
    desk.send(version=2)
    assert desk.send(version=version, title="Other", labels=("border",)) == Ruling(Outcome.STALE)


@pytest.mark.parametrize("how", ["killed", "no_longer_matches"])
def test_usable_version_after_withdrawal_is_raised_again_in_its_old_story(how: str) -> None:
    desk = RulingDesk()
    story = only(desk.send()).story
    if how == "killed":
        desk.kill(version=2)
    else:
        desk.send(version=2, labels=())
    alert = only(desk.send(version=3))
    assert told(alert) == ("a1", 3, "raised", None)
    assert alert.alert_id == derive_alert_id("a1")
    assert alert.story == story


def test_what_comes_back_to_a_story_that_another_leads_now_is_a_repeat() -> None:
    desk = RulingDesk()
    desk.send("a1")
    desk.send("a2")
    desk.send("a1", 2, labels=())
    ruling = desk.send("a1", 3)
    assert ruling.outcome is Outcome.REPEATED
    story = only(ruling).story
    assert (story.role, story.lead_alert_id) == ("repeat", derive_alert_id("a2"))
    assert story.story_id == derive_alert_id("a1")
    assert story.similarity > 0.5


def test_report_of_the_same_is_a_repeat_that_names_its_lead() -> None:
    desk = RulingDesk()
    desk.send("a1")
    ruling = desk.send("a2", title="Another headline")
    assert ruling.outcome is Outcome.REPEATED
    alert = only(ruling)
    assert told(alert) == ("a2", 1, "raised", None)
    assert alert.story.role == "repeat"
    assert alert.story.story_id == alert.story.lead_alert_id == derive_alert_id("a1")
    assert 0.5 < alert.story.similarity <= 1
    assert desk.send("a3", says=FLOOD).outcome is Outcome.ALERTED


def test_version_of_a_repeat_stays_in_its_story_whatever_it_says() -> None:
    desk = RulingDesk()
    desk.send("a1")
    before = only(desk.send("a2")).story
    assert only(desk.send("a2", 2, says=FLOOD)).story == before


def test_quiet_repeat_is_not_published_but_a_label_that_is_not_quiet_is() -> None:
    desk = RulingDesk(DeskRules(quiet_repeats=frozenset({"ttp"})))
    desk.send("a1")
    assert desk.send("a2").outcome is Outcome.REPEATED
    assert desk.send("a3", labels=("border", "ttp")).outcome is Outcome.REPEATED
    assert [told(alert)[:2] for alert in desk.alerts] == [("a1", 1), ("a3", 1)]
    held_back = desk.state.find("a2")
    assert held_back is not None
    assert (held_back.standing, held_back.revision) == ("held_back", 0)


def test_quiet_repeat_that_gains_another_label_is_published() -> None:
    desk = RulingDesk(DeskRules(quiet_repeats=frozenset({"ttp"})))
    desk.send("a1")
    desk.send("a2")
    assert desk.send("a2", 2, says=CORRECTED).alerts == ()
    ruling = desk.send("a2", 3, labels=("border", "ttp"))
    assert ruling.outcome is Outcome.REPEATED
    alert = only(ruling)
    assert (told(alert), alert.story.role) == (("a2", 1, "raised", None), "repeat")
    assert alert.change is None


def test_quiet_repeat_that_no_longer_matches_was_told_to_nobody_and_its_kill_is_to_all() -> None:
    desk = RulingDesk(DeskRules(quiet_repeats=frozenset({"ttp"})))
    desk.send("a1")
    desk.send("a2")
    assert desk.send("a2", 2, labels=()).outcome is Outcome.UNMATCHED
    assert len(desk.alerts) == 1
    assert told(only(desk.kill("a2"))) == ("a2", 1, "withdrawn", "killed")


@pytest.mark.parametrize("kill", [True, False])
def test_repeat_is_promoted_when_its_lead_is_withdrawn(kill: bool) -> None:  # noqa: FBT001
    desk = RulingDesk()
    for name in ("a1", "a2", "a3"):
        desk.send(name)
    desk.send("a2", 2, says=CORRECTED)
    gone, promoted = (desk.kill("a1") if kill else desk.send("a1", 2, labels=())).alerts
    assert told(gone) == ("a1", 2, "withdrawn", "killed" if kill else "no_longer_matches")
    assert (gone.story.role, gone.story.lead_alert_id) == ("repeat", derive_alert_id("a2"))
    assert told(promoted) == ("a2", 3, "updated", None)
    assert promoted.article.version == 2
    assert promoted.change is not None
    assert promoted.change.promoted
    assert promoted.story.role == "lead"
    assert promoted.story.lead_alert_id == promoted.alert_id
    assert {gone.story.story_id, promoted.story.story_id} == {derive_alert_id("a1")}
    # The next repeat, and the next report, are told of the new lead.
    assert only(desk.send("a3", 2, says=CORRECTED)).story.lead_alert_id == promoted.alert_id
    assert only(desk.send("a4")).story.lead_alert_id == promoted.alert_id


def test_quiet_repeat_that_is_promoted_is_raised() -> None:
    desk = RulingDesk(DeskRules(quiet_repeats=frozenset({"ttp"})))
    desk.send("a1")
    desk.send("a2")
    desk.send("a2", 2, title="Corrected")
    _gone, promoted = desk.kill("a1").alerts
    assert told(promoted) == ("a2", 1, "raised", None)
    assert promoted.article.title == "Corrected"
    assert promoted.change is not None
    assert promoted.change.model_dump(exclude_defaults=True) == {"promoted": True}


def test_quiet_repeat_that_was_withdrawn_before_is_raised_when_promoted() -> None:
    desk = RulingDesk(DeskRules(quiet_repeats=frozenset({"ttp"})))
    desk.send("a1")
    desk.send("a2")
    desk.kill("a2")
    assert desk.send("a2", 2).alerts == ()
    _gone, promoted = desk.kill("a1").alerts
    assert told(promoted) == ("a2", 2, "raised", None)


def test_withdrawn_repeat_is_not_promoted() -> None:
    desk = RulingDesk()
    for name in ("a1", "a2", "a3"):
        desk.send(name)
    assert only(desk.kill("a2")).story.lead_alert_id == derive_alert_id("a1")
    gone, promoted = desk.kill("a1").alerts
    assert told(promoted)[0] == "a3"
    assert gone.story.lead_alert_id == derive_alert_id("a3")
    assert [told(alert)[0] for alert in desk.kill("a3").alerts] == ["a3"]
    # Nobody leads the story now; what comes back to it does.
    assert only(desk.send("a2", 2)).story.role == "lead"


def test_similarity_of_a_withdrawn_lead_is_that_to_its_successor() -> None:
    desk = RulingDesk()
    desk.send("a1")
    similarity = only(desk.send("a2", says=f"{RAID} Gulbahar denied it.")).story.similarity
    assert only(desk.kill("a2")).story.similarity == similarity
    desk.send("a2", 2, says=f"{RAID} Gulbahar denied it.")
    assert desk.kill("a1").alerts[0].story.similarity == pytest.approx(similarity)


@pytest.mark.parametrize(
    ("hours", "role"), [(72, "repeat"), (-72, "repeat"), (73, "lead"), (-73, "lead")]
)
def test_report_joins_a_story_within_the_window_around_its_lead(hours: int, role: str) -> None:
    desk = RulingDesk()
    desk.wait(100)
    desk.send("a1", published_ms=desk.now_ms)
    published_ms = desk.now_ms - 1000 + hours * HOUR_MS
    desk.wait(max(hours, 0))
    assert only(desk.send("a2", published_ms=published_ms)).story.role == role


def test_report_without_a_date_or_from_the_future_is_of_when_it_came() -> None:
    desk = RulingDesk()
    desk.send("a1", published_ms=253_402_300_799_000)
    desk.wait(71)
    assert only(desk.send("a2")).story.role == "repeat"
    desk.wait(2)
    assert only(desk.send("a3")).story.role == "lead"


def test_report_with_a_date_that_cannot_be_does_not_end_the_stories_of_others() -> None:
    desk = RulingDesk()
    desk.send("a1")
    for name, published_ms in (("b1", -62_135_596_800_000), ("b2", 253_402_300_799_000)):
        desk.send(name, says=FLOOD, published_ms=published_ms)
    assert only(desk.send("a2")).story.role == "repeat"


def test_story_is_closed_after_two_windows() -> None:
    desk = RulingDesk(state=create_state(window_ms=HOUR_MS))
    desk.send("a1")
    desk.send("a2")
    desk.wait(3)
    desk.send("b1", says=FLOOD)
    for name in ("a1", "a2"):
        entry = desk.state.find(name)
        assert entry is not None
        assert (entry.sketch, entry.kept) == (b"", None)
    # A version of it is still told, how much of it changed is not.
    updated = only(desk.send("a1", 2, title="Corrected", says=CORRECTED))
    assert (updated.revision, updated.change and updated.change.text_changed) == (2, 0.0)
    assert only(desk.send("a3")).story.role == "lead"


def test_repeat_leads_what_its_lead_left_after_the_story_was_closed() -> None:
    desk = RulingDesk(state=create_state(window_ms=HOUR_MS))
    desk.send("a1")
    desk.send("a2")
    desk.wait(3)
    desk.send("b1", says=FLOOD)
    # Its alert is not kept any more: it cannot be told by itself.
    assert told(only(desk.kill("a1")))[:2] == ("a1", 2)
    updated = only(desk.send("a2", 2, title="Corrected"))
    assert (updated.status, updated.story.role) == ("updated", "lead")
    assert updated.story.lead_alert_id == updated.alert_id
    assert updated.change is not None
    assert updated.change.promoted


def test_article_that_is_not_remembered_is_raised_as_new() -> None:
    desk = RulingDesk(state=create_state(memory_ms=24 * HOUR_MS))
    desk.send("a1")
    desk.wait(25)
    desk.send("b1", says=FLOOD)
    assert desk.state.find("a1") is None
    assert told(only(desk.send("a1", 2))) == ("a1", 1, "raised", None)


def test_every_message_about_an_article_keeps_it_remembered() -> None:
    desk = RulingDesk(state=create_state(memory_ms=24 * HOUR_MS))
    desk.send("a1")
    for version in (2, 3):
        desk.wait(20)
        desk.send("a1", version)
    assert only(desk.kill("a1")).revision == 2


def test_articles_over_the_budget_are_digested_and_others_go_out() -> None:
    desk = RulingDesk(DeskRules(alerts_per_hour={"ttp": 1, "border": 1}))
    assert desk.send("a1", says="Alpha Bravo raid").outcome is Outcome.ALERTED
    digested = desk.send("a2", says="Charlie Delta siege")
    assert (digested.outcome, digested.alerts) == (Outcome.DIGESTED, ())
    # Border has budget left, and so the alert goes out; it uses that of both.
    assert desk.send("a3", says=FLOOD, labels=("border", "ttp")).outcome is Outcome.ALERTED
    both = desk.send("a4", says="Golf Hotel riot", labels=("border", "ttp"))
    assert both.outcome is Outcome.DIGESTED
    # What has no budget is not bounded.
    assert (
        desk.send("a5", says="India Juliet", labels=("ttp", "india_ties")).outcome
        is Outcome.ALERTED
    )
    desk.wait(1)
    assert desk.send("a6", says="Kilo Lima march").outcome is Outcome.ALERTED


def test_repeats_do_not_use_the_budget() -> None:
    desk = RulingDesk(DeskRules(alerts_per_hour={"ttp": 2}))
    outcomes = [desk.send(name).outcome for name in ("a1", "a2", "a3")]
    assert outcomes == [Outcome.ALERTED, Outcome.REPEATED, Outcome.REPEATED]
    assert desk.send("b1", says=FLOOD).outcome is Outcome.ALERTED


def test_digested_article_is_withdrawn_for_those_who_read_the_digest() -> None:
    desk = RulingDesk(DeskRules(alerts_per_hour={"ttp": 0}))
    desk.send("a1")
    desk.send("b1", says=FLOOD)
    assert told(only(desk.send("a1", 2, labels=()))) == ("a1", 1, "withdrawn", "no_longer_matches")
    assert told(only(desk.kill("b1"))) == ("b1", 1, "withdrawn", "killed")
    assert told(only(desk.send("a1", 3))) == ("a1", 2, "raised", None)


def test_digested_article_that_gains_a_label_goes_out() -> None:
    desk = RulingDesk(DeskRules(alerts_per_hour={"ttp": 0}))
    desk.send("a1")
    assert desk.send("a1", 2, says=CORRECTED).outcome is Outcome.UNCHANGED
    ruling = desk.send("a1", 3, labels=("border", "ttp"))
    assert ruling.outcome is Outcome.ALERTED
    assert told(only(ruling)) == ("a1", 1, "raised", None)


def test_message_that_is_read_again_is_stale_even_where_nothing_was_remembered_of_it() -> None:
    desk = RulingDesk()
    desk.send(version=2, labels=(), offset=1)
    desk.send(version=1, offset=2)
    again = match(version=2, labels=(), offset=1, at_ms=NOW_MS)
    assert desk.rule(again) == Ruling(Outcome.STALE)


def test_kill_that_is_read_again_does_not_end_what_came_after_it_in_the_same_millisecond() -> None:
    desk = RulingDesk()
    kill = match(version=None, status="canceled", offset=1)
    desk.rule(kill)
    desk.send(version=2, offset=2, at_ms=NOW_MS)
    assert desk.rule(kill) == Ruling(Outcome.STALE)


def test_kill_in_a_topic_made_anew_is_not_taken_for_an_old_one() -> None:
    desk = RulingDesk()
    desk.send(version=7, offset=900)
    assert desk.kill(offset=0).outcome is Outcome.WITHDRAWN


def test_kill_without_a_version_that_was_overtaken_in_another_partition_is_stale() -> None:
    desk = RulingDesk()
    desk.send(version=1, partition=0, at_ms=NOW_MS + 9)
    assert desk.kill(partition=1, at_ms=NOW_MS + 8) == Ruling(Outcome.STALE)


# Seconds since 1970: the versions of what has no number, but a date.
DATED = 1_795_687_200
FIRST_DATED = 10**9


@pytest.mark.parametrize(
    ("before", "after"),
    [(DATED, 2), (2, DATED), (FIRST_DATED, FIRST_DATED - 1), (2**52 - 1, 1), (1, FIRST_DATED)],
)
def test_version_by_date_and_a_counted_one_are_in_the_order_in_which_they_came(
    before: int, after: int
) -> None:
    updated = RulingDesk()
    updated.send(version=before)
    alert = only(updated.send(version=after, says=CORRECTED))
    assert told(alert) == ("a1", 2, "updated", None)
    assert alert.article.version == after
    killed = RulingDesk()
    killed.send(version=before)
    alert = only(killed.kill(version=after))
    assert told(alert) == ("a1", 2, "withdrawn", "killed")
    assert alert.article.version == after


@pytest.mark.parametrize(
    ("before", "after"), [(FIRST_DATED + 1, FIRST_DATED), (FIRST_DATED - 1, FIRST_DATED - 2)]
)
def test_versions_of_one_kind_are_compared(before: int, after: int) -> None:
    desk = RulingDesk()
    desk.send(version=before)
    assert desk.send(version=after, says=CORRECTED) == Ruling(Outcome.STALE)
    assert desk.kill(version=after) == Ruling(Outcome.STALE)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize(("before", "after"), [(DATED, 2), (2, DATED)])
def test_what_came_is_stale_when_it_comes_again_whatever_is_between(
    before: int,
    after: int,
    killed: bool,  # noqa: FBT001, of two tables one
) -> None:
    desk = RulingDesk()
    desk.send(version=before)
    send = desk.kill if killed else desk.send
    send(version=after, says=CORRECTED)
    for version in (before, before - 1, after, after - 1):
        assert desk.send(version=version) == Ruling(Outcome.STALE)
    assert send(version=after) == Ruling(Outcome.STALE)
    assert only(desk.send(version=after + 1, says=REWRITTEN)).article.version == after + 1
    for version in (before, after, after + 1):
        assert desk.send(version=version) == Ruling(Outcome.STALE)


def test_kinds_of_versions_are_told_apart_after_a_withdrawal_too() -> None:
    desk = RulingDesk()
    desk.send(version=DATED)
    desk.kill(version=2)
    assert told(only(desk.send(version=3))) == ("a1", 3, "raised", None)
    for version in (DATED, 2, 3):
        assert desk.send(version=version, says=CORRECTED) == Ruling(Outcome.STALE)
    assert only(desk.send(version=DATED + 1, says=CORRECTED)).article.version == DATED + 1


def test_what_was_made_before_a_kill_of_all_is_stale_and_what_is_made_after_it_is_not() -> None:
    desk = RulingDesk()
    desk.send(version=DATED)
    kill = match(version=None, status="canceled", offset=9, at_ms=desk.now_ms + 1000)
    dated = kill.article.model_copy(update={"version": DATED + 7200})
    desk.rule(kill.model_copy(update={"article": dated}))
    assert desk.alerts[-1].status == "withdrawn"
    desk.wait(1)
    assert desk.send(version=DATED + 3600, offset=10) == Ruling(Outcome.STALE)
    assert only(desk.send(version=DATED + 7201, offset=11)).status == "raised"


@pytest.mark.parametrize("killed", [True, False])
def test_newer_version_that_failed_and_comes_after_an_older_one_counts(
    killed: bool,  # noqa: FBT001, of a table
) -> None:
    desk = RulingDesk()
    desk.send(version=1, offset=1)
    failed = match(
        version=3,
        offset=2,
        at_ms=desk.now_ms,
        says=REWRITTEN,
        status="canceled" if killed else "usable",
    )
    desk.send(version=2, offset=3, says=CORRECTED)
    assert desk.rule(failed).outcome is (Outcome.WITHDRAWN if killed else Outcome.UPDATED)
    assert desk.rule(failed) == Ruling(Outcome.STALE)


def test_kill_without_a_version_is_of_the_newest_of_both_kinds() -> None:
    desk = RulingDesk()
    desk.send(version=2)
    desk.send(version=DATED, says=CORRECTED)
    assert only(desk.kill()).article.version == DATED
    for version in (1, 2, DATED):
        assert desk.send(version=version) == Ruling(Outcome.STALE)


@pytest.mark.parametrize(("before", "after"), [(DATED, 2), (2, DATED)])
@pytest.mark.parametrize(("later_ms", "outcome"), [(-1, "stale"), (0, "updated"), (1, "updated")])
def test_version_of_another_kind_that_was_overtaken_in_another_partition_is_stale(
    later_ms: int, outcome: str, before: int, after: int
) -> None:
    desk = RulingDesk()
    desk.send(version=before, partition=0, at_ms=NOW_MS)
    ruling = desk.send(version=after, partition=1, at_ms=NOW_MS + later_ms, says=CORRECTED)
    assert ruling.outcome == outcome


def test_update_without_version_and_date_is_told_as_version_1_after_one_with_a_date() -> None:
    desk = RulingDesk()
    desk.send(version=DATED)
    assert only(desk.send(version=None, says=CORRECTED)).article.version == 1


@pytest.mark.parametrize("version", [2, DATED])
def test_entry_of_before_kinds_were_told_apart_has_the_newest_of_its_own(version: int) -> None:
    desk = RulingDesk()
    desk.send(version=version)
    (entry,) = desk.entries
    written = {**ENTRIES.dump_python(entry, mode="json")}
    del written["counted"]
    desk.state.remember(ENTRIES.validate_python(written))
    assert desk.send(version=version, says=CORRECTED) == Ruling(Outcome.STALE)
    other = 1 if version == DATED else DATED
    assert desk.send(version=other, says=CORRECTED).outcome is Outcome.UPDATED
    assert desk.send(version=version) == Ruling(Outcome.STALE)
