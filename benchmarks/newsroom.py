"""Articles as a newsroom sends them, without end: the same for the same number.

Each is made of sentences from `seeds/` and of names that nobody has, so that no two are alike and
rare words keep coming, as in the news. One in so many is on the beat: two of its paragraphs begin
with a sentence in which the model finds a label; the others are news of the rest of the world.
"""

import json
import random
import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from service.classifier import Classifier
from service.messages import Article
from service.seeds import read_seeds
from service.settings import CHECKOUT

# How long the JSON of an article is, give or take half a paragraph: some 650 words.
ARTICLE_BYTES = 3900
# The realistic mix: 5 % of articles are on the beat.
ON_BEAT_ONE_IN = 20
ON_BEAT_PARAGRAPHS = 2
# What the model is as good as sure of stays so among invented names.
_SURELY = 0.9
# What the rest of the world's news does not say; an article without any of it is off the beat.
_NEAR_THE_BEAT = re.compile(
    r"TTP|Afgh|Taliban|Kabul|Kandahar|Hazara|Durand|Pak|Islamabad|Peshawar|Karachi|Lahore|Quetta|"
    r"Torkham|Chaman|Pash|India|Delhi|[Rr]efugee|deport|asylum"
)
_SENTENCES = (1, 2)
# As many as there are towns in a gazetteer; more would only be more memory.
_NAMES = 50_000
_FIRST_DAY = 12


class Paragraph(NamedTuple):
    """A paragraph and the labels that its sentences carry."""

    text: str
    labels: frozenset[str]


class Newsroom:
    """Writes articles.

    Args:
        classifier: judges which sentences are on the beat.
        on_beat_one_in: one article of so many is; 1 for all of them.
    """

    def __init__(self, classifier: Classifier, *, on_beat_one_in: int = ON_BEAT_ONE_IN) -> None:
        self.classifier = classifier
        self.on_beat_one_in = on_beat_one_in
        self._names = _invent_names()

    def is_on_beat(self, number: int) -> bool:
        """Whether an article is on the beat: exactly one of each block of `on_beat_one_in`."""
        block, place = divmod(number, self.on_beat_one_in)
        return place == random.Random(f"{block}").randrange(self.on_beat_one_in)  # noqa: S311, no secret

    def write_article(self, number: int) -> dict[str, str]:
        """Write an article in the native form."""
        chance = random.Random(number)  # noqa: S311, as above
        paragraphs = [each.text for each in self.write_paragraphs(number, chance)]
        place = chance.choice(self._names)
        return {
            "id": f"urn:newsroom:example.org:{number:012}",
            "title": f"{place}: {chance.choice(self._names)} {chance.randint(2, 9000)} days on",
            "text": "\n\n".join(paragraphs),
            "language": "en",
            "source": f"{place} Courier",
            "published_at": f"2026-03-{_FIRST_DAY + number % 7:02}T08:{number % 60:02}:00Z",
        }

    def write_dated_article(self, number: int) -> dict[str, str]:
        """Write an article that may be a later version: it has a date of change and no number."""
        article = self.write_article(number)
        return article | {"updated_at": article["published_at"]}

    def write_paragraphs(self, number: int, chance: random.Random) -> Iterator[Paragraph]:
        """Write the paragraphs of an article, those on the beat at its head as news do."""
        # The other fields and the braces, and half a paragraph that goes beyond.
        left = ARTICLE_BYTES - 360
        on_beat = ON_BEAT_PARAGRAPHS if self.is_on_beat(number) else 0
        while left > 0:
            paragraph = self._write_paragraph(chance, on_beat=on_beat > 0)
            on_beat -= 1
            left -= len(paragraph.text) + 4
            yield paragraph

    def _write_paragraph(self, chance: random.Random, *, on_beat: bool) -> Paragraph:
        on, off = self._sentences
        first = chance.choice(on) if on_beat else chance.choice(off)
        others = [chance.choice(off).text for _ in range(chance.randint(*_SENTENCES))]
        name, surname, place = chance.choices(self._names, k=3)
        said = f"{name} {surname} of {place} counted {chance.randint(2, 9000)}."
        return Paragraph(" ".join([first.text, *others, said]), first.labels)

    @cached_property
    def _sentences(self) -> tuple[list[Paragraph], list[Paragraph]]:
        seeds = CHECKOUT / "seeds"
        lines = (seeds / "background.jsonl").read_text(encoding="utf-8").splitlines()
        world = [Paragraph(json.loads(line)["text"], frozenset()) for line in lines]
        on_beat = [
            Paragraph(text.text, text.labels)
            for text in read_seeds(seeds).texts
            if text.labels and text.written and text.text.isascii()
        ]
        return (
            [each for each in on_beat if self._judge(each.text) == each.labels],
            [each for each in world if not _NEAR_THE_BEAT.search(each.text)],
        )

    def _judge(self, text: str) -> frozenset[str]:
        probabilities = self.classifier.label_article(Article(id="a", text=text)).probabilities
        return frozenset(name for name, each in probabilities.items() if each >= _SURELY)


def write_message(article: dict[str, str]) -> tuple[bytes, bytes]:
    """Write an article as key and value for the articles topic."""
    return article["id"].encode(), json.dumps(article).encode()


def _invent_names() -> list[str]:
    chance = random.Random(_NAMES)  # noqa: S311, as above
    syllables = [f"{consonant}{vowel}" for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    return [
        "".join(chance.choices(syllables, k=chance.randint(2, 4))).capitalize()
        for _ in range(_NAMES)
    ]
