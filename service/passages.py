"""Text -> passages with offsets; boilerplate left out.

A passage is what is labelled: a paragraph, or a headline. Scoring passages, not whole articles,
is what keeps a label from drowning in a long article about something else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

# Newspaper paragraphs run to some 60 words, about 400 characters; from twice that on a block is
# text whose paragraphs were lost on the way, and is cut at sentence ends.
PASSAGE_MAX_CHARACTERS = 800
# More than any article has; lines without end are no article, and would take minutes to label.
PASSAGES_MAX = 1000
# A line shorter than a sentence, without its end mark, is a headline or a line broken in layout:
# it is read together with the line that follows it directly.
_SENTENCE_END = (".", "!", "?", "…", "۔", "।", "؟")
_CLOSING_MARKS = "\"'”’»)]"
_SENTENCE_BREAK = re.compile(r"(?<=[.!?…۔।؟])[\"'”’»)\]]{0,4}\s+")
_LINE = re.compile(r"[^\r\n\u2028\u2029]+")

# Page furniture, seen on the pages of the seeds and on news pages at large. Matched against a
# whole line, so that a sentence of the story that merely begins this way stays.
_BOILERPLATE = re.compile(
    r"""
    (?:photo|image|picture|file\ photo|photograph)(?:\ (?:credit|by))?\s*[:|—-].{0,120}
    | \d+\s+minutes?(?:,?\s+\d+\s+seconds?)?(?:\s+read)?
    | (?:read|see|watch|listen)\ (?:also|more|next)\b.{0,200}
    | (?:also\ read|related(?:\ (?:stories|articles|news|posts))?|more\ on\ this)\b\s*[:|].{0,200}
    | (?:similar|related|recent|popular|trending)\ (?:posts|stories|articles|news|topics)
    | read\ the\ (?:full|original)\ (?:story|article)\b.{0,120}
    | this\ (?:post|article|story)\ was\ (?:originally|first)\ published\b.{0,160}
    | this\ (?:post|article|story)\ (?:originally|first)\ appeared\b.{0,160}
    | your\ cart(?:\ is\ empty.{0,40})?
    | (?:return\ to\ shop|leave\ a\ (?:comment|reply)|skip\ to\ (?:main\ )?content)
    | share\ this.{0,40}
    | (?:subscribe|sign\ up|follow\ us|join\ our|download\ our|click\ here)\b.{0,160}
    | (?:advertisement|sponsored|all\ rights\ reserved.{0,80}|(?:copyright|©).{0,120})
    | i\ am\ a\b.{0,80}\b(?:student|writer|journalist|reporter|blogger)\b.{0,400}
    | (?:the\ (?:author|writer)\ is\ a)\b.{0,300}
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Passage:
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
    passages = (part for block in _join_lines(text) for part in _cut_at_sentences(text, block))
    return list(islice(passages, PASSAGES_MAX))


def is_boilerplate(line: str) -> bool:
    """Tell whether a line is page furniture (a photo credit, a menu, an author's bio)."""
    return _BOILERPLATE.fullmatch(line.strip()) is not None


def _join_lines(text: str) -> Iterator[Passage]:
    block: Passage | None = None
    for match in _LINE.finditer(text):
        line = _trim(text, match.start(), match.end())
        if line is None:
            continue
        if is_boilerplate(text[line.start : line.end]):
            if block:
                yield block
            block = None
        elif block and _is_continued(text, block, line):
            block = Passage(block.start, line.end)
        else:
            if block:
                yield block
            block = line
    if block:
        yield block


def _is_continued(text: str, block: Passage, line: Passage) -> bool:
    directly = text.count("\n", block.end, line.start) == 1
    last_word_end = text[max(block.start, block.end - 4) : block.end].rstrip(_CLOSING_MARKS)
    return directly and not last_word_end.endswith(_SENTENCE_END)


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
    line = text[start:end]
    left = start + len(line) - len(line.lstrip())
    right = start + len(line.rstrip())
    return Passage(left, right) if left < right else None
