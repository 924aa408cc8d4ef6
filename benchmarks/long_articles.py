"""Short labelled articles -> long ones: each hidden among paragraphs of others without a label.

What was said of a beat often stands in the middle of an article about something else. Whatever
judges a whole article by its words loses it there, or finds words of one label in two stories.
"""

import re
from collections.abc import Sequence

import numpy as np

from service.report import LabelledArticle

# With some 50 words a paragraph, the 500 to 700 words of a news report or a round-up.
_PARAGRAPHS = (8, 12)
# A sentence of a story has more characters; what is shorter is a heading, a byline or a menu.
_PARAGRAPH_MIN_CHARACTERS = 60
_BLANK_LINES = re.compile(r"\n\s*\n")


class FillersError(Exception):
    """There are too few paragraphs without a label to hide articles among."""


def hide_articles(
    articles: Sequence[LabelledArticle], *, filler_kind: str, seed: int = 0
) -> list[LabelledArticle]:
    """Hide each article in the middle of 8 to 12 paragraphs of others.

    The hidden text stays as it is, page noise and all, and so do labels, kind and language. Its
    title goes with it, as the heading above it: left at the top it would give away what is to be
    found in the middle; dropped, its words would be missed and the loss blamed on the length.

    Args:
        articles: of one language.
        filler_kind: the kind of negative whose paragraphs are the fillers, never an article's own.
        seed: the same one gives the same articles.

    Returns:
        As many, in the same order, with `filler_kind` behind their ids.

    Raises:
        FillersError: the articles have too few such paragraphs.
    """
    fillers = [
        (article.id, paragraph)
        for article in articles
        if article.kind == filler_kind and not article.labels
        for paragraph in split_paragraphs(article.text)
    ]
    draw = np.random.default_rng(seed)
    return [_hide(article, fillers, filler_kind, draw) for article in articles]


def split_paragraphs(text: str) -> list[str]:
    """Split a text at blank lines; too short to be a paragraph is left out.

    On its own and not by the service's passages, so that no change of those changes the test.
    """
    paragraphs = (paragraph.strip() for paragraph in _BLANK_LINES.split(text))
    return [each for each in paragraphs if len(each) >= _PARAGRAPH_MIN_CHARACTERS]


def _hide(
    article: LabelledArticle,
    fillers: Sequence[tuple[str, str]],
    filler_kind: str,
    draw: np.random.Generator,
) -> LabelledArticle:
    others = [paragraph for owner, paragraph in fillers if owner != article.id]
    least, most = _PARAGRAPHS
    if len(others) < most:
        raise FillersError(
            f"{article.id} needs {most} paragraphs of other articles of kind {filler_kind} "
            f"without labels, there are {len(others)}"
        )
    count = int(draw.integers(least, most, endpoint=True))
    drawn = [others[position] for position in draw.permutation(len(others))[:count]]
    middle = count // 2
    hidden = [part for part in (article.title, article.text) if part]
    return article.model_copy(
        update={
            "id": f"{article.id}+{filler_kind}",
            "title": "",
            "text": "\n\n".join([*drawn[:middle], *hidden, *drawn[middle:]]),
        }
    )
