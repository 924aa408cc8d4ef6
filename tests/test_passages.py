import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.boilerplate import is_boilerplate
from service.headlines import (
    _LIST_HEADING,
    is_list_heading,
    is_listed,
    is_paragraph,
    is_teaser,
)
from service.markup import mask_markup
from service.passages import PASSAGE_MAX_CHARACTERS, PASSAGES_MAX, keep_title, split_passages
from service.seeds import SeedPassage
from tests.factories import SEEDS
from tests.pattern_lines import make_lines

MEGABYTE = 1_000_000
pieces = st.sampled_from(
    [
        *("word", " ", "\n", "\n\n", "\r\n", "\r", "\u2028", "\t", "\u00a0", "\u200b", "\x1c"),
        *(".", "!", "…", "۔", "؟", '"', "”", ")", ". ", "۔ "),
        *("خبر", "e\u0301", "😀", "Photo: AP", "3 minutes read", "Read also: more"),
        *("A sentence of some length about a river. " * 15, "x" * 900, " " * 900, "." * 900),
    ]
)
texts = st.text() | st.lists(pieces, max_size=12).map("".join)


def quotes_of(text: str) -> list[str]:
    return [text[passage.start : passage.end] for passage in split_passages(text)]


def read_seed_passages() -> list[tuple[str, SeedPassage]]:
    lines = (SEEDS / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        ((SEEDS / "articles" / f"{each.article}.txt").read_text(encoding="utf-8"), each)
        for each in map(SeedPassage.model_validate_json, lines)
    ]


@given(texts)
@example("a\rb\r\n c \u2028d")
def test_passages_are_in_order_without_overlap_or_white_space_at_their_ends(text: str) -> None:
    end_before = 0
    for passage in split_passages(text):
        assert end_before <= passage.start < passage.end <= len(text)
        quote = text[passage.start : passage.end]
        assert quote == quote.strip()
        assert len(quote) <= PASSAGE_MAX_CHARACTERS
        end_before = passage.end


@given(texts)
def test_nothing_but_white_space_and_boilerplate_is_left_out(text: str) -> None:
    lines = re.split("[\r\n\u2028\u2029]", text)
    kept = "".join(line for line in lines if not is_boilerplate(line))
    assert "".join("".join(quotes_of(text)).split()) == "".join(kept.split())


def test_boilerplate_of_the_seeds_is_left_out() -> None:
    marked = [
        text[each.start : each.end] for text, each in read_seed_passages() if each.boilerplate
    ]
    assert marked
    assert [line for line in marked if not is_boilerplate(line)] == []


def test_no_other_line_of_the_seeds_is_taken_for_boilerplate() -> None:
    lines = [
        text[each.start : each.end] for text, each in read_seed_passages() if not each.boilerplate
    ]
    assert [line for line in lines if is_boilerplate(line)] == []


def test_no_labelled_passage_of_the_seeds_is_lost() -> None:
    for text, each in read_seed_passages():
        if each.labels:
            found = [
                passage
                for passage in split_passages(text)
                if passage.start < each.end and each.start < passage.end
            ]
            assert found[0].start <= each.start
            assert found[-1].end >= each.end


def test_blank_line_divides_passages() -> None:
    assert quotes_of("One story\n\nAnother story") == ["One story", "Another story"]


def test_hard_wrapped_lines_are_one_passage() -> None:
    text = "The delegation, which came\non Monday, left again\r\non Tuesday.\nThe next story."
    assert quotes_of(text) == [
        "The delegation, which came\non Monday, left again\r\non Tuesday.",
        "The next story.",
    ]


@pytest.mark.parametrize("end", [".", "!", "?", "…", "۔", "।", "؟", '."', ".”", "!)", "۔»"])
def test_sentence_end_before_the_line_end_divides_passages(end: str) -> None:
    assert len(quotes_of(f"It is over{end}\nIt begins")) == 2


def test_boilerplate_between_two_lines_divides_them() -> None:
    assert quotes_of("The delegation\nAdvertisement\nleft again") == [
        "The delegation",
        "left again",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Photo: Reuters",
        "3 minutes, 52 seconds Read",
        "Your cart is empty",
        "Read also: Another story",
        "Similar Posts",
        "I am a student of International Relations and a freelance writer.",
    ],
)
def test_page_furniture_alone_has_no_passages(line: str) -> None:
    assert quotes_of(f"\n  {line}\n") == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Photographs of the crossing were published on Monday.",
        "It took them 3 minutes to read the verdict.",
        "Similar posts along the Durand Line were fired on.",
        "The cart is empty, said the trader at Torkham.",
    ],
)
def test_sentence_that_merely_speaks_of_furniture_is_kept(sentence: str) -> None:
    assert quotes_of(sentence) == [sentence]


def test_no_heading_or_headline_is_taken_for_a_paragraph() -> None:
    headings = [*make_lines(_LIST_HEADING, 20_000)]
    assert any(heading.endswith(".") for heading in headings)
    headlines = ["Pakistan Closes The Torkham Gate " * 3 + end for end in ("Again", "(Again)", ":")]
    for line in [*headings, *headlines]:
        may_be = is_list_heading(line) or is_listed(line, "") or is_teaser(line)
        assert may_be
        assert not is_paragraph(line)


@pytest.mark.parametrize("mark", [":", "|"])
def test_furniture_run_on_to_a_paragraph_is_left_out(mark: str) -> None:
    text = f"It rained.\n\nIt snowed. Read more {mark} Hail\n\nIt froze."
    assert quotes_of(text) == ["It rained.", "It snowed.", "It froze."]


def test_long_text_of_one_line_is_cut_at_sentence_ends() -> None:
    sentences = [f"The council of village {n} met about the well." for n in range(1_800)]
    text = " ".join(sentences)
    assert len(text) > 80_000
    passages = quotes_of(text)
    assert " ".join(passages) == text
    assert all(passage.endswith("well.") for passage in passages)
    # A piece is as long as fits, not a sentence each.
    assert len(passages) < 2 * len(text) / PASSAGE_MAX_CHARACTERS


def test_long_text_without_sentence_ends_is_cut_between_words() -> None:
    text = "word " * 1_000
    assert {word for passage in quotes_of(text) for word in passage.split()} == {"word"}


@pytest.mark.parametrize(
    "unit", ["a\n", ".", " ", ". ", '"', "\n", "Photo: ", "i am a "], ids=ascii
)
def test_megabyte_of_the_same_is_split_up_to_the_most_passages(unit: str) -> None:
    text = unit * (MEGABYTE // len(unit))
    passages = split_passages(text)
    assert len(passages) <= PASSAGES_MAX
    end = len(text) if len(passages) < PASSAGES_MAX else passages[-1].end
    assert "".join("".join(quotes_of(text)).split()) == "".join(text[:end].split())


@pytest.mark.parametrize(
    "line",
    [
        "Le « TTP », la « Fitna » et les « Khawarij » ont été visés.",
        "Die »TTP« hat »zehn« Soldaten in »Peshawar« getötet.",
        "TEHREEK-E-TALIBAN PAKISTAN KILLS TEN SOLDIERS IN NORTH WAZIRISTAN",
        "Home, for the Afghans deported from Pakistan this week, is a tent at Torkham.",
    ],
)
def test_sentence_is_not_taken_for_page_furniture(line: str) -> None:
    assert quotes_of(f"It was reported today.\n\n{line}") == ["It was reported today.", line]


def test_hard_wrapped_wire_in_capitals_is_read_whole() -> None:
    wire = "ISLAMABAD\nTHE PAKISTANI TALIBAN CLAIMED THE BLAST\nAND KABUL CLOSED THE TORKHAM GATE"
    assert "".join(quotes_of(wire)).count("TALIBAN") == 1


@pytest.mark.parametrize("title", ["Watch: Pakistan closes Torkham", "Video | TTP attack", "Home"])
def test_title_is_kept_whatever_it_begins_with(title: str) -> None:
    (span,) = keep_title(f" {title} ")
    assert f" {title} "[span.start : span.end] == title


@given(
    st.lists(st.sampled_from(["&#", "&#x", "1", "8", "b", ";", "<", "!--", "-->", ">", "p", "a "]))
)
def test_masked_markup_has_the_length_of_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert len(mask_markup(text)) == len(text)


def test_what_a_comment_of_the_page_says_is_not_read() -> None:
    text = "<p>Cricket.</p><!-- Pakistan closed the border at Torkham --><p>Rain.</p>"
    masked = mask_markup(text)
    assert masked.split() == ["Cricket.", "Rain."]
    assert masked.index("Rain") == text.index("Rain")


@pytest.mark.parametrize("entity", ["&#1;", "&#x1;", "&#11;", "&#xFFFE;"])
def test_entity_that_is_no_character_is_blank(entity: str) -> None:
    assert mask_markup(f"a {entity} b").split() == ["a", "b"]
