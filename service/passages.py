"""Text -> passages with offsets; boilerplate left out.

A passage is what is labelled: a paragraph, or a headline. Scoring passages, not whole articles,
is what keeps a label from drowning in a long article about something else.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from service.boilerplate import find_marks, find_run_on, is_boilerplate
from service.headlines import is_finished, is_list_heading, is_listed, is_paragraph, is_teaser
from service.markup import mask_markup

# Newspaper paragraphs run to some 60 words, about 400 characters; from twice that on a block is
# text whose paragraphs were lost on the way, and is cut at sentence ends.
PASSAGE_MAX_CHARACTERS = 800
# More than any article has; lines without end are no article, and would take minutes to label.
PASSAGES_MAX = 1000
# Each a character, as "\n" is: one in place of the other moves nothing.
_OTHER_LINE_ENDS = ("\r", "\u2028", "\u2029")
_LINE = re.compile(r"\S.*")
# Where a block that is too long is cut.
_SENTENCE_BREAK = re.compile(r"(?<=[.!?…۔।؟])[\"'”’»)\]]{0,4}\s+")


class Passage(NamedTuple):
    """A span of a text: offsets in code points, end exclusive."""

    start: int
    end: int


def split_passages(text: str) -> list[Passage]:
    """Split a text into its passages, in order, without overlap.

    Args:
        text: any text; its lines are paragraphs, headlines or broken layout.

    Returns:
        Spans without white space at either end, the first PASSAGES_MAX; none for a text of page
        furniture alone.
    """
    text = mask_markup(text)
    return _cut_at_sentences(text, _join_lines(text))


def keep_title(title: str) -> list[Passage]:
    """Make an article's title a passage: whoever sent it says that it is no page furniture."""
    kept = _trim(title, 0, len(title))
    return _cut_at_sentences(title, [kept]) if kept else []


def _join_lines(text: str) -> list[Passage]:
    blocks: list[Passage] = []
    is_open = listing = False
    lines = _list_lines(text)
    marks = find_marks(text)
    for at, (start, words) in enumerate(lines):
        is_whole = is_paragraph(words)
        if is_whole:
            listing = False
        elif is_list_heading(words):
            listing = True
        elif listing:
            listing = is_listed(words, _find_next_directly(text, lines, at))
        if listing or is_boilerplate(words, marks):
            is_open = False
        elif is_whole or not (blocks and is_teaser(words)):
            if is_open and _is_continued(text, blocks[-1], start):
                blocks[-1] = Passage(blocks[-1].start, start + len(words))
            elif len(blocks) == PASSAGES_MAX:
                break
            else:
                blocks.append(Passage(start, start + len(words)))
            is_open = not is_whole  # What ends as a sentence does goes on in no other line.
        else:
            is_open = False
    return blocks


def _list_lines(text: str) -> list[tuple[int, str]]:
    # Where each starts, and what it says.
    for end in _OTHER_LINE_ENDS:
        text = text.replace(end, "\n")
    lines = [(match.start(), match[0].rstrip()) for match in _LINE.finditer(text)]
    if ":" in text or "|" in text:
        return [(start, words[: find_run_on(words)]) for start, words in lines]
    return lines


def _is_continued(text: str, block: Passage, start: int) -> bool:
    # Without its end mark a line is a headline, or broken in layout.
    directly = text.count("\n", block.end, start) == 1
    return directly and not is_finished(text[max(block.start, block.end - 4) : block.end])


def _find_next_directly(text: str, lines: Sequence[tuple[int, str]], at: int) -> str:
    if at + 1 == len(lines):
        return ""
    (start, words), (later_start, later_words) = lines[at : at + 2]
    directly = text.count("\n", start + len(words), later_start) == 1
    return later_words if directly else ""


def _cut_at_sentences(text: str, blocks: Sequence[Passage]) -> list[Passage]:
    passages: list[Passage] = []
    for block in blocks:
        if block.end - block.start <= PASSAGE_MAX_CHARACTERS:
            passages.append(block)
        else:
            passages += islice(_cut_long(text, block), PASSAGES_MAX)
    return passages[:PASSAGES_MAX]


def _cut_long(text: str, block: Passage) -> Iterator[Passage]:
    start = block.start
    while block.end - start > PASSAGE_MAX_CHARACTERS:
        breaks = list(_SENTENCE_BREAK.finditer(text, start, start + PASSAGE_MAX_CHARACTERS))
        blank = text.rfind(" ", start + 1, start + PASSAGE_MAX_CHARACTERS)
        cut = (
            breaks[-1].end()
            if breaks
            else blank
            if blank > start
            else start + PASSAGE_MAX_CHARACTERS
        )
        piece = _trim(text, start, cut)
        if piece is not None:
            yield piece
        start = cut
    rest = _trim(text, start, block.end)
    if rest is not None:
        yield rest


def _trim(text: str, start: int, end: int) -> Passage | None:
    if start < end and not text[start].isspace() and not text[end - 1].isspace():
        return Passage(start, end)  # Nearly every line.
    line = text[start:end]
    left = start + len(line) - len(line.lstrip())
    right = start + len(line.rstrip())
    return Passage(left, right) if left < right else None
