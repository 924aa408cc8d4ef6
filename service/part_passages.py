"""An article -> the passages of its parts, which are labelled."""

from dataclasses import dataclass
from typing import Literal

from service.messages import Article
from service.passages import Passage, keep_title, split_passages


@dataclass(frozen=True, slots=True)
class PartPassage:
    """A passage, the part of its article that it stands in, and what it says."""

    part: Literal["title", "text"]
    span: Passage
    quote: str


def collect_passages(article: Article) -> list[PartPassage]:
    """Collect the passages of an article: of its text, and of its title unless the text has it."""
    passages = [
        PartPassage("text", span, article.text[span.start : span.end])
        for span in split_passages(article.text)
    ]
    # Many feeds repeat the headline as the first line of the text.
    if not article.text.lstrip().startswith(article.title.strip()):
        passages += [
            PartPassage("title", span, article.title[span.start : span.end])
            for span in keep_title(article.title)
        ]
    return passages
