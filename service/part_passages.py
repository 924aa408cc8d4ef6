"""An article -> the passages of its parts, which are labelled."""

from typing import Literal, NamedTuple

from service.messages import Article
from service.passages import Passage, keep_title, split_passages


class PartPassage(NamedTuple):
    """A passage, the part of its article that it stands in, and what it says."""

    part: Literal["title", "text"]
    span: Passage
    quote: str


def collect_passages(article: Article) -> list[PartPassage]:
    """Collect the passages of an article: of its text, and of its title unless the text has it."""
    text, title = article.text, article.title
    passages = [
        PartPassage("text", span, text[span.start : span.end]) for span in split_passages(text)
    ]
    # Many feeds repeat the headline as the first line of the text.
    if not text.lstrip().startswith(title.strip()):
        passages += [
            PartPassage("title", span, title[span.start : span.end]) for span in keep_title(title)
        ]
    return passages
