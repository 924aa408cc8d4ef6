"""An article -> a sketch: what it mentions, small enough to remember by the hundred thousand.

Two reports of one event share names, places, numbers and rare words, whoever wrote them. A sketch
keeps these as hashes, each with how rare it is in news of the beat and where it stands first: what
a report is about stands in its headline and first paragraph, background in its last.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.event_days import find_event_day, find_named_date, foretells
from service.lexicon import HASH_BITS, RARITY_BITS, RARITY_MOST, Kind, Lexicon
from service.mentions import Enough, Mentioned, MentionReader
from service.messages import Article
from service.passages import PASSAGE_MAX_CHARACTERS, split_passages
from service.report_words import ReportWords
from service.terms import TermIndex

# 7 bytes each; a report of 100 words has about 60, one of 800 words 300.
FEATURES_MAX = 160
# Words as frequent as this say nothing about which event it is: of the rarest's rarity (8.7, a
# logarithm) it is 2, that of a word in every third passage.
_LEAST_SHARE = 0.23
# A feature's place is kept in steps of two words, as far as the 510th.
_STEP_WORDS = 2
_STEPS_MOST = 255
# How fast what stands later counts for less: as one over the root of 1 + place / this. Measured
# between 50 and 200 words there is no difference.
_FADING_WORDS = 100
# Of each rarity and of each place: what a feature weighs is the one by the other.
_TELLING = np.clip(
    (np.arange(RARITY_MOST + 1) / RARITY_MOST - _LEAST_SHARE) / (1 - _LEAST_SHARE), 0, 1
)
_FADING = np.sqrt(1 + np.arange(_STEPS_MOST + 1) * float(_STEP_WORDS) / _FADING_WORDS)
# Of ASCII, white space is a blank and all else a letter.
_BLANKED = bytes(ord(" " if chr(code).isspace() else "x") for code in range(128)).ljust(256)

Sketch = bytes
_HEAD = struct.Struct("<HH??")
_NO_HEAD = bytes(_HEAD.size)
_FEATURE = np.dtype([("hash", "<u4"), ("kind", "u1"), ("rarity", "u1"), ("place", "u1")])
_KIND, _LEAD, _HEADLINE = 3, 4, 8
# Days are counted in 16 bits; what says that it is of another century is dated all the same.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1)
_DAYS_LEAST, _DAYS_MOST = 366, 0xFFFF - 366


class Head(NamedTuple):
    """What a sketch says of the report as a whole.

    Attributes:
        day: days since 1970 of what it reports; 0 if it does not say.
        words: how many it has.
        dated: whether it is known when it was published.
        foretells: whether its lead tells what is to come.
    """

    day: int = 0
    words: int = 0
    dated: bool = False
    foretells: bool = False


_HEADS = np.dtype([*zip(Head._fields, ("<u2", "<u2", "?", "?"), strict=True)])


@dataclass(frozen=True, slots=True)
class Features:
    """Opened sketches, one after the other.

    Attributes:
        heads: of each sketch.
        owners: (n,) whose feature it is: numbers of the sketches, ascending.
        hashes: (n,) of each sketch ascending, each once; of a number the number itself.
        kinds: (n,) `Kind`.
        in_headline: (n,) whether it stands in the headline.
        in_lead: (n,) whether it stands there or in the first paragraph.
        rarity: (n,) 0 to 1, the rarest words' being 1.
        place: (n,) how many words stand before it.
        weights: (n,) how telling it is, 0 to 1, of the text alone.
    """

    heads: Sequence[Head]
    owners: NDArray[np.intp]
    hashes: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    in_headline: NDArray[np.bool_]
    in_lead: NDArray[np.bool_]
    rarity: NDArray[np.float64]
    place: NDArray[np.float64]
    weights: NDArray[np.float64]


class Sketcher:
    """Makes sketches.

    Args:
        rarities: words to how rare they are (log of inverse document frequency, as scikit-learn's
            TfidfVectorizer has it); a word not among them is as rare as the rarest.
        terms: finds the concepts of a text.
    """

    def __init__(self, rarities: Mapping[str, float], terms: TermIndex) -> None:
        lexicon = Lexicon(rarities)
        # From this rarity on whatever stands last outweighs a concept that stands first.
        outweighing = (_TELLING / _FADING[-1]).searchsorted(
            _TELLING[lexicon.concept_rarity], side="right"
        )
        enough = Enough(FEATURES_MAX, int(outweighing))
        self._reader = MentionReader(lexicon, terms, enough)

    def make_sketch(self, article: Article, told_at: datetime) -> Sketch:
        """Make the sketch of an article.

        Args:
            article: its title and text; language does not matter, though names are told by
                capitals, so that other scripts have none.
            told_at: when it was published: what "Monday" and "today" refer to; of an article
                without `published_at` when it came, and then they refer to nothing.
        """
        text = article.text
        parts = [text[span.start : span.end] for span in split_passages(text)]
        if article.title:
            # What is longer is no headline.
            parts.insert(0, article.title[:PASSAGE_MAX_CHARACTERS])
        words = ReportWords(parts)
        headline, lead = [*words.ends[:2], *words.ends[:1], 0, 0][:2]
        mentioned = self._reader.find_mentions(words, lead)
        forms = words.list_parts(mentioned.days)
        dated = article.published_at is not None
        told_on = _FIRST_DAY + timedelta(
            days=min(max((told_at - _EPOCH).days, _DAYS_LEAST), _DAYS_MOST)
        )
        day = find_event_day(forms, told_on) if dated else find_named_date(forms, told_on)
        head = _HEAD.pack(
            max(0, (day - _FIRST_DAY).days) if day else 0,
            min(_count_words(parts), 0xFFFF),
            dated,
            foretells(parts),
        )
        return head + _pack(mentioned, headline, lead)


def _count_words(parts: Sequence[str]) -> int:
    # Between white space; where all is ASCII, words need not be cut out to be counted.
    text = "\n".join(parts)
    if not text.isascii():
        return len(text.split())
    return (b" " + text.encode().translate(_BLANKED)).count(b" x")


def _pack(mentioned: Mentioned, headline: int, lead: int) -> bytes:
    mentions, places, _ = mentioned
    steps = np.minimum(places // _STEP_WORDS, _STEPS_MOST)
    rarity = (mentions >> HASH_BITS) & RARITY_MOST
    if len(mentions) > FEATURES_MAX:
        # Of equals, the first by hash.
        kept = np.lexsort((-_weigh(rarity, steps), places >= lead))[:FEATURES_MAX]
        kept.sort()
        mentions, places, steps, rarity = (
            each.take(kept) for each in (mentions, places, steps, rarity)
        )
    packed = np.empty(len(mentions), _FEATURE)
    packed["hash"] = mentions
    packed["kind"] = (
        mentions >> (HASH_BITS + RARITY_BITS)
        | _LEAD * (places < lead)
        | _HEADLINE * (places < headline)
    )
    packed["rarity"] = rarity
    packed["place"] = steps
    return packed.tobytes()


def open_head(sketch: Sketch) -> Head:
    """Open what a sketch says of the report as a whole; an empty one says nothing."""
    return Head(*_HEAD.unpack_from(sketch)) if sketch else Head()


def open_heads(sketches: Sequence[Sketch]) -> NDArray[np.void]:
    """Open what sketches say of the reports as a whole: an array with the fields of `Head`."""
    return np.frombuffer(b"".join(sketch[: _HEAD.size] or _NO_HEAD for sketch in sketches), _HEADS)


def open_sketches(sketches: Sequence[Sketch]) -> Features:
    """Open sketches; an empty one has no features."""
    joined = b"".join([sketch[_HEAD.size :] for sketch in sketches])
    packed = np.frombuffer(joined, _FEATURE)
    # An empty one, shorter than a head, has as many features.
    sizes = [len(sketch) // _FEATURE.itemsize for sketch in sketches]
    kind, rarity, place = (packed[name].copy() for name in ("kind", "rarity", "place"))
    return Features(
        heads=[*map(open_head, sketches)],
        owners=np.repeat(np.arange(len(sketches)), sizes),
        hashes=packed["hash"].copy(),
        kinds=kind & np.uint8(_KIND),
        in_headline=kind & np.uint8(_HEADLINE) > 0,
        in_lead=kind & np.uint8(_LEAD) > 0,
        rarity=rarity / RARITY_MOST,
        place=place * float(_STEP_WORDS),
        weights=_weigh(packed["rarity"], packed["place"]),
    )


def list_hashes(sketch: Sketch) -> list[int]:
    """List the hashes of a sketch's features, ascending."""
    hashes: list[int] = np.frombuffer(sketch[_HEAD.size :], _FEATURE)["hash"].tolist()
    return hashes


@dataclass(frozen=True, slots=True)
class Difference:
    """How a text differs from an earlier one.

    `text_changed` is the share of what the two say that only one of them says, 0 to 1; 0 if the
    earlier is not remembered any more.
    """

    text_changed: float
    numbers_changed: bool


def measure_difference(earlier: Sketch, later: Sketch) -> Difference:
    """Tell how much changed from one version of an article to the next."""
    if not earlier or not later:
        return Difference(0.0, numbers_changed=False)
    first, second = open_sketches([earlier]), open_sketches([later])
    one_sided = np.setxor1d(first.hashes, second.hashes, assume_unique=True)
    union = np.union1d(first.hashes, second.hashes)
    numbers = [set(each.hashes[each.kinds == Kind.NUMBER].tolist()) for each in (first, second)]
    share = len(one_sided) / len(union) if len(union) else 0.0
    return Difference(round(share, 3), numbers[0] != numbers[1])


def _weigh(rarity: NDArray[np.integer], steps: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.asarray(_TELLING.take(rarity) / _FADING.take(steps))
