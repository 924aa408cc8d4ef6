from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stories import load_sketcher
from service import spelling
from service.event_days import find_event_day, find_named_date, foretells
from service.lexicon import Kind, Lexicon
from service.mentions import read_digits
from service.messages import Article
from service.passages import split_passages
from service.sketches import FEATURES_MAX, Sketch, Sketcher, measure_difference, open_sketches
from service.spelling import Remembered
from service.terms import TermIndex
from service.words import list_words, split_words
from tests.factories import SEEDS, article
from tests.plain_sketches import pack_plainly, spell_plainly, split_plainly

SKETCHER = load_sketcher()
# A Wednesday.
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HEAD_BYTES = 6
BYTES_MAX = HEAD_BYTES + 7 * FEATURES_MAX
SEED_TEXTS = [path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("articles/*.txt"))]
RARITIES = {"the": 1.0, "police": 3.0, "killing": 4.5, "kill": 6.0, "mir": 8.0, "kandahar": 7.5}
TERMS = TermIndex({"talks": ["talk*", "sent ... back"], "place": ["Mir Ali"]}, frozenset())
# What is read by what stands beside it, and how it is written.
TURNS = (
    "Mir Ali", "Noor", "nur", "Police", "police", "the", "The", "One", "Twenty", "thirty-one",
    "1,300", "2.5 million", "5", "2024", "9999999999", "१२", "Monday", "killing", "killed", "U.S.",
    "Khan's", "’s", "sent", "back", "talks", ".", "!", ",", " – ", "\n", "\n\n", "&amp;", "<b>",
    "ـ", "5 m\u0131ll\u0131on", "3 thou\u017fand", "2 M\u0130LL\u0130ON",
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(TURNS), max_size=60).map(" ".join),
    st.lists(st.sampled_from(TURNS), max_size=60).map("".join),
)


def sketch(text: str, title: str = "", **changes: object) -> Sketch:
    fields = {"published_at": NOW, **changes}
    return SKETCHER.make_sketch(article(title=title, text=text, **fields), NOW)


@pytest.mark.parametrize("million", ["m\u0131ll\u0131on", "M\u0130LL\u0130ON", "b\u0131llion"])
def test_letters_that_are_i_to_a_pattern_alone_make_no_larger_number(million: str) -> None:
    assert read_digits(f"5 {million} displaced", 0) == 5


def list_hashes(text: str, kind: Kind) -> set[int]:
    features = open_sketches([sketch(text)])
    return set(features.hashes[features.kinds == kind].tolist())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=4000), st.text(max_size=200))
def test_any_text_makes_a_sketch_of_bounded_size_the_same_each_time(text: str, title: str) -> None:
    made = sketch(text or ".", title)
    assert made == sketch(text or ".", title)
    assert len(made) <= BYTES_MAX
    hashes = open_sketches([made]).hashes.tolist()
    assert hashes == sorted(set(hashes))


@given(TEXTS)
def test_words_are_those_that_are_found_one_by_one(text: str) -> None:
    assert split_words(text) == split_plainly(text)


@pytest.mark.parametrize("text", SEED_TEXTS)
def test_words_of_the_seeds_are_those_that_are_found_one_by_one(text: str) -> None:
    assert split_words(text) == split_plainly(text)


def check_sketch(text: str, title: str, terms: TermIndex = TERMS) -> None:
    parts = [title] * bool(title) + [text[start:end] for start, end in split_passages(text)]
    made = Sketcher(RARITIES, terms).make_sketch(
        Article(id="a", title=title, text=text, published_at=NOW), NOW
    )
    assert made[HEAD_BYTES:] == pack_plainly(parts, RARITIES, terms)


@given(TEXTS.filter(str.strip), TEXTS)
def test_sketch_is_what_is_read_mention_by_mention(text: str, title: str) -> None:
    check_sketch(text, title)


@pytest.mark.parametrize("text", SEED_TEXTS)
def test_sketch_of_a_seed_is_what_is_read_mention_by_mention(text: str) -> None:
    # The second has more features than a sketch keeps.
    check_sketch(text, text[:70])
    check_sketch("\n\n".join(SEED_TEXTS), text[:70])


@given(st.text("abehikpqstuvyzr", min_size=1, max_size=12), st.text(min_size=1, max_size=5))
def test_names_are_spelled_as_sounds_are_replaced_one_by_one(written: str, other: str) -> None:
    read_name = Lexicon(RARITIES).read_name
    for each in (written, other):
        assert read_name(each) == read_name(spell_plainly(each) or each)


@pytest.mark.parametrize(
    ("title", "text", "kind", "place"),
    [
        ("", "luboda held talks", Kind.CONCEPT, 2),
        ("luboda", "they held talks", Kind.WORD, 0),
        ("They held talks", "with luboda", Kind.CONCEPT, 2),
    ],
)
def test_of_two_mentions_with_one_hash_the_first_is_kept(
    title: str, text: str, kind: Kind, place: int
) -> None:
    terms = TermIndex({"topic 39387": ["talks"]}, frozenset())
    made = Sketcher({"the": 1.0}, terms).make_sketch(article(title=title, text=text), NOW)
    features = open_sketches([made])
    assert made[HEAD_BYTES:] == pack_plainly([title] * bool(title) + [text], {"the": 1.0}, terms)
    (shared,) = set(list_hashes("luboda", Kind.WORD))
    (at,) = (features.hashes == shared).nonzero()[0].tolist()
    assert (features.kinds[at], features.place[at]) == (kind, place)


@pytest.mark.parametrize("before", ["talks", "luboda", "they"])
def test_concept_of_a_long_report_that_has_the_hash_of_a_word_comes_before_it(before: str) -> None:
    terms = TermIndex({"topic 39387": ["talks"]}, frozenset())
    towns = ", ".join(f"Town{number}" for number in range(2 * FEATURES_MAX))
    check_sketch(f"Of {before}.\n\nIt was luboda talks.\n\n{towns} fell.", "They met", terms)


def test_words_are_remembered_until_there_are_too_many_and_long_ones_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spelling, "_REMEMBERED_MAX", 3)
    asked: list[str] = []

    def tell(word: str) -> int:
        asked.append(word)
        return len(word)

    remembered = Remembered(tell)
    said = ["a", "bb", "a", "x" * 65, "x" * 65, "ccc", "bb", "d", "a"]
    assert [remembered[word] for word in said] == [len(word) for word in said]
    assert asked == ["a", "bb", "x" * 65, "x" * 65, "ccc", "d", "a"]
    assert len(remembered) == 2


@pytest.mark.parametrize("end", [" to a", "\u0301\u0323", "Mir Ali "])
def test_of_a_title_without_end_the_beginning_is_read(end: str) -> None:
    title = "Talks at Torkham " + end * (400_000 // len(end))
    sketches = [
        SKETCHER.make_sketch(article(title=each, text="They met."), NOW)
        for each in (title, title[:800])
    ]
    assert sketches[0] == sketches[1]


def test_long_text_keeps_its_lead() -> None:
    background = "\n\n".join(
        f"Paragraph of Name{number} and Place{number}." for number in range(300)
    )
    features = open_sketches([sketch(f"Torkham was shut.\n\n{background}", "Guns at Torkham")])
    assert len(features.hashes) == FEATURES_MAX
    assert (
        features.in_headline.sum() == open_sketches([sketch("", "Guns at Torkham")]).in_lead.sum()
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Clashes in Mir Ali went on", "Clashes in Mirali went on"),
        ("Police met Noor Jan", "Police met Nur Jan"),
        ("They came from Qandahar then", "They came from Kandahar then"),
    ],
)
def test_spellings_of_a_name_are_one_name(one: str, other: str) -> None:
    assert list_hashes(one, Kind.NAME) & list_hashes(other, Kind.NAME)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("some 143,000 Afghans", 143_000),
        ("about 1.5 million people", 1_500_000),
        ("Fourteen people", 14),
        ("thirty-one men", 31),
        ("all 28 offenders", 28),
    ],
)
def test_number_is_read_however_it_is_written(text: str, number: int) -> None:
    assert number in list_hashes(text, Kind.NUMBER)


@pytest.mark.parametrize(
    ("text", "number"),
    [("some 143,000 Afghans", 143_000), ("all thirty, one by one", 30), ("1.5 million", 1_500_000)],
)
def test_number_is_read_once_and_to_its_end(text: str, number: int) -> None:
    assert list_hashes(text, Kind.NUMBER) == {number}


@pytest.mark.parametrize("text", ["in 2024 they left", "on 15 of these", "1 man"])
def test_years_are_no_numbers(text: str) -> None:
    assert list_hashes(text, Kind.NUMBER) <= {15}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on Monday", "2026-03-02"),
        ("on Wednesday", "2026-03-04"),
        ("yesterday", "2026-03-03"),
        ("on March 1", "2026-03-01"),
        ("on 28 February", "2026-02-28"),
        ("by 30 June, they said on Tuesday", "2026-03-03"),
        ("since March 2021", None),
        ("he may go, 12 say", None),
        ("on 31 April", None),
    ],
)
def test_day_of_the_event_is_one_of_the_week_before(text: str, day: str | None) -> None:
    found = find_event_day([list_words(text)], NOW.date())
    assert (found.isoformat() if found else None) == day


def test_weekday_of_an_undated_report_is_no_date_but_a_named_day_is() -> None:
    assert find_named_date([list_words("He left on Monday.")], NOW.date()) is None
    found = find_named_date([list_words("He left on Monday, January 3.")], NOW.date())
    assert found is not None
    assert found.isoformat() == "2026-01-03"
    assert open_sketches([sketch("He left on Monday.", published_at=None)]).heads[0].day == 0
    assert open_sketches([sketch("He left on Monday.")]).heads[0].day > 0


@pytest.mark.parametrize(
    ("parts", "ahead"),
    [
        (["Two sides to hold talks on Wednesday"], True),
        (["Talks near", "The envoys will meet again."], True),
        (["TALKS NEAR", "The envoys W\u0130LL meet again."], True),
        (["Two sides hold talks", "They met to discuss the gate."], False),
        (["Flight to Kabul lands"], False),
        (["They vote. Envoy to visit Kabul"], True),
        (["Envoy to visit Kabul. They vote"], False),
        (["Envoy to visit Kabul. "], False),
        (["Envoy to visit "], False),
        ([" to a" * 200_000 + "."], False),
        ([], False),
    ],
)
def test_lead_says_whether_news_is_still_to_come(parts: list[str], ahead: bool) -> None:  # noqa: FBT001
    assert foretells(parts) is ahead


@pytest.mark.parametrize(
    "text",
    ["طورخم سرحد پیر کو بند کر دی گئی، 900 ٹرک پھنس گئے۔", "तोरखम सीमा सोमवार को बंद, 900 ट्रक फंसे।"],
)
def test_other_scripts_have_words_numbers_and_concepts(text: str) -> None:
    kinds = set(open_sketches([sketch(text)]).kinds.tolist())
    assert {Kind.WORD, Kind.NUMBER} <= kinds
    assert Kind.NAME not in kinds


def test_same_text_has_not_changed() -> None:
    made = sketch("Four soldiers were killed in Mir Ali.")
    assert measure_difference(made, made).text_changed == 0
    assert not measure_difference(made, made).numbers_changed


def test_higher_toll_changes_the_numbers() -> None:
    before = sketch("Some 14 soldiers were killed in Mir Ali.")
    after = sketch("Some 17 soldiers were killed in Mir Ali.")
    difference = measure_difference(before, after)
    assert difference.numbers_changed
    assert 0 < difference.text_changed < 0.5


def test_other_text_has_changed_wholly_and_a_forgotten_one_not_at_all() -> None:
    one, other = sketch("Grapes ripened early."), sketch("Lorries queued at Chaman.")
    assert measure_difference(one, other).text_changed > 0.9
    assert measure_difference(b"", other).text_changed == 0


def test_time_zone_of_publication_does_not_matter() -> None:
    zone = datetime.fromisoformat("2026-03-04T17:00:00+05:00").tzinfo
    told = article(title="", text="Shut on Monday.", published_at=NOW)
    assert SKETCHER.make_sketch(told, NOW) == SKETCHER.make_sketch(told, NOW.astimezone(zone))
    assert NOW - NOW.astimezone(zone) == timedelta()
