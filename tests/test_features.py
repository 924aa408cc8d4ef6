from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service import term_alphabet
from service.features import ConceptFeatures
from service.folded_terms import FoldedTerms
from service.spelling import normalise_word
from service.term_tree import GAP_WORDS
from service.terms import Hit, TermIndex, expand_term
from service.texts_in_words import TextsInWords
from service.words import list_words, split_words
from tests.plain_terms import find_plainly

MEGABYTE = 1_000_000


def find(text: str, *hiding: str, **concepts: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """What is found: the words as they stand in the text, and the concepts they stand for."""
    words = split_words(text)
    return [
        (text[words[hit.first].start : words[hit.last - 1].end], hit.concepts)
        for hit in TermIndex(concepts, frozenset(hiding)).find(words)
    ]


def names_term(text: str, term: str) -> bool:
    return bool(find(text, term=[term]))


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("TALIBAN", "taliban"),
        ("Général", "general"),
        ("Ge\u0301ne\u0301ral", "general"),
        ("Straße", "strasse"),
        ("ﬁnance", "finance"),
        ("x²", "x2"),
        # Arabic, Persian, Urdu and Pashto keyboards.
        ("پاكستان", "پاکستان"),
        ("پاکستاني", "پاکستانی"),
        ("پاکستانى", "پاکستانی"),
        ("أفغانستان", "افغانستان"),
        ("ہرات", "هرات"),
        ("تحریکِ", "تحریک"),
        ("طـالـبـان", "طالبان"),
        ("ننګرهار", "ننگرهار"),
        # Devanagari: the dot falls, vowel signs are letters.
        ("अफ़ग़ानिस्तान", "अफगानिस्तान"),
        ("तालिबान", "तालिबान"),
    ],
)
def test_word_has_one_spelling_in_every_script(written: str, form: str) -> None:
    assert normalise_word(written) == normalise_word(form) == form


def test_vowel_signs_tell_hindi_words_apart() -> None:
    assert normalise_word("दिन") != normalise_word("दान")


@given(st.text(max_size=20))
def test_spelling_brought_to_one_stays_so(text: str) -> None:
    form = normalise_word(text)
    assert normalise_word(form) == form


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tehreek-e-Taliban", ["tehreek", "e", "taliban"]),
        ("Tehreek–e–Taliban", ["tehreek", "e", "taliban"]),
        ("تی\u200cتی\u200cپی", ["تی", "تی", "پی"]),
        ("Pakistan's", ["pakistan"]),
        ("Pakistan’s PAKISTAN'S", ["pakistan", "pakistan"]),
        ("the Talibans'", ["the", "talibans"]),
        ("l'Inde", ["l", "inde"]),
        ("तालिबान ने", ["तालिबान", "ने"]),
        ("1,600-mile", ["1", "600", "mile"]),
        ("😀 … — ", []),
        ("", []),
    ],
)
def test_words_end_at_hyphens_apostrophes_and_half_spaces(text: str, words: list[str]) -> None:
    assert list_words(text) == words


scripts = st.lists(
    st.one_of(
        st.text(max_size=6),
        st.sampled_from(
            ["تحریکِ طالبان", "अफ़ग़ान ", "Torkham’s ", "e\u0301", "\u200c", "۔ ", "U.S. ", "\n", "ﷺ"]
        ),
    )
).map("".join)


@given(scripts)
@hypothesis_settings(max_examples=200)
def test_offsets_give_back_every_word_in_order(text: str) -> None:
    words = split_words(text)
    end = 0
    for word in words:
        assert end <= word.start < word.end <= len(text)
        assert normalise_word(text[word.start : word.end]) == word.form
        end = word.end
    sentences = [word.sentence for word in words]
    assert sentences == sorted(sentences)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rained. It snowed.", [0, 0, 1, 1]),
        ("“It rained.” It snowed.", [0, 0, 1, 1]),
        ("Rain? Snow! Hail… Sun", [0, 1, 2, 3]),
        ("The U.S. envoy", [0, 0, 0, 0]),
        ("J.P. Singh met Mr. Dar", [0] * 6),
        ("Gen. Munir spoke.", [0, 0, 0]),
        ("At 3.5 per cent", [0] * 5),
        ("Headline\nText", [0, 1]),
        ("بارش ہوئی۔ برف", [0, 0, 1]),
        ("बारिश हुई। बर्फ", [0, 0, 1]),
        ("Wait... and see", [0, 1, 1]),
    ],
)
def test_sentences_end_at_marks_of_every_script_and_not_at_initials(
    text: str, sentences: list[int]
) -> None:
    assert [word.sentence for word in split_words(text)] == sentences


@pytest.mark.parametrize(
    ("term", "written"),
    [
        ("ttp", ["ttp"]),
        ("{a,b} c", ["a c", "b c"]),
        ("{a,} c", ["a c", "c"]),
        ("{a,b} {c,d}", ["a c", "a d", "b c", "b d"]),
        ("{a,b}c", ["ac", "bc"]),
        ("{a {x,y},b}", ["a x", "b", "a y", "b"]),
    ],
)
def test_alternatives_are_written_out(term: str, written: list[str]) -> None:
    assert expand_term(term) == written


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("durand line", "The DURAND LINE again", True),
        ("durand line", "The Durand-Line's end", True),
        ("durand line", "Durand drew a line", False),
        ("durand line", "Durand, line by line", False),
        ("durand line", "It was Durand. Line up", False),
        ("durand line", "Durand\nline", False),
        ("durand line", "Durand's line", True),
        ("durand line", "Durand - line", False),
        ("expel*", "They were expelled", True),
        ("expel*", "expel", True),
        ("expel*", "They spelled it", False),
        ("cross border strike*", "Cross-border strikes", True),
        ("sent ... back", "sent back", True),
        ("sent ... back", "sent " + "on " * GAP_WORDS + "back", True),
        ("sent ... back", "sent " + "on " * (GAP_WORDS + 1) + "back", False),
        ("sent ... back", "sent, in a hurry, back", True),
        ("sent ... back", "They were sent. The back row", False),
        ("{tehrik,tehreek} {e,i,} taliban", "Tehreek Taliban", True),
        ("{tehrik,tehreek} {e,i,} taliban", "Tehrik-i-Taliban", True),
        ("تی تی پی", "تی\u200cتی\u200cپی نے", True),
        ("تحریک طالبان", "تحریکِ طالبان پاکستان", True),
        ("पाकिस्तानी तालिबान", "पाकिस्तानी तालिबान ने", True),
        ("afghan*", "अफगान", False),
    ],
)
def test_term_is_found_as_its_syntax_says(term: str, text: str, found: bool) -> None:  # noqa: FBT001
    assert names_term(text, term) is found


def test_hit_names_every_concept_of_its_words_and_its_place() -> None:
    assert find("Near Torkham gate today", place=["torkham"], gate=["torkham gate", "gate"]) == [
        ("Torkham", ("place",)),
        ("Torkham gate", ("gate",)),
        ("gate", ("gate",)),
    ]
    assert find("Torkham", place=["torkham"], crossing=["torkham"]) == [
        ("Torkham", ("crossing", "place"))
    ]


def test_hiding_term_hides_what_is_inside_it_and_nothing_beside_it() -> None:
    concepts = {"hound": ["afghan hound show"], "afghan": ["afghan"], "show": ["hound show in"]}
    text = "An Afghan saw the Afghan hound show in Kabul"
    assert find(text, **concepts) == [
        ("Afghan", ("afghan",)),
        ("Afghan", ("afghan",)),
        ("Afghan hound show", ("hound",)),
        ("hound show in", ("show",)),
    ]
    assert find(text, "hound", **concepts) == [
        ("Afghan", ("afghan",)),
        ("Afghan hound show", ("hound",)),
        ("hound show in", ("show",)),
    ]


def test_hiding_term_hides_shorter_ones_that_begin_or_end_with_it_and_never_itself() -> None:
    concepts = {"hides": ["a b c", "b c", "c"], "seen": ["a b c", "a", "c d"]}
    assert find("a b c d", "hides", **concepts) == [
        ("a b c", ("hides", "seen")),
        ("c d", ("seen",)),
    ]


PARTS = st.sampled_from(["a", "b", "c", "a*", "b-a*", "ab*", "abc", "abc*", "{a,ab} c", "d"])
TERMS = st.lists(st.tuples(PARTS, st.sampled_from([" ", " ... "])), min_size=1, max_size=4).map(
    lambda pairs: pairs[0][0] + "".join(f"{before}{part}" for part, before in pairs[1:])
)
SAID = st.lists(
    st.sampled_from(["a", "b", "c", "ab", "abc", "abcd", "d", ",", ".", "'s", "\n"]), max_size=30
)


@given(st.dictionaries(st.sampled_from("xyz"), st.lists(TERMS, max_size=5), min_size=1), SAID)
@example({"y": ["a b ... c"]}, ["a", "b", "d", "c"])
@example({"y": ["a b ... c", "a ... b c"]}, ["a", ",", "b", "d", "c", "a", "d", "b", ",", "c"])
@hypothesis_settings(max_examples=600, deadline=None)
def test_terms_are_those_that_are_found_one_by_one(
    concepts: dict[str, list[str]], said: list[str]
) -> None:
    text = " ".join(said)
    words = split_words(text)
    index = TermIndex(concepts, frozenset("x"))
    expected = find_plainly(concepts, "x", words)
    assert index.find(words) == expected
    folded = FoldedTerms(index)
    symbols = np.array([folded.spell(word.form) for word in words], np.int64)
    # What was met before is known.
    for _ in range(2):
        found = folded.find(symbols, TextsInWords([text]).bounds)
        assert folded.list_hits(found) == expected


def test_stem_may_have_any_length() -> None:
    concepts = {"x": ["jaish-e*", "w*", "a" * 70 + "*"]}
    words = split_words(f"Jaish e Mohammed, {'a' * 71} won")
    assert TermIndex(concepts, frozenset()).find(words) == [
        Hit(("x",), 0, 2), Hit(("x",), 3, 4), Hit(("x",), 4, 5)
    ]  # fmt: skip


def test_pairs_of_words_that_lead_on_are_forgotten_when_they_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(term_alphabet, "_REMEMBERED_MAX", 2)
    index = TermIndex({"x": ["a b c", "b c", "c a"]}, frozenset())
    alphabet = index.alphabet
    for first, second in product(range(len(alphabet.symbols)), repeat=2):
        once = alphabet.judge_pair(first, second)
        assert alphabet.judge_pair(first, second) == once
        assert len(alphabet._pairs) <= 2  # noqa: SLF001, what it keeps


RULES: list[dict[str, Any]] = [
    {"name": "closed", "label": "border", "all": ["gate", "shut"], "none": ["sport"]},
    {"name": "near", "label": "border", "all": ["gate", "shut"], "within": "passage", "hint": True},
    {"name": "by name", "label": "ttp", "all": ["ttp"]},
]
FEATURES = ConceptFeatures(
    concepts={"gate": ["torkham"], "shut": ["shut"], "sport": ["cricket"], "ttp": ["ttp"]},
    conjunctions=RULES,
    claim_weight=2.0,
    concept_weight=0.5,
).fit([])
NAMED = {"concept:gate": 0.5, "concept:shut": 0.5}


@pytest.mark.parametrize(
    ("passage", "described"),
    [
        ("It rained.", {}),
        ("The TTP.", {"concept:ttp": 0.5, "conjunction:by name": 1, "claim:ttp": 2}),
        ("Torkham. Shut.", {**NAMED, "conjunction:near": 1}),
        (
            "Torkham was shut.",
            {**NAMED, "conjunction:closed": 1, "conjunction:near": 1, "claim:border": 2},
        ),
        (
            "Torkham was shut for cricket.",
            {**NAMED, "concept:sport": 0.5, "conjunction:near": 1},
        ),
        (
            "Torkham was shut. Cricket was on.",
            {
                **NAMED,
                "concept:sport": 0.5,
                "conjunction:closed": 1,
                "conjunction:near": 1,
                "claim:border": 2,
            },
        ),
    ],
)
def test_passage_has_its_concepts_conjunctions_and_claims(
    passage: str, described: dict[str, float]
) -> None:
    assert FEATURES.describe(passage) == described
    row = FEATURES.transform([passage]).toarray()[0]
    names = FEATURES.get_feature_names_out()
    assert {str(names[at]): row[at] for at in np.flatnonzero(row)} == described


def test_there_is_a_row_for_every_passage() -> None:
    rows = FEATURES.transform(["", "TTP", "Torkham", ""])
    assert rows.shape == (4, len(FEATURES.get_feature_names_out()))
    assert np.diff(rows.indptr).tolist() == [0, 3, 1, 0]
    assert FEATURES.transform([]).shape[0] == 0


@pytest.mark.parametrize("piece", [".", "…!", '."', "a", "\u0301", " - ", "durand line "])
def test_megabyte_without_end_is_read_to_its_end(piece: str) -> None:
    # What grows with the square of the length would take hours here, not a second.
    text = piece * (MEGABYTE // len(piece))
    concepts = {"line": ["line", "a*"], "durand": ["durand line", "sent ... back"]}
    words = split_words.__wrapped__(text)
    TermIndex(concepts, frozenset({"durand"})).find(words)
