from datetime import UTC, datetime, timedelta

import pytest

from service.alerts import derive_alert_id
from service.budgets import write_digest
from service.desk_state import HOUR_MS
from service.digests import LEADS_MAX, Digest
from service.stories import DeskRules
from tests.match_factory import FLOOD, NOW_MS, RulingDesk

HOUR = NOW_MS // HOUR_MS


def over_budget(budget: int = 0, **budgets: int) -> RulingDesk:
    return RulingDesk(DeskRules(alerts_per_hour={"ttp": budget, **budgets}))


def find_digest(desk: RulingDesk, hour: int = HOUR, label: str = "ttp") -> Digest | None:
    budget = desk.rules.alerts_per_hour[label]
    return write_digest(desk.state, label, label.title(), hour, budget)


def digest_of(desk: RulingDesk, label: str = "ttp") -> Digest:
    found = find_digest(desk, label=label)
    assert found is not None
    return found


def name_leads(digest: Digest) -> list[str]:
    return [lead.article.id for lead in digest.leads]


def test_nothing_over_budget_has_no_digest() -> None:
    desk = over_budget(1)
    desk.send("a1")
    assert find_digest(desk) is None


def test_digest_counts_what_went_over_budget_and_names_the_newest_first() -> None:
    desk = over_budget(1)
    desk.send("a1", says="Alpha raid")
    desk.send("a2", says="Bravo siege", title="Siege")
    desk.send("a3", says="Charlie riot")
    desk.send("a4", says="Charlie riot")
    digest = digest_of(desk)
    assert (digest.count, digest.revision, digest.alerts_per_hour) == (2, 2, 1)
    # A repeat is no alert that was raised.
    assert name_leads(digest) == ["a3", "a2"]
    assert digest.leads[1].article.title == "Siege"
    assert digest.leads[0].alert_id == derive_alert_id("a3")
    assert digest.leads[0].probability == 0.98
    assert digest.since == datetime.fromtimestamp(HOUR * 3600, UTC)
    assert digest.until - digest.since == timedelta(hours=1)
    assert digest.digested_at == datetime.fromtimestamp((NOW_MS + 3000) / 1000, UTC)
    assert find_digest(desk, HOUR + 1) is None


def test_article_with_two_labels_is_in_the_digests_of_both() -> None:
    desk = over_budget(0, border=0)
    desk.send("a1", labels=("border", "ttp"))
    assert name_leads(digest_of(desk)) == name_leads(digest_of(desk, "border")) == ["a1"]
    assert digest_of(desk).digest_id != digest_of(desk, "border").digest_id


@pytest.mark.parametrize("kill", [True, False])
def test_what_is_withdrawn_is_counted_but_not_named_any_more(kill: bool) -> None:  # noqa: FBT001
    desk = over_budget()
    desk.send("a1")
    desk.send("b1", says=FLOOD)
    before = digest_of(desk)
    if kill:
        desk.kill("a1")
    else:
        desk.send("a1", 2, labels=())
    after = digest_of(desk)
    assert name_leads(after) == ["b1"]
    assert (after.count, after.digest_id) == (before.count, before.digest_id)
    assert after.revision > before.revision


def test_digest_says_what_an_article_says_now() -> None:
    desk = over_budget()
    desk.send("a1")
    before = digest_of(desk)
    assert desk.send("a1", 2, title="Corrected").alerts == ()
    after = digest_of(desk)
    assert after.leads[0].article.title == "Corrected"
    assert after.revision > before.revision


def test_revision_of_a_digest_rises_whenever_it_changes_and_only_then() -> None:
    desk = over_budget(0, border=0)
    told: dict[str, dict[int, Digest]] = {"ttp": {}, "border": {}}
    steps = [
        ("a1", 1, ("ttp",)),
        ("b1", 1, ("border", "ttp")),
        ("a1", 1, ("ttp",)),
        ("a1", 2, ()),
        ("a1", 3, ("ttp",)),
        ("a1", 4, ()),
        ("b1", 2, ("ttp",)),
        ("b1", 3, ("india_ties",)),
        ("b1", None, "kill"),
        ("b1", 4, ("ttp",)),
        ("c1", 1, ("border",)),
    ]
    revisions: dict[str, list[int]] = {"ttp": [], "border": []}
    says = {"a1": "Alpha raid", "b1": "Bravo siege", "c1": "Charlie riot"}
    for name, version, labels in steps:
        if labels == "kill":
            desk.kill(name)
        else:
            desk.send(name, version, labels=labels, says=says[name])
        for label, digests in told.items():
            digest = find_digest(desk, label=label)
            if digest is not None:
                assert digests.setdefault(digest.revision, digest) == digest
                revisions[label].append(digest.revision)
    for each in revisions.values():
        assert each == sorted(each)
    assert len(told["ttp"]) > 4


def test_digest_names_no_more_than_people_read() -> None:
    desk = over_budget()
    count = LEADS_MAX + 3
    for position in range(count):
        desk.send(f"a{position:02}", says=f"{100 + position}")
    digest = digest_of(desk)
    assert digest.count == count
    assert name_leads(digest) == [f"a{each:02}" for each in reversed(range(3, count))]
