import json
import random

import pytest

from benchmarks.newsroom import ARTICLE_BYTES, ON_BEAT_ONE_IN, Newsroom, write_message
from benchmarks.tables import Section, hold_at_least, hold_at_most, tell_spread
from service.formats import parse_article
from tests.factories import load_classifier

NEWSROOM = Newsroom(load_classifier())


def test_same_number_is_the_same_article_and_another_number_another() -> None:
    again = Newsroom(load_classifier())
    assert NEWSROOM.write_article(3) == again.write_article(3)
    assert len({NEWSROOM.write_article(number)["text"] for number in range(50)}) == 50


def test_one_in_twenty_is_on_the_beat_and_nowhere_near_the_same_place_of_each_twenty() -> None:
    blocks = [range(start, start + ON_BEAT_ONE_IN) for start in range(0, 2000, ON_BEAT_ONE_IN)]
    places = [[n - block.start for n in block if NEWSROOM.is_on_beat(n)] for block in blocks]
    assert {len(each) for each in places} == {1}
    assert len({place for (place,) in places}) > ON_BEAT_ONE_IN / 2
    assert all(map(Newsroom(load_classifier(), on_beat_one_in=1).is_on_beat, range(9)))


def test_model_finds_labels_in_those_on_the_beat_alone() -> None:
    classifier = load_classifier()
    for number in range(100):
        article = parse_article(write_message(NEWSROOM.write_article(number))[1])
        assert bool(classifier.label_article(article).alerts) == NEWSROOM.is_on_beat(number), number


def test_articles_are_as_long_as_is_said() -> None:
    sizes = [len(write_message(NEWSROOM.write_article(number))[1]) for number in range(40)]
    assert abs(sum(sizes) / len(sizes) - ARTICLE_BYTES) < 300
    key, value = write_message(NEWSROOM.write_article(7))
    assert json.loads(value)["id"].encode() == key


def test_dated_articles_are_the_same_but_may_be_later_versions() -> None:
    first, dated = NEWSROOM.write_article(7), NEWSROOM.write_dated_article(7)
    assert dated.items() - first.items() == {("updated_at", first["published_at"])}
    versions = [parse_article(write_message(each)[1]).version for each in (first, dated)]
    assert versions[0] == 1 < versions[1]


def test_paragraphs_tell_their_labels() -> None:
    newsroom = Newsroom(load_classifier(), on_beat_one_in=1)
    first, second, *others = newsroom.write_paragraphs(1, random.Random(1))  # noqa: S311, no secret
    assert first.labels
    assert second.labels
    assert not any(each.labels for each in others)


@pytest.mark.parametrize(
    ("numbers", "told"), [([2.0], "2"), ([1000.0, 3000.0, 2500.0], "2,500 (1,000-3,000)")]
)
def test_spread_is_the_median_between_the_least_and_the_most(
    numbers: list[float], told: str
) -> None:
    assert tell_spread(numbers) == told


def test_bars_hold_from_their_bounds_on() -> None:
    assert hold_at_least("ratio", 1.6, 1.6).holds
    assert not hold_at_least("ratio", 1.59, 1.6).holds
    assert hold_at_most("MB", 250, 250).holds
    assert not hold_at_most("MB", 250.1, 250).holds
    assert not hold_at_most("delay", float("inf"), 250).holds


def test_section_is_a_table_under_its_title() -> None:
    section = Section("Title", "Text.", ["a", "b"], [["1", "2"]])
    assert section.write() == "## Title\n\nText.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
