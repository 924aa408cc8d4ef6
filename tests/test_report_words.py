from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.passages import split_passages
from service.pipeline_file import load_pipeline
from service.report_terms import ReportTerms
from service.report_words import ReportWords
from service.terms import TermIndex
from service.word_bounds import SEPARATOR
from service.word_shapes import shape_words
from tests.factories import MODELS, SEEDS
from tests.plain_sketches import split_plainly

MEGABYTE = 1_000_000
SEED_TEXTS = [path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("articles/*.txt"))]
SEED_PARTS = [[text[start:end] for start, end in split_passages(text)] for text in SEED_TEXTS]
TERMS = TermIndex(
    {
        "talks": ["talk*", "peace talk*", "sent ... back"],
        "place": ["Mir Ali", "Ali"],
        "breed": ["ali talk*"],
    },
    frozenset({"breed"}),
)
# With and without a spelling of the same length, and whatever ends a sentence or keeps a term from
# running on.
PIECES = (
    "Mir", "Ali", "ali", "MIR ALI", "peace", "talks", "Talking", "sent", "him", "back", "Khan's",
    "’s", "\u02bcs", "'S", "_x", "U.S.", "Dr.", "1,300", "é", "É", "Ж", "ß", "ﷺ", "ـ", "कि",
    "پاکستان", "Ⅷ", "ǅ", "\u0301", "\ud800", "&Eacute;", "&amp;", "<b>", "<p>", "<!--", "-->",
    ".", "!", "۔", ",", "-", " – ", "“", "”", "\n", "\x00", "\u200c", "",
)  # fmt: skip
parts_of_reports = st.lists(
    st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join),
        st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
        st.text(max_size=60),
    ),
    max_size=4,
)


@cache
def load_index() -> TermIndex:
    pipeline, _ = load_pipeline(MODELS)
    index: TermIndex = dict(pipeline[0].transformer_list)["concepts"].build_index()
    return index


def check_words(parts: Sequence[str]) -> None:
    found = ReportWords(parts)
    split = [split_plainly(part) for part in parts]
    words = [word for each in split for word in each]
    offsets = accumulate((len(part) + len(SEPARATOR) for part in parts), initial=0)
    placed = [(word, at) for each, at in zip(split, offsets, strict=False) for word in each]
    assert found.forms == [word.form for word in words]
    assert found.starts == [word.start + offset for word, offset in placed]
    assert found.capitals.tolist() == [found.written[start].isupper() for start in found.starts]
    assert found.ends == [*accumulate(map(len, split))]
    joined = [word.joined for word in words]
    assert [*map(found.bounds.is_joined, range(1, len(words)))] == joined[1:]
    opening = {0, *found.ends}
    for at, word in enumerate(words):
        opens = at in opening or words[at - 1].sentence != word.sentence
        assert found.opens_sentence(at) == opens
    for start, end in pairwise([0, *found.ends]):
        for first in range(start, end):
            for last in range(first, min(first + 6, len(words))):
                together = last < end and words[first].sentence == words[last].sentence
                assert found.bounds.is_one_sentence(first, last) == together


def check_terms(parts: Sequence[str], index: TermIndex) -> None:
    words = ReportWords(parts)
    found = ReportTerms(index).find_concepts(words, len(words.forms))
    split = [split_plainly(part) for part in parts]
    before = accumulate(map(len, split), initial=0)
    walked = [
        (start + hit.first, hit.concepts)
        for words, start in zip(split, before, strict=False)
        for hit in index.find(words)
    ]
    assert found == {concepts: at for at, concepts in reversed(walked)}


@given(parts_of_reports)
@example([])
@example(["", ""])
@example(["Dr. A. Smith", "A. Smith's", "'s end", "s'"])
@example(["sent him", "back"])
@example(["Mir", "Ali"])
@hypothesis_settings(max_examples=300, deadline=None)
def test_words_of_a_report_are_those_of_its_parts_one_by_one(parts: list[str]) -> None:
    check_words(parts)
    check_terms(parts, TERMS)


@pytest.mark.parametrize("parts", SEED_PARTS)
def test_words_and_terms_of_the_seeds_are_those_of_their_parts(parts: list[str]) -> None:
    check_words(parts)
    check_terms(parts, load_index())


def test_every_letter_begins_words_as_it_does_alone() -> None:
    letters = [chr(code) for code in range(0x20000) if chr(code).isprintable()]
    shaped = 0
    for at in range(0, len(letters), 20):
        text = " ".join(f"{each} {each}b {each}’s" for each in letters[at : at + 20])
        shaped += shape_words(text) is not None
        check_words([text])
    assert shaped


@pytest.mark.parametrize("piece", ["a", "a b", "é ", "कि ", ". ", "'s", "_", "ali talks "])
def test_megabyte_of_the_same_is_read_to_its_end(piece: str) -> None:
    # What grows with the square of the length would take hours here, not seconds.
    words = ReportWords([piece * (MEGABYTE // len(piece)), "end"])
    ReportTerms(TERMS).find_concepts(words, len(words.forms))
    assert words.forms[-1] == "end"
    assert words.ends[-1] == len(words.forms)
