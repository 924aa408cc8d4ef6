"""Articles of any length for benchmarks, made of the paragraphs of the repository's texts.

No paragraph comes twice, so that nothing remembered of an earlier one is of use: each has a number
of its own in it.
"""

from collections.abc import Iterator, Sequence
from itertools import count, cycle

from service.article_files import read_articles
from service.formats import parse_article
from service.messages import Article
from service.seeds import Seeds
from service.settings import CHECKOUT

# An article of a news agency: some 650 words.
ARTICLE_CHARACTERS = 4000
# One article in twenty of the realistic mix is about what is watched.
ON_BEAT_EVERY = 20
# A newspaper's paragraph, some 60 words.
_PARAGRAPH_CHARACTERS = 350
# Behind the first words of a paragraph, which tell page furniture from text.
_NUMBER_AT_WORD = 4


class ArticleMaker:
    """Makes articles that are about what is watched, or not."""

    def __init__(self, seeds: Seeds) -> None:
        on_beat = [line for text in seeds.articles.values() for line in text.splitlines()]
        off_beat = [
            line
            for value in read_articles(CHECKOUT / "service" / "demo_articles.jsonl")
            for line in parse_article(value).text.splitlines()
        ]
        self._numbers = count(1000)
        self._on_beat = _make_paragraphs(on_beat)
        self._off_beat = _make_paragraphs(off_beat)

    def make_on_beat(self, articles: int, characters: int = ARTICLE_CHARACTERS) -> list[Article]:
        """Make articles of the paragraphs of seed articles."""
        return self._make(self._on_beat, articles, characters)

    def make_off_beat(self, articles: int, characters: int = ARTICLE_CHARACTERS) -> list[Article]:
        """Make articles of the paragraphs of the demo's off-beat news."""
        return self._make(self._off_beat, articles, characters)

    def make_mix(self, articles: int, characters: int = ARTICLE_CHARACTERS) -> list[Article]:
        """Make articles of which one in ON_BEAT_EVERY is on-beat."""
        on_beat = articles // ON_BEAT_EVERY
        return [
            *self.make_on_beat(on_beat, characters),
            *self.make_off_beat(articles - on_beat, characters),
        ]

    def _make(self, paragraphs: Sequence[str], articles: int, characters: int) -> list[Article]:
        following = cycle(paragraphs)
        return [
            Article(id=str(number), text=self._write(following, characters))
            for number in range(articles)
        ]

    def _write(self, paragraphs: Iterator[str], characters: int) -> str:
        text = ""
        while len(text) < characters:
            words = next(paragraphs).split(" ")
            words.insert(_NUMBER_AT_WORD, str(next(self._numbers)))
            text += " ".join(words) + "\n\n"
        return text[:characters]


def _make_paragraphs(texts: Sequence[str]) -> list[str]:
    paragraphs = [""]
    for text in texts:
        if len(paragraphs[-1]) >= _PARAGRAPH_CHARACTERS:
            paragraphs.append("")
        paragraphs[-1] = f"{paragraphs[-1]} {text}".strip()
    return paragraphs
