import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stories import FOLDER, load_sketcher
from benchmarks.story_fitting import tell_ms
from benchmarks.story_reports import read_reports
from service import story_index
from service.agreement import (
    SHARED,
    Agreement,
    bound_agreements,
    bound_by_heads,
    find_agreements,
)
from service.demo import read_seed_articles
from service.likelihood import Likelihood, Weights, contradicts
from service.messages import Article
from service.sketches import Sketch, open_heads
from service.story_index import StoryIndex
from service.weighed import Weighed, find_shared
from tests.factories import SEEDS, article
from tests.plain_agreement import agree_plainly

SKETCHER = load_sketcher()
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR_MS = 3_600_000
REPORTS = read_reports(FOLDER / "tuning.jsonl")[:40]
SKETCHES = {
    each.id: SKETCHER.make_sketch(each.make_article(), each.published_at) for each in REPORTS
}
# Whole, their first features alone, a head alone, nothing.
CUT = [made[: 6 + 7 * each] for made in [*SKETCHES.values()][:6] for each in (0, 1, 20, 160)] + [
    b""
]
BOMB = "Four soldiers were killed when a bomber struck the Khadi post in Mir Ali, police said."
RETOLD = "A bomb at Khadi in Mirali killed four troops. Police said more than 140 men search."
GATE = "Pakistan shut the Torkham gate after gunfire, leaving 900 trucks stranded."


def sketch(text: str, title: str = "", **changes: object) -> Sketch:
    fields = {"published_at": NOW, **changes}
    return SKETCHER.make_sketch(article(title=title, text=text, **fields), NOW)


def fill(*texts: str) -> StoryIndex:
    index = StoryIndex(Likelihood.load())
    for number, text in enumerate(texts):
        index.add(str(number), sketch(text), 0)
    return index


def test_report_in_other_words_is_found_and_another_event_is_not() -> None:
    found = fill(BOMB, GATE).find_alike(sketch(RETOLD), HOUR_MS)
    assert [article_id for _, article_id in found] == ["0"]


def test_likeliest_comes_first_and_has_the_probability_that_is_measured() -> None:
    index = fill(BOMB, RETOLD, GATE)
    found = index.find_alike(sketch(BOMB), 0)
    assert [article_id for _, article_id in found] == ["0", "1"]
    for probability, article_id in found:
        assert probability == index.measure(sketch(BOMB), 0, article_id)


def test_same_words_days_later_are_other_news() -> None:
    index = fill(BOMB)
    assert index.measure(sketch(BOMB), 0, "0") > index.measure(sketch(RETOLD), 70 * HOUR_MS, "0")
    assert index.find_alike(sketch(RETOLD), 70 * HOUR_MS) == []


def test_other_names_make_the_same_news_less_likely() -> None:
    index = fill(BOMB)
    elsewhere = BOMB.replace("Mir Ali", "Wana").replace("Khadi", "Karikot")
    assert index.measure(sketch(elsewhere), 0, "0") < index.measure(sketch(BOMB), 0, "0") / 2


def test_what_is_discarded_is_not_found() -> None:
    index = fill(BOMB, GATE)
    index.discard("0")
    index.discard("never there")
    assert index.find_alike(sketch(BOMB), 0) == []
    assert index.measure(sketch(BOMB), 0, "0") == 0
    assert len(index) == 1


def test_newer_version_takes_the_place_of_the_older() -> None:
    index = fill(BOMB)
    index.add("0", sketch(GATE), 0)
    assert len(index) == 1
    assert index.find_alike(sketch(BOMB), 0) == []
    assert index.find_alike(sketch(GATE), 0)


def test_what_went_and_came_again_is_found_as_if_it_had_stayed() -> None:
    index = fill(*[BOMB] * 9)
    found = index.find_alike(sketch(RETOLD), 0)
    for number in range(9):
        index.discard(str(number))
    for number in range(9):
        index.add(str(number), sketch(BOMB), 0)
    assert index.find_alike(sketch(RETOLD), 0) == found


def test_sketch_of_nothing_is_like_nothing() -> None:
    index = fill(BOMB)
    index.add("empty", b"", 0)
    assert index.find_alike(b"", 0) == []
    assert {article_id for _, article_id in index.find_alike(sketch(BOMB), 0)} == {"0"}


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(REPORTS))), st.integers(0, len(REPORTS) - 1))
def test_order_in_which_reports_came_does_not_matter(order: list[int], asked: int) -> None:
    found = []
    for numbers in (range(len(REPORTS)), order):
        index = StoryIndex(Likelihood.load())
        # Its place is free for another.
        index.add("gone", SKETCHES[REPORTS[asked].id], 0)
        index.discard("gone")
        for number in numbers:
            index.add(REPORTS[number].id, SKETCHES[REPORTS[number].id], 0)
        found.append(index.find_alike(SKETCHES[REPORTS[asked].id], 0))
    assert found[0] == found[1]
    assert REPORTS[asked].id in {article_id for _, article_id in found[0]}


def test_agreement_is_the_same_whichever_report_comes_first() -> None:
    index = fill(GATE)
    for one, other in combinations(list(SKETCHES.values())[:12], 2):
        weighed = index.weigh([one]), index.weigh([other])
        (forth,), (back,) = (find_agreements(*each, [0.5]) for each in (weighed, weighed[::-1]))
        assert forth == pytest.approx(back)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CUT), st.lists(st.sampled_from(CUT), max_size=9), st.floats(0, 5), st.data())
def test_agreement_with_many_is_that_with_each(
    one: Sketch, others: list[Sketch], days: float, data: st.DataObject
) -> None:
    index = StoryIndex(Likelihood.load())
    for number, known in enumerate(data.draw(st.lists(st.sampled_from(CUT), max_size=9))):
        index.add(str(number), known, 0)
    found = find_agreements(index.weigh([one]), index.weigh(others), [days] * len(others))
    weighed = index.weigh([one])
    assert found == [agree_plainly(weighed, index.weigh([other]), days) for other in others]


@settings(deadline=None)
@given(st.sampled_from(CUT), st.lists(st.sampled_from(CUT), max_size=9), st.floats(0, 5), st.data())
def test_no_agreement_is_beyond_its_bound(
    one: Sketch, others: list[Sketch], days: float, data: st.DataObject
) -> None:
    index = fill(BOMB, GATE)
    weighed, other = index.weigh([one]), index.weigh(others)
    shared = find_shared(weighed.features, other.features)
    # What is not shared may be thought to be frequent.
    less = other.telling * data.draw(st.floats(0, 1))
    less[shared.there] = other.telling[shared.there]
    at_most = bound_agreements(weighed, Weighed(other.features, less), shared)
    most = bound_by_heads(weighed.features.heads[0], open_heads(others), np.full(len(others), days))
    found = find_agreements(weighed, other, [days] * len(others))
    for at, agreement in enumerate(found):
        for number, name in enumerate(Agreement._fields):
            value = getattr(agreement, name)
            if name in SHARED:
                assert value <= at_most[number, at] + 1e-9
                assert value <= most[number, at] + 1e-9
            else:
                assert value == pytest.approx(most[number, at])


@pytest.mark.parametrize("bucket", [None, 0xF])
def test_shortcuts_find_what_comparing_all_would_find(
    bucket: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bucket:
        # Nothing is known of how rare features are.
        monkeypatch.setattr(story_index, "_BUCKET", np.uint32(bucket))
    made = [*mix_sketches(900)]
    likelihood = replace(Likelihood.load(), threshold=0.9)
    quick, whole = StoryIndex(likelihood), StoryIndex(likelihood)
    monkeypatch.setattr(whole, "_is_bounded", False)
    for number, (each, told_ms) in enumerate(made):
        for index in (quick, whole):
            index.add(f"{number % 800}", each, told_ms)
    assert len(quick) == 800
    found = [quick.find_alike(*each) for each in made[::3]]
    monkeypatch.setattr(story_index, "_SAMPLED", 1)
    assert found == [whole.find_alike(*each) for each in made[::3]]
    assert sum(map(len, found)) > 600


def mix_sketches(count: int) -> Iterator[tuple[Sketch, int]]:
    """Make sketches of what some reports say with something that others say, and when."""
    chance = random.Random(count)  # noqa: S311, no secret
    texts = [each.make_article().text.split(". ") for each in REPORTS]
    for _ in range(count):
        one, other = chance.choices(texts, k=2)
        sentences = one[: chance.randint(1, 9)] + chance.choices(other, k=chance.randint(0, 3))
        told_at = NOW - timedelta(hours=chance.choice((0, 1, 5, 30)))
        published_at = told_at if chance.random() < 0.8 else None
        made = sketch(". ".join(sentences), published_at=published_at)
        yield made, round(told_at.timestamp() * 1000)


@pytest.mark.parametrize("rises", [True, False])
def test_nothing_alike_is_left_out_unmeasured(rises: bool) -> None:  # noqa: FBT001
    likelihood = Likelihood.load()
    if not rises:
        # The less of it is said again, the likelier.
        weights = Weights.read({"weights": {"said": -9.0}, "bias": 1.0})
        likelihood = replace(likelihood, dated=weights)
    assert likelihood.rises is rises
    index = StoryIndex(likelihood)
    for report in REPORTS:
        index.add(report.id, SKETCHES[report.id], tell_ms(report))
    for report in REPORTS:
        asked = SKETCHES[report.id], tell_ms(report)
        measured = [(index.measure(*asked, other.id), other.id) for other in REPORTS]
        alike = [each for each in measured if each[0] >= likelihood.threshold]
        found = index.find_alike(*asked)
        assert found == sorted(found, key=lambda each: (-each[0], each[1]))
        assert found
        # What has nothing rare in common is no candidate.
        assert set(found) <= set(alike)
        assert not rises or set(found) == set(alike)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=600), st.text(min_size=1, max_size=600))
def test_any_two_texts_have_a_probability(one: str, other: str) -> None:
    index = fill(one)
    probability = index.measure(sketch(other), 0, "0")
    assert 0 <= probability <= 1
    index.add("1", sketch(other), 0)
    assert index.measure(sketch(one), 0, "1") == index.measure(sketch(other), 0, "0")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{BOMB} It was on March 1.", f"{BOMB} It was on January 3."),
        (
            "Envoys will meet in Doha on the Khadi attack.",
            "Envoys met in Doha on the Khadi attack.",
        ),
    ],
)
def test_undated_reports_that_contradict_each_other_are_never_one_story(
    one: str, other: str
) -> None:
    index = StoryIndex(Likelihood.load())
    sketches = [sketch(text, published_at=None) for text in (one, other)]
    index.add("0", sketches[0], 0)
    (agreement,) = find_agreements(index.weigh(sketches[:1]), index.weigh(sketches[1:]), [0])
    assert contradicts(agreement)
    assert index.measure(sketches[1], 0, "0") == 0
    assert index.measure(sketches[0], 0, "0") > 0.5


def test_seeds_make_the_stories_that_a_person_would_make_in_whatever_order_they_come() -> None:
    reports = {}
    for value in read_seed_articles():
        report = Article.model_validate_json(value)
        told_at = report.published_at or datetime(2026, 1, 1, tzinfo=UTC)
        told_ms = round(told_at.timestamp() * 1000)
        reports[report.id[:3]] = SKETCHER.make_sketch(report, told_at), told_ms
    for order in permutations(reports):
        index = StoryIndex(Likelihood.load())
        joined = {}
        for name in order:
            alike = index.find_alike(*reports[name])
            joined[name] = alike[0][1] if alike else name
            if not alike:
                index.add(name, *reports[name])
        assert joined.pop("000") == joined.pop("001")
        assert joined == {"002": "002", "003": "003", "004": "004"}


def test_seeds_undated_and_in_order_make_the_stories_that_a_person_would_make() -> None:
    came = datetime(2026, 1, 1, tzinfo=UTC)
    index = StoryIndex(Likelihood.load())
    joined: dict[str, str] = {}
    for path in sorted((SEEDS / "articles").glob("*.txt")):
        text = article(title="", text=path.read_text(encoding="utf-8"), published_at=None)
        made = SKETCHER.make_sketch(text, came + timedelta(minutes=len(joined)))
        alike = index.find_alike(made, 0)
        joined[path.stem[:3]] = alike[0][1] if alike else path.stem[:3]
        if not alike:
            index.add(path.stem[:3], made, 0)
    assert joined == {"000": "000", "001": "000", "002": "002", "003": "003", "004": "004"}
