from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stories import FOLDER, load_sketcher
from benchmarks.story_reports import read_reports
from service.agreement import Likelihood, contradicts, find_agreement
from service.demo import read_seed_articles
from service.messages import Article
from service.sketches import Sketch
from service.story_index import StoryIndex
from tests.factories import SEEDS, article

SKETCHER = load_sketcher()
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR_MS = 3_600_000
REPORTS = read_reports(FOLDER / "tuning.jsonl")[:40]
SKETCHES = {
    each.id: SKETCHER.make_sketch(each.make_article(), each.published_at) for each in REPORTS
}
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
        weighed = index.weigh(one), index.weigh(other)
        assert find_agreement(*weighed, 0.5) == pytest.approx(find_agreement(*weighed[::-1], 0.5))


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
    assert contradicts(find_agreement(index.weigh(sketches[0]), index.weigh(sketches[1]), 0))
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
