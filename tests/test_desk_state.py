import pytest

from service.desk_state import ENTRIES, HOUR_MS, DeskState, keep_alert, restore_alert, tell_time
from service.stories import DeskRules
from tests.factories import TTP_TITLE, alert
from tests.match_factory import FLOOD, NOW_MS, RAID, RulingDesk, create_state, match


def test_entry_is_read_back_as_it_was_written() -> None:
    desk = RulingDesk(DeskRules(quiet_repeats=frozenset({"ttp"})))
    for name in ("a1", "خبر-😀", "\x00", "a\u2028b"):
        desk.send(name, 2**52 - 1, says=FLOOD)
    assert desk.entries[1].kept
    for entry in desk.entries:
        assert ENTRIES.validate_json(ENTRIES.dump_json(entry)) == entry


def test_alert_that_is_kept_comes_out_as_it_went_in() -> None:
    kept = alert(article=alert().article.model_copy(update={"title": f"{TTP_TITLE} – خبر 😀"}))
    assert restore_alert(keep_alert(kept)).model_dump_json() == kept.model_dump_json()
    assert keep_alert(kept) == keep_alert(kept)


@pytest.mark.parametrize(
    ("published_ms", "told_ms"),
    [
        (None, NOW_MS),
        (NOW_MS - 5, NOW_MS - 5),
        (NOW_MS + 5, NOW_MS),
        (253_402_300_799_000, NOW_MS),
        (-62_135_596_800_000, -62_135_596_800_000),
    ],
)
def test_article_is_told_when_it_says_but_not_in_the_future(
    published_ms: int | None, told_ms: int
) -> None:
    assert tell_time(match(published_ms=published_ms)) == told_ms


def test_article_of_year_1_far_east_is_told_then() -> None:
    article = match().article.model_validate(
        {**match().article.model_dump(), "published_at": "0001-01-01T00:00:00+14:00"}
    )
    assert tell_time(match().model_copy(update={"article": article})) < -62_135_596_800_000


def test_entry_takes_the_place_of_the_last_one() -> None:
    desk = RulingDesk()
    desk.send()
    desk.send(version=2, title="Corrected")
    assert len(desk.state) == 1
    entry = desk.state.find("a1")
    assert entry == desk.entries[-1]
    assert entry is not None
    assert desk.state.find_lead(entry.story_id) is entry
    assert len(desk.state.list_raised(NOW_MS // HOUR_MS, "ttp")) == 1


def test_first_repeat_that_joined_succeeds_whatever_was_remembered_last() -> None:
    desk = RulingDesk()
    for name in ("a1", "a9", "a2"):
        desk.send(name)
    desk.send("a9", 2, title="Corrected")
    lead = desk.state.find("a1")
    assert lead is not None
    successor = desk.state.find_successor(lead.story_id)
    assert successor is not None
    assert successor.article_id == "a9"


def test_old_entries_are_forgotten_though_a_newer_one_was_remembered_before_them() -> None:
    desk = RulingDesk(state=create_state(memory_ms=24 * HOUR_MS))
    desk.send("b1", says=FLOOD, at_ms=NOW_MS + 10 * HOUR_MS)
    desk.send("a1", at_ms=NOW_MS)
    desk.send("c1", says="Nurses strike", at_ms=NOW_MS + 25 * HOUR_MS)
    assert desk.state.find("a1") is None
    assert desk.state.find("b1")
    desk.send("c1", 2, says="Nurses strike", at_ms=NOW_MS + 35 * HOUR_MS)
    assert len(desk.state) == 1


def test_state_holds_nothing_of_what_is_forgotten() -> None:
    desk = RulingDesk(state=create_state(window_ms=HOUR_MS, memory_ms=24 * HOUR_MS))
    for name in ("a1", "a2", "a3"):
        desk.send(name)
    desk.kill("a1")
    desk.wait(25)
    desk.send("b1", says=FLOOD)
    fresh = RulingDesk(state=create_state(window_ms=HOUR_MS, memory_ms=24 * HOUR_MS))
    fresh.state.remember(desk.entries[-1])
    assert list_sizes(desk.state) == list_sizes(fresh.state)


def list_sizes(state: DeskState) -> dict[str, int]:
    return {name: len(part) for name, part in vars(state).items() if hasattr(part, "__len__")}


def test_withdrawn_article_leaves_no_sketch_and_no_alert_behind() -> None:
    desk = RulingDesk()
    desk.send("a1")
    desk.send("a2")
    desk.kill("a1")
    desk.kill("a2")
    for name in ("a1", "a2"):
        entry = desk.state.find(name)
        assert entry is not None
        assert (entry.sketch, entry.kept) == (b"", None)
    assert desk.state.find_story(match("a3", says=RAID)) is None


def test_budget_is_counted_by_hour_and_label() -> None:
    desk = RulingDesk()
    desk.send("a1", labels=("border", "ttp"))
    desk.send("b1", says=FLOOD)
    desk.wait(1)
    desk.send("c1", says="Nurses strike")
    hour = NOW_MS // HOUR_MS
    counts = {
        (label, each): desk.state.count_raised(hour + each, label)
        for label in ("border", "ttp")
        for each in (0, 1)
    }
    assert counts == {("border", 0): 1, ("border", 1): 0, ("ttp", 0): 2, ("ttp", 1): 1}
    assert [each.article_id for each in desk.state.list_raised(hour, "ttp")] == ["a1", "b1"]


def test_time_of_an_article_does_not_go_back_with_its_brokers_clock() -> None:
    desk = RulingDesk()
    desk.send()
    handled_ms = desk.now_ms
    for labels in (("ttp",), (), ("ttp",)):
        desk.send(version=desk.offset + 1, at_ms=NOW_MS - HOUR_MS, labels=labels)
        assert desk.entries[-1].handled_ms == handled_ms
