from pathlib import Path

import pytest

from benchmarks.learning import (
    deal_halves,
    draw_curve,
    main,
    strip_seeds,
    write_page,
)
from service.report import LabelledArticle, LabelledFileError
from service.seeds import read_seeds
from tests.factories import SEEDS

POLIO = Path(__file__).parent / "data" / "polio"
NEGATIVE = "A book fair opened in town {}; its third hall was shut by rain."


def labelled(number: int, **changes: object) -> LabelledArticle:
    fields = {
        "id": str(number),
        "text": f"Laboratory {number} confirmed a case of polio in the town.",
        "labels": ["polio"],
        "kind": "positive",
    }
    return LabelledArticle.model_validate(fields | changes)


ARTICLES = [
    *(labelled(number) for number in range(14)),
    *(
        labelled(number, text=NEGATIVE.format(number), labels=[], kind="hard_negative")
        for number in range(14, 28)
    ),
]


def test_halves_have_as_many_of_each_kind_and_nothing_in_common() -> None:
    one, other = deal_halves(ARTICLES)
    assert sorted([*one, *other], key=lambda each: int(each.id)) == ARTICLES
    for half in (one, other):
        assert sum(each.kind == "positive" for each in half) == 7
        # What is added first is not of one kind.
        assert len({each.kind for each in half[:7]}) == 2
    assert deal_halves(ARTICLES) == (one, other)


def test_stripped_seeds_have_passages_background_and_names_alone() -> None:
    seeds = read_seeds(SEEDS)
    stripped = strip_seeds(seeds)
    assert list(stripped.labels) == list(seeds.labels)
    assert (stripped.knowledge.concepts, stripped.knowledge.conjunctions) == ({}, [])
    groups = {text.group.split(":")[0] for text in stripped.texts}
    assert groups == {*seeds.articles, "background.jsonl"}


def test_every_article_is_judged_once_at_each_point_of_the_curve() -> None:
    halves = deal_halves(ARTICLES)
    points = draw_curve(read_seeds(POLIO), halves)
    assert [point.added for point in points] == [0, 10, 14]
    for point in points:
        truth = [article.labels == ["polio"] for half in halves for article in half]
        assert point.decided.truth[:, 0].tolist() == truth
        assert point.ranked.probabilities.shape == (28, 1)
    page = write_page({"Polio": points}, [*halves[0], *halves[1]], file="few.jsonl")
    assert "`python -m benchmarks.learning few.jsonl`" in page
    assert "The 28 English articles" in page
    row = next(line for line in page.splitlines() if line.startswith("| 14 |"))
    assert row.split(" | ")[1:3] == ["1.000", "1.000 to 1.000"]
    assert row.endswith("| 0.0 (0.0 to 21.5) |")


def test_label_that_the_seeds_do_not_have_is_an_error() -> None:
    with pytest.raises(LabelledFileError, match="flu"):
        draw_curve(read_seeds(POLIO), ([labelled(1, labels=["flu"])], [labelled(2)]))


def test_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(SystemExit, match=r"broken.jsonl, line 1: "):
        main([str(path)])
