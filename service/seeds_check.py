"""Look for what in the seeds will make the model worse; what is plainly wrong, read_seeds refuses.

A problem is a fault in almost every case, a hint may be meant so. Texts here are those that people
wrote: passages of the articles, background, near misses, articles labelled as a whole. Filled
templates are left out, since their twins are meant to be nearly the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix

from service.seeds import Seeds
from service.terms_check import CheckedText, Tally, Usage, count_usage
from service.words import list_words

# Fewer cannot show in how many ways the subject is written of.
_TEXTS_MIN = 5
# Near copies share nearly all their words; a few words prove nothing.
_NEAR_SHARE = 0.85
_NEAR_MIN_WORDS = 8
# On one text or two a term may be wrong by chance.
_WRONG_MIN = 3
_QUOTE_CHARACTERS = 60


Level = Literal["problem", "hint"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something to look at: what kind of thing, where, what is the matter, what to do."""

    level: Level
    kind: str
    where: str
    what: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.what}; {self.what_to_do} [{self.kind}]"


def check_seeds(seeds: Seeds) -> list[Finding]:
    """Check seeds that could be read; problems first, the same seeds give the same list."""
    texts = _collect_texts(seeds)
    usage = count_usage(seeds.knowledge, texts)
    findings = [
        *_find_copies(texts),
        *_find_one_sided_labels(seeds, texts, usage),
        *_find_loose_terms(usage),
        *_find_silencers(usage),
        *_find_unused_concepts(seeds),
    ]
    return sorted(findings, key=lambda finding: (finding.level != "problem", finding))


def _collect_texts(seeds: Seeds) -> list[CheckedText]:
    short = [
        CheckedText(
            text.group if text.article is None else f"passages.jsonl, {text.article}",
            (text.text,),
            text.labels,
        )
        for text in seeds.texts
        if text.written
    ]
    whole = [
        CheckedText(
            f"labelled_articles.jsonl, {article.id}",
            tuple(article.split()),
            frozenset(article.labels),
        )
        for article in seeds.whole_articles
    ]
    return short + whole


def _find_copies(texts: Sequence[CheckedText]) -> Iterator[Finding]:
    words = [list_words(" ".join(text.passages)) for text in texts]
    for first, second in _pair_alike([frozenset(each) for each in words]):
        one, other = texts[first], texts[second]
        same = words[first] == words[second]
        where = f"{one.where} and {other.where}"
        quote = f"“{one.passages[0][:_QUOTE_CHARACTERS]}”"
        if one.labels == other.labels:
            if same:
                what = f"the same text twice, {quote}"
                yield Finding("hint", "duplicate text", where, what, "take one out")
        else:
            labels = " and ".join(
                ", ".join(sorted(each.labels)) or "no label" for each in (one, other)
            )
            what = f"{'the same' if same else 'nearly the same'} text has {labels}, {quote}"
            level: Level = "problem" if same else "hint"
            yield Finding(level, "label conflict", where, what, "settle which is right")


def _pair_alike(texts: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
    # Texts of the same words, or of which nearly all are shared (Jaccard).
    column = {word: number for number, word in enumerate(sorted(frozenset().union(*texts)))}
    sizes = np.array([len(text) for text in texts])
    rows = np.repeat(np.arange(len(texts)), sizes)
    columns = [column[word] for text in texts for word in text]
    table = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(column)))
    shared = (table @ table.T).tocoo()
    common, either = shared.data, sizes[shared.row] + sizes[shared.col] - shared.data
    near = (common >= _NEAR_SHARE * either) & (common >= _NEAR_MIN_WORDS)
    alike = (near | (common == either)) & (shared.row < shared.col)
    yield from sorted(zip(shared.row[alike].tolist(), shared.col[alike].tolist(), strict=True))


def _find_one_sided_labels(
    seeds: Seeds, texts: Sequence[CheckedText], usage: Usage
) -> Iterator[Finding]:
    for label in seeds.labels:
        having = sum(label in text.labels for text in texts)
        if having < _TEXTS_MIN:
            yield Finding(
                "hint",
                "few texts",
                f"label {label}",
                f"hand-written texts that have it: {having}",
                f"write at least {_TEXTS_MIN}, in as many ways of saying it",
            )
        if not usage.near_misses[label]:
            yield Finding(
                "problem",
                "no near misses",
                f"label {label}",
                "no text without it uses any of its words, so that they alone will earn it",
                "write texts into background.jsonl that use them of something else",
            )


def _find_loose_terms(usage: Usage) -> Iterator[Finding]:
    for (label, alias), tally in usage.aliases.items():
        if level := _judge(wrong=tally.lacking, right=tally.having):
            yield Finding(
                level,
                "loose alias",
                f"labels.toml, alias {alias!r} of {label}",
                _count_found(label, tally),
                "make it longer, or move it to a concept that a conjunction narrows",
            )
    for (label, name), tally in usage.conjunctions.items():
        if level := _judge(wrong=tally.lacking, right=tally.having):
            yield Finding(
                level,
                "loose conjunction",
                f"labels.toml, conjunction {name!r}",
                _count_found(label, tally),
                "ask for another concept, exclude one, or make it a hint",
            )


def _find_silencers(usage: Usage) -> Iterator[Finding]:
    for (label, concept, term), tally in usage.silencers.items():
        if level := _judge(wrong=tally.having, right=tally.lacking):
            yield Finding(
                level,
                "over-broad exclusion",
                f"labels.toml, term {term!r} of {concept}",
                f"texts it keeps from being claimed: {tally.having} with {label}, "
                f"{tally.lacking} without",
                "take it out of the concept, or the concept out of `none`",
            )


def _find_unused_concepts(seeds: Seeds) -> Iterator[Finding]:
    knowledge = seeds.knowledge
    used = {name for rule in knowledge.conjunctions for name in (*rule.all, *rule.none)}
    used |= {name for concept in knowledge.concepts.values() for name in concept.includes}
    for name in knowledge.concepts.keys() - used - {*knowledge.list_hiding()}:
        yield Finding(
            "hint",
            "unused concept",
            f"labels.toml, concept {name}",
            "no conjunction asks for it or excludes it, no concept includes it",
            "use it, or take it out",
        )


def _judge(*, wrong: int, right: int) -> Level | None:
    if wrong <= right:
        return None
    return "problem" if wrong >= _WRONG_MIN else "hint"


def _count_found(label: str, tally: Tally) -> str:
    return f"texts it is found in: {tally.lacking} without {label}, {tally.having} with it"
