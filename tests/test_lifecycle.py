"""What holds for alerts whatever comes, in whatever order, and however often."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from service.alerts import Alert, derive_alert_id
from service.desk_state import ENTRIES, HOUR_MS, DeskState
from service.matches import Match
from service.stories import DeskRules, Ruling
from tests.match_factory import (
    FLOOD,
    NOW_MS,
    RAID,
    RulingDesk,
    create_state,
    list_ids,
    match,
    sketch,
)

ARTICLES = ["a1", "a2", "a3", "خبر-4"]
TEXTS = [RAID, RAID.replace("41", "43"), RAID + " Elders protested.", FLOOD]
RULES = [
    DeskRules(),
    DeskRules(quiet_repeats=frozenset({"ttp"})),
    DeskRules(quiet_repeats=frozenset({"ttp", "border"}), alerts_per_hour={"ttp": 1}),
    DeskRules(alerts_per_hour={"ttp": 0, "border": 1}),
]
LABELS = [("ttp",), ("border",), ("border", "ttp"), ()]
# Long enough ago for any state, or to come.
DATES = [None, NOW_MS, NOW_MS + HOUR_MS, -62_135_596_800_000, 253_402_300_799_000]


@st.composite
def write_matches(
    draw: st.DrawFn, gaps_hours: Sequence[float] = (0, 0.0001), texts: Sequence[str] = TEXTS
) -> list[Match]:
    """Matches of a few articles as the matches topic has them."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ARTICLES),
                st.sampled_from([1, 1, 2, 3, 4, 10**9, 10**9 + 1, 2**52 - 1, None]),
                st.sampled_from([*LABELS[:-1], *LABELS, "kill"]),
                st.sampled_from(texts),
                st.sampled_from(gaps_hours),
                st.sampled_from(DATES),
            ),
            max_size=14,
        )
    )
    times = accumulate((round(step[4] * HOUR_MS) for step in steps), initial=NOW_MS)
    return [
        match(
            article_id,
            version,
            offset=offset,
            at_ms=at_ms,
            says=says,
            published_ms=published_ms,
            **({"status": "canceled"} if labels == "kill" else {"labels": labels}),
        )
        for offset, ((article_id, version, labels, says, _, published_ms), at_ms) in enumerate(
            zip(steps, times, strict=False)
        )
    ]


UNLIKE = dict(
    zip(ARTICLES, [RAID, FLOOD, "Nurses strike in Quetta", "Kabul opens a museum"], strict=True)
)
# The last: a broker's clock was set back.
GAPS_HOURS = [0, 0.0001, 0.5, 3, 30, -1]
MEMORY_MS = 24 * HOUR_MS


def rule_all(
    matches: Sequence[Match], rules: DeskRules, state: DeskState | None = None
) -> RulingDesk:
    desk = RulingDesk(rules, state)
    for each in matches:
        desk.rule(each)
    return desk


def by_article(alerts: Sequence[Alert]) -> dict[str, list[Alert]]:
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        found[alert.article.id].append(alert)
    return found


def write_down(ruling: Ruling) -> tuple[str, list[bytes], list[bytes]]:
    alerts = [alert.model_dump_json().encode() for alert in ruling.alerts]
    return ruling.outcome, alerts, [ENTRIES.dump_json(entry) for entry in ruling.entries]


@given(write_matches(), st.sampled_from(RULES))
def test_revisions_of_an_alert_are_1_2_3_without_gap_or_repetition(
    matches: list[Match], rules: DeskRules
) -> None:
    for alerts in by_article(rule_all(matches, rules).alerts).values():
        assert [alert.revision for alert in alerts] == list(range(1, len(alerts) + 1))


@given(write_matches(), st.sampled_from(RULES))
def test_consumers_are_told_what_they_can_follow(matches: list[Match], rules: DeskRules) -> None:
    for alerts in by_article(rule_all(matches, rules).alerts).values():
        held = False
        for alert in alerts:
            # A kill may come first; else only what is held can be updated or withdrawn, but for
            # what was in a digest.
            if alert.status == "updated":
                assert held
            if alert.status == "raised":
                assert not held
            if alert.why == "no_longer_matches":
                assert held or rules.alerts_per_hour
            held = alert.status != "withdrawn"
            assert bool(alert.labels) is held


@given(write_matches(GAPS_HOURS[:-1]), st.sampled_from(RULES), st.data())
def test_what_is_read_again_from_anywhere_gives_no_new_alert(
    matches: list[Match], rules: DeskRules, data: st.DataObject
) -> None:
    desk = rule_all(matches, rules)
    ids = list_ids(desk.alerts)
    assert len(set(ids)) == len(ids)
    for each in data.draw(st.lists(st.sampled_from(matches), max_size=6)) if matches else []:
        assert desk.rule(each).alerts == ()
    for each in matches:
        assert desk.rule(each).alerts == ()


@given(write_matches(), st.sampled_from(RULES), st.data())
def test_part_that_is_read_twice_on_the_way_changes_nothing(
    matches: list[Match], rules: DeskRules, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(matches)))
    end = data.draw(st.integers(begin, len(matches)))
    stuttered = [*matches[:end], *matches[begin:]]
    assert rule_all(stuttered, rules).alerts == rule_all(matches, rules).alerts


@given(write_matches(GAPS_HOURS), st.sampled_from(RULES), st.data())
def test_state_from_the_last_entries_rules_as_the_one_that_was_lost(
    matches: list[Match], rules: DeskRules, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(matches)))
    lost = rule_all(matches[:cut], rules, create_state(HOUR_MS, MEMORY_MS))
    last = {entry.article_id: ENTRIES.dump_json(entry) for entry in lost.entries}
    rebuilt = RulingDesk(rules, create_state(HOUR_MS, MEMORY_MS))
    # In whatever order: compaction keeps that of the last writes, a batch's is another.
    for entry in data.draw(st.permutations(list(last.values()))):
        rebuilt.state.remember(ENTRIES.validate_json(entry))
    assert len(rebuilt.state) == len(lost.state)
    for each in matches[cut:]:
        assert write_down(rebuilt.rule(each)) == write_down(lost.rule(each))


@given(write_matches(), st.sampled_from(RULES))
def test_story_with_usable_articles_has_one_lead_and_all_alerts_name_it(
    matches: list[Match], rules: DeskRules
) -> None:
    desk = RulingDesk(rules)
    for each in matches:
        alerts = desk.rule(each).alerts
        entries = [entry for name in ARTICLES if (entry := desk.state.find(name))]
        usable = [entry for entry in entries if entry.standing != "withdrawn"]
        leads = {entry.story_id: entry for entry in usable if entry.role == "lead"}
        assert set(leads) == {entry.story_id for entry in usable}
        assert len(leads) == sum(entry.role == "lead" for entry in usable)
        for alert in alerts:
            lead = leads.get(alert.story.story_id)
            assert (alert.story.role == "lead") is (alert.story.lead_alert_id == alert.alert_id)
            if lead is not None:
                assert alert.story.lead_alert_id == derive_alert_id(lead.article_id)


@given(write_matches(), st.sampled_from(RULES))
def test_last_that_is_told_of_a_killed_article_is_that_it_was_killed(
    matches: list[Match], rules: DeskRules
) -> None:
    desk = rule_all(matches, rules)
    told = by_article(desk.alerts)
    for name in ARTICLES:
        entry = desk.state.find(name)
        if entry is not None and entry.killed:
            assert (told[name][-1].status, told[name][-1].why) == ("withdrawn", "killed")


@given(write_matches(), st.sampled_from(RULES[:2]))
def test_order_of_articles_that_have_nothing_in_common_does_not_matter(
    matches: list[Match], rules: DeskRules
) -> None:
    unlike = [
        each.model_copy(update={"sketch": sketch(UNLIKE[each.article.id])}) if each.sketch else each
        for each in matches
    ]
    in_turns = sorted(unlike, key=lambda each: each.article.id)
    one, other = (by_article(rule_all(each, rules).alerts) for each in (unlike, in_turns))
    assert one == other
