from pathlib import Path

import pytest

from benchmarks.boolean_queries import (
    QUERIES,
    BooleanQueries,
    absent,
    all_of,
    any_of,
    far,
    fold_words,
    near,
)
from benchmarks.compare import compare, main, make_labellers, write_page
from benchmarks.long_articles import FillersError, hide_articles, split_paragraphs
from benchmarks.made_articles import ON_BEAT_EVERY, ArticleMaker
from benchmarks.naive_model import NaiveModel, fit_on_articles, fit_on_articles_and_background
from benchmarks.wide_models import widen_model
from service.classifier import Classifier
from service.fitted import take_fitted
from service.pipeline_file import load_pipeline
from service.report import LabelledArticle
from service.seeds import read_seeds
from tests.factories import MODELS, SEEDS, article, load_classifier

NAMES = list(QUERIES)
LONG = "More than sixty characters are needed for a block of text to be a paragraph, number"


def find_labels(text: str, **changes: str) -> set[str]:
    probabilities = BooleanQueries(NAMES).label_article(article(text=text, **changes)).probabilities
    return {name for name, probability in probabilities.items() if probability}


def labelled(number: int, kind: str = "positive", **changes: object) -> LabelledArticle:
    fields = {
        "id": f"{kind}-{number}",
        "title": f"Title {number}",
        "text": f"{LONG} {kind} {number}.\n\n{LONG} {kind} {number} and last.",
        "labels": ["ttp"] if kind == "positive" else [],
        "kind": kind,
    }
    return LabelledArticle.model_validate(fields | changes)


ARTICLES = [
    labelled(number, kind)
    for kind in ("positive", "plain_negative", "hard_negative")
    for number in range(8)
]


def write_articles(path: Path) -> Path:
    lines = [each.model_dump_json() for each in [*ARTICLES, labelled(99, language="ur")]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ("India sent three small gifts home", True),
        ("the gifts that came from India", True),
        ("India with its long history once sent gifts", False),
        ("India alone", False),
    ],
)
def test_near_holds_within_so_many_words_in_either_order(words: str, holds: bool) -> None:  # noqa: FBT001
    assert bool(near("india", "gifts", within=4)(fold_words(words))) is holds


def test_near_wants_two_words() -> None:
    assert not near("border*", "border, gate", within=5)(fold_words("The border"))
    assert near("border*", "border, gate", within=5)(fold_words("The border gate"))


def test_what_is_near_counts_from_every_word_of_an_inner_query() -> None:
    query = near(near("india", "kabul", within=6), "visa*", within=1)
    assert query(fold_words("India gives out visas again in Kabul")) == set()
    assert query(fold_words("India gives out many things in Kabul, visas too"))


def test_far_excludes_only_the_neighbourhood() -> None:
    query = far("ttp", "blood", within=3)
    assert not query(fold_words("TTP, a blood disease"))
    assert query(fold_words("TTP, a blood disease. Quite another TTP"))


def test_gate_opens_from_anywhere_and_lends_no_place() -> None:
    query = near(all_of("chaman", "pakistan"), "border", within=2)
    assert query(fold_words("Chaman border. " + "word " * 300 + "Pakistan"))
    assert not query(fold_words("Chaman. " + "word " * 300 + "Pakistan border"))
    assert not query(fold_words("Chaman border"))


def test_absent_looks_at_the_whole_article() -> None:
    query = all_of("ttp", absent("blood"))
    assert query(fold_words("TTP attack"))
    assert not query(fold_words("TTP attack. " + "word " * 300 + "blood"))


def test_any_holds_where_one_part_does() -> None:
    assert any_of("torkham, chaman", "durand line")(fold_words("Chaman; Durand Line")) == {
        frozenset({0}),
        frozenset({1, 2}),
    }


@pytest.mark.parametrize(
    "name",
    [
        "Tehreek-e-Taliban Pakistan",
        "Tehrik-i-Taliban",
        "TAHREEK-I-TALEBAN",
        "Tehreek e Taliban",
        "Tehrik ul Taliban’s",
    ],
)
def test_wildcards_and_folding_find_every_spelling(name: str) -> None:
    assert find_labels(f"A spokesman of {name} said so.") == {"ttp"}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("The TTP attacked a post in Pakistan.", {"ttp"}),
        ("The TTP attacked a post.", set()),
        ("In Pakistan a patient with TTP got a plasma exchange.", set()),
        ("Police in Pakistan list the tactics, techniques and procedures (TTP) of thieves.", set()),
        ("The Afghan Taliban met traders in Kabul.", set()),
        ("A former TTP commander now leads ISKP in Pakistan.", set()),
        ("Iran deported 3,000 Afghans in a day.", {"deportation"}),
        ("Texas deported 3,000 Mexicans in a day.", set()),
        ("The opener was sent back to Kabul's delight, three wickets down to Afghanistan.", set()),
        ("The Torkham crossing was closed again.", {"border"}),
        ("Chaman Lal opened his account.", set()),
        ("Chaman, in Pakistan, was closed to trucks.", {"border"}),
        ("Texas closed its border with Mexico.", set()),
        ("Pakistan fenced its border with Iran; Afghan traders watched.", set()),
        ("India reopened its embassy in Kabul.", {"india_ties"}),
        ("India met Afghanistan in a T20 match and lost by three wickets.", set()),
        ("India and China held talks on trade.", set()),
        ("تحریک طالبان پاکستان نے حملہ کیا۔", {"ttp"}),
    ],
)
def test_query_is_gated_to_its_beat_and_excludes_the_others(text: str, labels: set[str]) -> None:
    assert find_labels(text) == labels


def test_query_reads_the_title_too_and_joins_what_stands_far_apart() -> None:
    filler = "A paragraph on something else. " * 50
    assert find_labels(f"TTP it is. {filler}", title="A storm in Pakistan") == {"ttp"}


def test_naive_model_gives_a_label_of_all_articles_to_anything_until_it_has_negatives() -> None:
    tulips = article(text="A museum in Utrecht showed its tulips.")
    assert fit_on_articles(NAMES, SEEDS).label_article(tulips).probabilities["ttp"] == 1
    informed = fit_on_articles_and_background(NAMES, SEEDS).label_article(tulips)
    assert max(informed.probabilities.values()) < NaiveModel.threshold


def test_naive_model_learns_words() -> None:
    model = NaiveModel.fit(
        ["red", "green"], [("roses", frozenset({"red"})), ("grass", frozenset({"green"}))]
    )
    roses = model.label_article(article(title="", text="Roses")).probabilities
    assert roses["red"] > NaiveModel.threshold > roses["green"]


@pytest.mark.parametrize("filler_kind", ["plain_negative", "hard_negative"])
def test_hidden_article_stands_whole_in_the_middle_of_8_to_12_others(filler_kind: str) -> None:
    for short, long in zip(ARTICLES, hide_articles(ARTICLES, filler_kind=filler_kind), strict=True):
        before, _, after = long.text.partition(f"\n\n{short.title}\n\n{short.text}\n\n")
        paragraphs = [split_paragraphs(before), split_paragraphs(after)]
        assert 8 <= sum(map(len, paragraphs)) <= 12
        assert len(paragraphs[1]) - len(paragraphs[0]) in {0, 1}
        assert all(filler_kind in each for part in paragraphs for each in part)


def test_hidden_article_keeps_what_is_known_of_it_and_its_title_goes_into_the_text() -> None:
    for short, long in zip(
        ARTICLES, hide_articles(ARTICLES, filler_kind="plain_negative"), strict=True
    ):
        assert long.id == f"{short.id}+plain_negative"
        assert (long.labels, long.kind, long.language) == (short.labels, short.kind, "en")
        assert long.title == ""


def test_article_is_never_hidden_among_its_own_paragraphs_nor_twice_among_one() -> None:
    for short, long in zip(
        ARTICLES, hide_articles(ARTICLES, filler_kind="plain_negative"), strict=True
    ):
        paragraphs = split_paragraphs(long.text)
        assert len(paragraphs) == len(set(paragraphs))
        assert long.text.count(short.text) == 1


def test_hiding_is_the_same_each_time_and_another_with_another_seed() -> None:
    assert hide_articles(ARTICLES, filler_kind="plain_negative") == hide_articles(
        ARTICLES, filler_kind="plain_negative"
    )
    assert hide_articles(ARTICLES, filler_kind="plain_negative") != hide_articles(
        ARTICLES, filler_kind="plain_negative", seed=1
    )


def test_hiding_takes_no_filler_with_a_label() -> None:
    mislabelled = [labelled(number, "plain_negative", labels=["ttp"]) for number in range(8)]
    with pytest.raises(FillersError, match="there are 0"):
        hide_articles(mislabelled, filler_kind="plain_negative")


def test_headings_and_menus_are_no_paragraphs() -> None:
    assert split_paragraphs(f"Home | News\n\n{LONG}\n \n Share this \n\n {LONG} 2") == [
        LONG,
        f"{LONG} 2",
    ]


def test_comparison_is_of_the_first_labeller_with_the_others() -> None:
    queries, naive = BooleanQueries(NAMES), fit_on_articles(NAMES, SEEDS)
    stories = [
        labelled(1, text="The TTP attacked a post in Pakistan."),
        labelled(2, "plain_negative", text="A museum showed its tulips."),
    ]
    rows = compare({"queries": queries, "naive": naive}, stories, file="two.jsonl")
    assert rows["queries"].report.all.macro.f1 == 1
    assert rows["queries"].lead is None
    lead = rows["naive"].lead
    assert lead is not None
    assert lead.macro_f1 == pytest.approx(1 - rows["naive"].report.all.macro.f1, abs=1e-4)
    assert rows["naive"].report.false_alerts["plain_negative"].per_100 == 100
    page = write_page({"English": rows}, file="two.jsonl", version="1")
    assert "| queries | 1.000 |" in page


def test_baselines_have_the_labels_of_the_model_in_its_order() -> None:
    labellers = make_labellers(BooleanQueries(NAMES[::-1]))
    assert [list(each.names) for each in labellers.values()] == [NAMES[::-1]] * 4


def test_page_names_its_command_and_the_file_without_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    main([str(write_articles(tmp_path / "few.jsonl")), "--out", str(page)])
    written = page.read_text(encoding="utf-8")
    assert "`python -m benchmarks.compare few.jsonl`" in written
    assert str(tmp_path) not in written
    assert [line for line in written.splitlines() if line.startswith("## ")] == [
        "## English: 24 articles",
        "## English, without titles: 24 articles",
        "## Other languages: 1 articles",
        "## Long, among plain negatives: 24 articles",
        "## Long, among hard negatives: 24 articles",
    ]
    assert "Long, among hard" in capsys.readouterr().out


def test_file_that_cannot_be_compared_says_why(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(SystemExit, match=r"broken.jsonl, line 1: text Field required"):
        main([str(path)])


def test_made_articles_are_as_long_as_asked_and_repeat_no_paragraph() -> None:
    maker = ArticleMaker(read_seeds(SEEDS))
    made = [*maker.make_mix(ON_BEAT_EVERY, 4000), *maker.make_off_beat(2, 4000)]
    assert {len(each.text) for each in made} == {4000}
    paragraphs = [line for each in made for line in each.text.split("\n\n") if len(line) > 100]
    assert len(set(paragraphs)) == len(paragraphs)
    assert "ttp" in {each.label for each in load_classifier().label_article(made[0]).alerts}


def test_widened_model_says_of_its_first_labels_what_it_said() -> None:
    pipeline, manifest = load_pipeline(MODELS)
    wide, wide_manifest = widen_model(pipeline, manifest, 3)
    labelled_article = article(title="TTP attacks a police post", text="The border was closed.")
    before = load_classifier().label_article(labelled_article).probabilities
    after = (
        Classifier(take_fitted(wide), wide_manifest).label_article(labelled_article).probabilities
    )
    assert len(after) == 3 * len(before)
    assert {name: after[name] for name in before} == before
    assert wide.predict_proba(["The border was closed."]).shape == (1, len(after))
