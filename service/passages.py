"""Text -> passages with offsets; boilerplate left out.

A passage is what is labelled: a paragraph, or a headline. Scoring passages, not whole articles,
is what keeps a label from drowning in a long article about something else.
"""

import re
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import NamedTuple

from service.boilerplate import (
    CLOSING_MARKS,
    SENTENCE_END,
    find_run_on,
    is_boilerplate,
    is_list_heading,
    is_listed,
    is_teaser,
    mask_markup,
)

# Newspaper paragraphs run to some 60 words, about 400 characters; from twice that on a block is
# text whose paragraphs were lost on the way, and is cut at sentence ends.
PASSAGE_MAX_CHARACTERS = 800
# More than any article has; lines without end are no article, and would take minutes to label.
PASSAGES_MAX = 1000
# A line shorter than a sentence, without its end mark, is a headline or a line broken in layout:
# it is read together with the line that follows it directly.
_SENTENCE_BREAK = re.compile(r"(?<=[.!?…۔।؟])[\"'”’»)\]]{0,4}\s+")
_LINE = re.compile(r"[^\r\n\u2028\u2029]+")


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
    passages = (part for block in _join_lines(text) for part in _cut_at_sentences(text, block))
    return list(islice(passages, PASSAGES_MAX))


def keep_title(title: str) -> list[Passage]:
    """Make an article's title a passage: whoever sent it says that it is no page furniture."""
    kept = _trim(title, 0, len(title))
    return list(islice(_cut_at_sentences(title, kept), PASSAGES_MAX)) if kept else []


def _join_lines(text: str) -> Iterator[Passage]:
    block: Passage | None = None
    first = True
    listing = False
    lines = [
        Passage(line.start, find_run_on(text, line.start, line.end))
        for match in _LINE.finditer(text)
        if (line := _trim(text, match.start(), match.end()))
    ]
    following = [_next_directly(text, *pair) for pair in zip_longest(lines, lines[1:])]
    for line, under in zip(lines, following, strict=True):
        words = text[line.start : line.end]
        listing = is_list_heading(words) or (listing and is_listed(words, under))
        if listing or is_boilerplate(words) or (not first and is_teaser(words)):
            if block:
                yield block
            block = None
            continue
        first = False
        if block and _is_continued(text, block, line):
            block = Passage(block.start, line.end)
        else:
            if block:
                yield block
            block = line
    if block:
        yield block


def _is_continued(text: str, block: Passage, line: Passage) -> bool:
    directly = text.count("\n", block.end, line.start) == 1
    last_word_end = text[max(block.start, block.end - 4) : block.end].rstrip(CLOSING_MARKS)
    return directly and not last_word_end.endswith(SENTENCE_END)


def _next_directly(text: str, line: Passage, later: Passage | None) -> str:
    if later is None or text.count("\n", line.end, later.start) != 1:
        return ""
    return text[later.start : later.end]


def _cut_at_sentences(text: str, block: Passage) -> Iterator[Passage]:
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
