"""Listed terms found the plain way: each term at each word, one after the other."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from service.term_tree import GAP_WORDS
from service.terms import Hit, expand_term
from service.words import Word, list_words

_GAP = "..."


def find_plainly(
    concepts: Mapping[str, Sequence[str]], hiding: Collection[str], words: Sequence[Word]
) -> list[Hit]:
    named: dict[tuple[int, int], set[str]] = {}
    for concept, terms in concepts.items():
        for written in (written for term in terms for written in expand_term(term)):
            parts = [*_list_parts(written)]
            for first in range(len(words)) if parts else ():
                for last in _match(parts, words, first, first):
                    named.setdefault((first, last), set()).add(concept)
    spans = [span for span, own in named.items() if own & {*hiding}]
    return [
        Hit(tuple(sorted(own)), *span)
        for span, own in sorted(named.items())
        if not any(
            first <= span[0] and span[1] <= last and (first, last) != span for first, last in spans
        )
    ]


def _list_parts(written: str) -> Iterator[str]:
    # Words, words that others begin with (`word*`), and gaps.
    for part in written.split():
        if part == _GAP:
            yield part
        elif pieces := list_words(part):
            yield from pieces[:-1]
            yield pieces[-1] + "*" * part.endswith("*")


def _match(parts: Sequence[str], words: Sequence[Word], first: int, at: int) -> Iterator[int]:
    if not parts:
        yield at
    elif parts[0] == _GAP:
        for later in range(at, min(at + GAP_WORDS + 1, len(words))):
            if words[later].sentence == words[at - 1].sentence and _is(parts[1], words[later]):
                yield from _match(parts[2:], words, first, later + 1)
    elif at < len(words) and _is(parts[0], words[at]) and (at == first or words[at].joined):
        yield from _match(parts[1:], words, first, at + 1)


def _is(part: str, word: Word) -> bool:
    return word.form.startswith(part[:-1]) if part.endswith("*") else word.form == part
