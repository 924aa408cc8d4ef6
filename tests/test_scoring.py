"""The serving path says what the fitted scikit-learn pipeline says, to the last bits."""

import json
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline

from service import folded_concepts, folded_terms, folded_words, known_words, word_shapes
from service.article_files import read_articles
from service.folded_words import UNKNOWN, FoldedWords
from service.formats import parse_article
from service.markup import mask_markup
from service.model_file import ModelError
from service.pipeline_file import load_pipeline
from service.scoring import FoldedPipeline
from service.seeds import read_seeds
from service.settings import CHECKOUT
from service.terms import expand_term
from service.texts_in_words import TextsInWords
from service.training import train_model
from service.word_bounds import SEPARATOR, SearchedBounds, WordBounds
from service.word_shapes import has_shape, shape_words
from service.words import Word, list_words, split_words
from tests.factories import MODELS, SEEDS, article, load_classifier

DATA = Path(__file__).parent / "data"
DESKS = ["four labels", "one label"]
# What differs is the order of a sum, if anything; the bar is 1e-6, what is published 1e-6 too.
TOLERANCE = 1e-12


@cache
def load_desk(name: str) -> tuple[Pipeline, FoldedPipeline]:
    """A pipeline as it is used (loaded from a file, or just trained), and folded."""
    if name == "one label":
        pipeline = train_model(read_seeds(DATA / "polio")).pipeline
    else:
        pipeline, _ = load_pipeline(MODELS)
    return pipeline, FoldedPipeline(pipeline)


def predict(pipeline: Pipeline, passages: Sequence[str]) -> np.ndarray:
    # Of a single label scikit-learn gives the probability that it does not hold, too.
    return np.asarray(pipeline.predict_proba(passages)[:, -len(pipeline[-1].estimators_) :])


def list_texts() -> list[str]:
    seeds = read_seeds(SEEDS)
    demo = map(parse_article, read_articles(CHECKOUT / "service" / "demo_articles.jsonl"))
    traps = (DATA / "traps.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        *seeds.articles.values(),
        *(text.text for text in seeds.texts),
        *(part for each in demo for part in (each.title, each.text) if part),
        *(json.loads(line)["text"] for line in traps),
    ]


def list_terms() -> list[str]:
    concepts = dict(load_desk("four labels")[0][0].transformer_list)["concepts"].concepts
    written = {each for terms in concepts.values() for term in terms for each in expand_term(term)}
    return sorted(term.replace("*", "").replace("...", "on") for term in written)


SEPARATORS = [
    "", " ", " ", "  ", "-", " - ", ", ", ". ", ".", "! ", '." ', "\n", "\n\n", "'s ", "’S ",
    "\u02bcs ", " Mr. ", " U.S. ", "۔ ", "।", "\u200c", "\u0301", "ـ", " ـ ", "'s\u0301", "'s- ",
    " … ", "\x00",
]  # fmt: skip
ODD = [
    "ﷺ", "ﷺ ﷺ", "\u017f", "'\u017f", "é", "e\u0301", "پاکستان", "कि", "&amp;", "<p>", "</b>",
    "1,300", "_", "\ufffe", "\ufe70", "'š", "\uff76\uff9e", "\u314e\u314f",
]  # fmt: skip
pieces = st.one_of(
    st.sampled_from(list_terms()),
    st.sampled_from(sorted(load_desk("four labels")[0][0].transformer_list[0][1].vocabulary_)),
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
texts = st.lists(st.tuples(pieces, st.sampled_from(SEPARATORS)), max_size=40).map(
    lambda pairs: "".join(part for pair in pairs for part in pair)
)


@pytest.mark.parametrize("desk", DESKS)
def test_probabilities_are_the_pipelines_on_every_text_of_the_repository(desk: str) -> None:
    pipeline, folded = load_desk(desk)
    passages = list_texts()
    log_odds = folded.read(passages).log_odds
    probabilities = 1 / (1 + np.exp(-log_odds))
    assert np.abs(probabilities - predict(pipeline, passages)).max() <= TOLERANCE


@pytest.mark.parametrize("desk", DESKS)
@given(passages=st.lists(texts, min_size=1, max_size=5))
@hypothesis_settings(max_examples=150, deadline=None)
def test_probabilities_are_the_pipelines_on_any_text(desk: str, passages: list[str]) -> None:
    pipeline, folded = load_desk(desk)
    log_odds = folded.read(passages).log_odds
    probabilities = 1 / (1 + np.exp(-log_odds))
    assert np.abs(probabilities - predict(pipeline, passages)).max() <= TOLERANCE


@given(passages=st.lists(texts, min_size=1, max_size=3))
@hypothesis_settings(max_examples=100, deadline=None)
def test_features_are_the_pipelines_column_by_column(passages: list[str]) -> None:
    pipeline, folded = load_desk("four labels")
    expected = pipeline[:-1].transform(passages)
    reading = folded.read(passages)
    for row in range(len(passages)):
        columns, values = reading.list_features(row)
        assert columns.tolist() == expected[[row]].indices.tolist()
        assert values.tolist() == pytest.approx(expected[[row]].data.tolist(), rel=0, abs=TOLERANCE)


@given(passages=st.lists(texts, min_size=1, max_size=3))
@hypothesis_settings(max_examples=100, deadline=None)
def test_terms_found_are_those_of_a_walk_over_all_words(passages: list[str]) -> None:
    pipeline, folded = load_desk("four labels")
    index = dict(pipeline[0].transformer_list)["concepts"].build_index()
    reading = folded.read(passages)
    for row, text in enumerate(passages):
        words = split_words(text)
        assert reading.quote_terms(row) == [
            (hit.concepts, text[words[hit.first].start : words[hit.last - 1].end])
            for hit in index.find(words)
        ]


WRITTEN_OTHERWISE = [
    "snake_case and _private_ names, __init__ and 's_ and _'s",
    "“The minister’s” car – it’S\u00a0said… – ‘Torkham’",
    "He’s said café and naïve, Łódź, İzmir, Straße, ½ and ² and \u02bcs and \u017f'\u017f",
    "'s's's 's' x's",
    "Она’s сказала: «Торхам». Σίσυφος ΣΑΣ",
    "تحریک طالبان پاکستان کے ترجمان۔ ٣ كتاب، یہ‌ بھی",
    "중국 \u1112\u1161 한국",
]


@given(st.lists(texts, min_size=1, max_size=3))
@example(WRITTEN_OTHERWISE)
@example(["A. Smith said.", "Mr. Dar", "J. Doe"])
@example(["He said", "'s end", "_x"])
@hypothesis_settings(max_examples=200, deadline=None)
def test_words_and_what_lies_between_them_are_the_same_without_their_places(
    passages: list[str],
) -> None:
    cut = TextsInWords(passages)
    words = [word for text in passages for word in split_words(text)]
    forms = [word.form for word in words]
    assert cut.spell(np.arange(len(words))) == forms
    assert cut.lengths.sum() == len(words)
    assert [form for text in passages for form in list_words(text)] == forms
    masked = [mask_markup(text) for text in passages]
    searched = SearchedBounds(passages, SEPARATOR.join(masked), len(words))
    starts = [*accumulate((len(split_words(text)) for text in passages), initial=0)]
    for row, (start, end) in enumerate(pairwise(starts)):
        for bounds in (cut.bounds, searched):
            check_bounds(bounds, words, start, end)
        for at in range(start, end):
            quoted = passages[row][words[at].start : words[at].end]
            assert cut.quote(row, at, at + 1) == quoted


def check_bounds(bounds: WordBounds, words: Sequence[Word], start: int, end: int) -> None:
    if start < end:
        changes = [
            at for at in range(start + 1, end) if words[at].sentence != words[at - 1].sentence
        ]
        assert bounds.find_sentences(start, end) == [start, *changes]
    for at in range(start, end):
        if at > 0:
            assert bounds.is_joined(at) == words[at].joined
        for first in range(max(0, at - 6), at):
            together = first >= start and words[first].sentence == words[at].sentence
            assert bounds.is_one_sentence(first, at) == together


@given(texts)
@example("\u13a0 and \u13f8")
@example("ß")
@hypothesis_settings(max_examples=200, deadline=None)
def test_words_written_where_they_stand_are_those_found_by_patterns(text: str) -> None:
    masked = mask_markup(text)
    shape = shape_words(masked)
    assert has_shape(masked) == (shape is not None)
    if shape is not None:
        assert len(shape) == len(masked)
        assert shape.split() == [word.form for word in split_words(text)]


@given(texts)
@hypothesis_settings(max_examples=50, deadline=None)
def test_words_are_counted_and_those_that_the_vocabulary_lacks(text: str) -> None:
    pipeline, folded = load_desk("four labels")
    vocabulary = dict(pipeline[0].transformer_list)["words"].vocabulary_
    reading = folded.read([text, "zyxwvu"])
    words = list_words(text)
    assert reading.words.tolist() == [len(words), 1]
    assert reading.unknown_words.tolist() == [sum(each not in vocabulary for each in words), 1]


def test_article_is_labelled_with_how_many_words_it_has_and_how_many_are_unknown() -> None:
    labelling = load_classifier().label_article(article(title="", text="Zyxwvu and the border"))
    assert (labelling.words, labelling.unknown_words) == (4, 1)
    empty = load_classifier().label_article(article(title="", text="Photo: Reuters"))
    assert (empty.words, empty.unknown_words) == (0, 0)


def test_word_that_is_several_written_out_is_weighed_as_the_vectorizer_does() -> None:
    # The ligature is one word of four, with blanks; its pairs have four and more.
    vectorizer = TfidfVectorizer(
        tokenizer=list_words,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 2),
        sublinear_tf=True,
    ).fit(["said ﷺ to them", "to them ﷺ ﷺ", "صلى الله عليه وسلم", "said to them"])
    folded = FoldedWords(vectorizer, 2.0)
    for text in ("said ﷺ to", "ﷺ ﷺ", "صلى الله عليه وسلم ﷺ", "them said"):
        expected = vectorizer.transform([text])
        numbers = np.array([folded.numbers.get(word, UNKNOWN) for word in list_words(text)])
        found = folded.weigh(numbers, np.zeros_like(numbers), 1)
        assert found.columns.tolist() == expected.indices.tolist()
        doubled = (expected.data * 2.0).tolist()
        assert found.values.tolist() == pytest.approx(doubled, rel=0, abs=TOLERANCE)


def test_every_letter_is_written_where_it_stands_as_words_have_it() -> None:
    letters = [chr(code) for code in range(0x80, 0x20000) if chr(code).isalnum()]
    for each in [*letters, "\ufffe", *(chr(0x300 + at) for at in range(0x70))]:
        text = f"b{each}{each}d '{each} {each}_ _{each} 's{each} {each}'s \uac00{each} \u304b{each}"
        shape = shape_words(text)
        if shape is not None:
            assert shape.split() == [word.form for word in split_words.__wrapped__(text)], each


def test_more_letters_than_an_alphabet_has_are_not_written_where_they_stand() -> None:
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 129)))
    assert shape_words(letters[:-1]) == letters[:-1]
    assert has_shape(letters[:-1])
    asked = word_shapes._make_code_page.cache_info().misses  # noqa: SLF001, it would remember them all
    assert shape_words(letters) is None
    assert not has_shape(letters)
    assert shape_words(letters[1:]) is not None
    assert word_shapes._make_code_page.cache_info().misses == asked + 1  # noqa: SLF001, as above


def test_long_runs_of_what_is_between_words_are_gone_over_once() -> None:
    for run in ("_", "'s", "'"):
        assert list_words(run * 200_000 + " end")[-1:] == ["end"]


WORDS = ["border", "ttp", "taliban", "zyxwvu", "x" * 16, "x" * 17, "naïve", "łódź", "сказал"]


@given(st.lists(st.sampled_from([*WORDS, *list_terms()[:300]]), max_size=60))
@hypothesis_settings(max_examples=50, deadline=None)
@pytest.mark.parametrize("at_once", [1, 40])
def test_words_are_known_whatever_was_looked_up_before(at_once: int, said: list[str]) -> None:
    _, folded = load_desk("four labels")
    known = folded._known  # noqa: SLF001, the tables are filled by what was read
    for _ in range(3):
        for start in range(0, len(said), at_once):
            asked = said[start : start + at_once]
            texts = TextsInWords(asked)
            alone = [known._tell(form) for text in asked for form in list_words(text)]  # noqa: SLF001, as above
            assert known.look_up(texts).T.tolist() == [list(each) for each in alone]


def test_words_are_known_though_several_have_one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_words, "_SLOTS_BITS", 2)
    pipeline, _ = load_desk("four labels")
    known = FoldedPipeline(pipeline)._known  # noqa: SLF001, with few slots
    said = [*WORDS, *list_terms()[:40]]
    for asked in (said, said[:3], said + said, said[::-1], said):
        alone = [known._tell(form) for text in asked for form in list_words(text)]  # noqa: SLF001, as above
        assert known.look_up(TextsInWords(asked)).T.tolist() == [list(each) for each in alone]


def test_word_that_comes_a_thousand_times_at_once_takes_one_place() -> None:
    _, folded = load_desk("four labels")
    known = folded._known  # noqa: SLF001, the tables are filled by what was read
    before = known._count  # noqa: SLF001, how full the table is
    for _ in range(3):
        known.look_up(TextsInWords(["zzqxw " * 1000]))
    assert known._count == before + 1  # noqa: SLF001, as above


def test_tables_of_words_are_cleared_when_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_words, "_WORDS_MAX", 20)
    monkeypatch.setattr(known_words, "_OTHERS_MAX", 20)
    pipeline, _ = load_desk("four labels")
    folded = FoldedPipeline(pipeline)
    passages = list_texts()[:60]
    expected = predict(pipeline, passages)
    known = folded._known  # noqa: SLF001, what it keeps
    for row, passage in enumerate(passages):
        probabilities = 1 / (1 + np.exp(-folded.read([passage]).log_odds))
        assert np.abs(probabilities - expected[row]).max() <= TOLERANCE
        most = 20 + len(list_words(passage))
        assert len(known._others) <= most  # noqa: SLF001, as above
        assert known._count <= most  # noqa: SLF001, as above


def test_what_few_slots_hold_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folded_terms, "_SLOTS_BITS", 2)
    pipeline, _ = load_desk("four labels")
    folded = FoldedPipeline(pipeline)
    passages = list_texts()
    expected = predict(pipeline, passages)
    for row, passage in enumerate(passages):
        probabilities = 1 / (1 + np.exp(-folded.read([passage]).log_odds))
        assert np.abs(probabilities - expected[row]).max() <= TOLERANCE


def test_concepts_are_the_same_of_more_passages_than_one_matrix_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, folded = load_desk("four labels")
    expected = folded.read(list_texts()).log_odds
    monkeypatch.setattr(folded_concepts, "_ROWS_MAX", 7)
    assert (folded.read(list_texts()).log_odds == expected).all()


def test_model_without_conjunctions_is_folded_too() -> None:
    pipeline, _ = load_pipeline(MODELS)
    concepts = dict(pipeline[0].transformer_list)["concepts"]
    concepts.set_params(conjunctions=[])
    log_odds = FoldedPipeline(pipeline).read(list_texts()).log_odds
    expected = predict(pipeline, list_texts())
    assert np.abs(1 / (1 + np.exp(-log_odds)) - expected).max() <= TOLERANCE


def test_conjunction_that_asks_for_no_concept_is_refused() -> None:
    pipeline, _ = load_pipeline(MODELS)
    concepts = dict(pipeline[0].transformer_list)["concepts"]
    concepts.set_params(conjunctions=[{**concepts.conjunctions[0], "all": []}])
    with pytest.raises(ModelError, match="asks for no concept"):
        FoldedPipeline(pipeline)


@given(st.sets(st.integers(0, 400), max_size=60), st.lists(st.integers(0, 400), max_size=60))
@hypothesis_settings(max_examples=100, deadline=None)
def test_pairs_are_found_though_several_have_one_slot(keys: set[int], asked: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folded_words, "_SLOTS_BITS", 4)
        columns = {key: 1000 + at for at, key in enumerate(sorted(keys))}
        table = folded_words._PairTable(  # noqa: SLF001, with few slots
            np.array([*columns], np.int64), np.array([*columns.values()], np.int64)
        )
        at, found = table.find(np.array(asked, np.int64))
    assert at.tolist() == [place for place, key in enumerate(asked) if key in keys]
    assert found.tolist() == [columns[key] for key in asked if key in keys]


def test_sorting_is_the_same_where_keys_need_more_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    _, folded = load_desk("four labels")
    expected = folded.read(list_texts()[:80]).log_odds
    monkeypatch.setattr(folded_words, "_NARROW_MAX", 0)
    assert (folded.read(list_texts()[:80]).log_odds == expected).all()


def test_articles_labelled_together_are_labelled_as_alone() -> None:
    classifier = load_classifier()
    articles = [
        article(title=text[:80], text=f"{text}\n\n{other}")
        for text, other in pairwise(
            [*list_texts()[:40], "", "कि तालिबान", "ﷺ", "", "", "It rained.\n\nThen it snowed."]
        )
    ]
    alone = [classifier.label_article(each) for each in articles]
    assert classifier.label_articles(articles) == alone
    assert classifier.label_articles([]) == []


def test_pipeline_fitted_with_settings_that_are_not_folded_is_refused() -> None:
    pipeline, _ = load_pipeline(MODELS)
    pipeline[0].transformer_list[0][1].set_params(norm="l1")
    with pytest.raises(ModelError, match="norm='l1'"):
        FoldedPipeline(pipeline)
