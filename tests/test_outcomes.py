import re

from service.outcomes import OUTCOME_MEANINGS, Outcome
from tests.readme_tables import write_outcomes


def test_every_outcome_has_a_meaning_of_its_own() -> None:
    assert list(OUTCOME_MEANINGS) == list(Outcome)
    assert all(OUTCOME_MEANINGS.values())
    assert len(set(OUTCOME_MEANINGS.values())) == len(Outcome)


def test_outcomes_are_past_participles_or_adjectives_in_one_word() -> None:
    assert [each for each in Outcome if not re.fullmatch(r"[a-z]+(ed|en|ld|wn|le)", each)] == []


def test_table_has_a_row_for_each_outcome() -> None:
    rows = re.findall(r"^\| `(\w+)` \| \S.* \|$", write_outcomes(), re.MULTILINE)
    assert rows == [str(each) for each in Outcome]
