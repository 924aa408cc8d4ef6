"""A worker whose desk raises on articles titled POISON: a bug of ours, as a process.

Run as `python -m tests.poisoned_desk`.
"""

from service import desk
from service.desk_state import DeskState
from service.matches import Match
from service.settings import read_settings
from service.stories import DeskRules, Ruling, rule_on_match
from service.worker import run_worker


def raise_on_poison(match: Match, state: DeskState, rules: DeskRules) -> Ruling:
    if "POISON" in match.article.title:
        raise ZeroDivisionError(match.article.title)
    return rule_on_match(match, state, rules)


if __name__ == "__main__":
    desk.rule_on_match = raise_on_poison  # type: ignore[attr-defined]  # a bug, on purpose
    run_worker(read_settings())
