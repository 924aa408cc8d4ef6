"""Lines that a pattern matches, made of its own parts: each of its words comes sooner or later."""

import random
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

# What hypothesis reads patterns with, too; it tries few of their words in a reasonable time.
_PARSER = import_module("re._parser")
_ANY = 'ab 1234 Zé.:|’-/ س—>»\u203a•·"”。_'
_OF_CATEGORY = {
    "CATEGORY_WORD": "aZé9_س",
    "CATEGORY_NOT_WORD": " .:|-()’",
    "CATEGORY_DIGIT": "0159٣",
    "CATEGORY_SPACE": " \t\u00a0",
}
_MOST_TIMES = (0, 1, 8)


def make_lines(pattern: re.Pattern[str], count: int) -> Iterator[str]:
    """Make lines that match: so many tries, the same each time; what does not match is left out.

    Args:
        pattern: without groups that are named or referred to.
        count: how often to try.
    """
    chance = random.Random(pattern.pattern)  # noqa: S311, no secret
    parts = _PARSER.parse(pattern.pattern, pattern.flags)
    for _ in range(count):
        line = _follow(parts, chance).strip()
        if pattern.fullmatch(line):
            yield line


def _follow(parts: Sequence[tuple[Any, Any]], chance: random.Random) -> str:
    return "".join(_make_part(str(kind), what, chance) for kind, what in parts)


def _make_part(kind: str, what: Any, chance: random.Random) -> str:
    match kind:
        case "LITERAL":
            return _change_case(chr(what), chance)
        case "ANY":
            return chance.choice(_ANY)
        case "IN":
            return _choose(what, chance)
        case "BRANCH" | "SUBPATTERN":
            return _follow(chance.choice(what[1]) if kind == "BRANCH" else what[-1], chance)
        case "MAX_REPEAT":
            least, most, repeated = what
            times = chance.randint(least, min(most, least + chance.choice(_MOST_TIMES)))
            return "".join(_follow(repeated, chance) for _ in range(times))
        case "AT" | "ASSERT":
            return ""  # Whether it holds, the pattern itself says of the line.
        case _:
            raise ValueError(kind)


def _choose(members: Sequence[tuple[Any, Any]], chance: random.Random) -> str:
    if str(members[0][0]) == "NEGATE":
        unwanted = [chr(what) for _, what in members[1:]]
        return chance.choice([each for each in _ANY if each not in unwanted])
    kind, what = chance.choice(members)
    match str(kind):
        case "LITERAL":
            return chr(what)
        case "RANGE":
            return chr(chance.randint(*what))
        case _:
            return chance.choice(_OF_CATEGORY[str(what)])


def _change_case(letter: str, chance: random.Random) -> str:
    return chance.choice([letter, letter, letter.upper()])
