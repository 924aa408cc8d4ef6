import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.alerts import Evidence
from service.classifier import _group
from service.evidence import EVIDENCE_MAX_PASSAGES, TERMS_MAX
from service.messages import Article
from service.pipeline_file import load_pipeline
from service.seeds import read_seeds
from service.words import list_words
from tests.factories import MODELS, SEEDS, TTP_TITLE, article, load_classifier

SEED_ARTICLES = read_seeds(SEEDS).articles
BORDER = (
    "The Torkham border crossing between Pakistan and Afghanistan was closed at the Durand Line."
)
scripts = st.sampled_from(
    [
        "تحریک طالبان پاکستان کے ترجمان نے کہا۔",
        "طورخم سرحد بند",
        "तालिबान ने कहा।",
        "😀👩‍👩‍👧",
        "Cafe\u0301 n\u0303",
        "\u202eabc\u202c",
        "\U00010348 \x00",
        "\r\n",
        "\n\n",
        " \u00a0\t",
        "News. ",
    ]
)


def quote_from(labelled: Article, evidence: Evidence) -> str:
    words = {"title": labelled.title, "text": labelled.text}[evidence.part]
    return words[evidence.start : evidence.end]


@pytest.mark.parametrize("name", SEED_ARTICLES)
def test_seed_has_at_least_the_labels_of_its_passages(name: str) -> None:
    labelling = load_classifier().label_article(Article(id=name, text=SEED_ARTICLES[name]))
    found = {label.label for label in labelling.labels}
    assert read_seeds(SEEDS).labels_of(name) <= found


@given(st.lists(scripts).map("".join), st.lists(scripts).map("".join))
@hypothesis_settings(max_examples=50)
def test_evidence_quotes_what_its_offsets_point_at_in_any_script(before: str, after: str) -> None:
    labelled = article(
        title=f"{after} {TTP_TITLE} {before}", text=f"{before}\n\n{TTP_TITLE}.\n\n{BORDER}{after}"
    )
    labels = load_classifier().label_article(labelled).labels
    assert labels
    for label in labels:
        for evidence in label.evidence:
            assert quote_from(labelled, evidence) == evidence.quote != ""


@pytest.mark.parametrize("name", SEED_ARTICLES)
def test_evidence_is_what_earned_the_label(name: str) -> None:
    labelling = load_classifier().label_article(Article(id=name, text=SEED_ARTICLES[name]))
    review_threshold = load_classifier().manifest.labels[0].review_threshold
    for label in labelling.labels:
        probabilities = [evidence.probability for evidence in label.evidence]
        assert 1 <= len(probabilities) <= EVIDENCE_MAX_PASSAGES
        assert probabilities == sorted(probabilities, reverse=True)
        assert probabilities[0] == label.probability == labelling.probabilities[label.label]
        least = label.threshold if label.band == "alert" else review_threshold
        assert probabilities[-1] >= least
        assert (label.probability >= label.threshold) == (label.band == "alert")


@pytest.mark.parametrize("name", SEED_ARTICLES)
def test_terms_are_in_the_quote_each_once_and_the_heaviest_first(name: str) -> None:
    labelling = load_classifier().label_article(Article(id=name, text=SEED_ARTICLES[name]))
    for evidence in (each for label in labelling.labels for each in label.evidence):
        weights = [abs(term.weight) for term in evidence.terms]
        assert 1 <= len(weights) <= TERMS_MAX
        assert weights == sorted(weights, reverse=True)
        for term in evidence.terms:
            assert all(found in evidence.quote for found in term.found)
            assert bool(term.found) == (term.kind in {"concept", "conjunction"})
            if term.kind == "word":
                assert set(term.term.split()) <= set(list_words(evidence.quote))
        assert len({(term.kind, term.term) for term in evidence.terms}) == len(evidence.terms)


@pytest.mark.parametrize("name", SEED_ARTICLES)
def test_terms_rest_and_bias_add_up_to_the_decision(name: str) -> None:
    labelling = load_classifier().label_article(Article(id=name, text=SEED_ARTICLES[name]))
    for evidence in (each for label in labelling.labels for each in label.evidence):
        log_odds = evidence.bias + evidence.rest + sum(term.weight for term in evidence.terms)
        # As fine as probabilities and weights are rounded, to six decimals.
        assert math.isclose(1 / (1 + math.exp(-log_odds)), evidence.probability, abs_tol=1e-5)


def test_article_is_as_probable_as_its_most_probable_passage() -> None:
    pipeline, manifest = load_pipeline(MODELS)
    passages = [f"{TTP_TITLE}.", BORDER, "The harvest festival opened."]
    labelling = load_classifier().label_article(article(title="", text="\n\n".join(passages)))
    highest = np.max(pipeline.predict_proba(passages), axis=0)
    assert list(labelling.probabilities) == [label.name for label in manifest.labels]
    assert list(labelling.probabilities.values()) == pytest.approx(highest, abs=1e-6)


def test_title_alone_is_labelled() -> None:
    (label,) = load_classifier().label_article(article(title=TTP_TITLE)).alerts
    assert label.label == "ttp"
    assert [evidence.part for evidence in label.evidence] == ["title"]


@pytest.mark.parametrize("between", ["\n\n", "\n", " ", "\r\n"])
def test_headline_that_the_text_repeats_is_not_counted_twice(between: str) -> None:
    repeated = article(title=f" {TTP_TITLE}", text=f"\n{TTP_TITLE}{between}It rained.")
    (label,) = load_classifier().label_article(repeated).alerts
    assert [evidence.part for evidence in label.evidence] == ["text"]


def test_headline_that_the_text_quotes_later_is_counted() -> None:
    quoted = article(title=TTP_TITLE, text=f"It rained.\n\n{TTP_TITLE}.")
    (label,) = load_classifier().label_article(quoted).alerts
    assert {evidence.part for evidence in label.evidence} == {"title", "text"}


@pytest.mark.parametrize("text", ["", " \n ", "Photo: Reuters", "Your cart is empty"])
def test_article_without_a_passage_has_no_label(text: str) -> None:
    labelling = load_classifier().label_article(article(title="", text=text))
    assert labelling.labels == []
    assert set(labelling.probabilities.values()) == {0.0}


def test_words_that_no_seed_has_earn_no_label() -> None:
    assert load_classifier().label_article(article(title="Xyzzy plugh", text="ഴ")).labels == []


def test_labels_come_in_the_order_of_the_manifest_with_its_titles_and_thresholds() -> None:
    (article_of_all,) = [text for name, text in SEED_ARTICLES.items() if name.startswith("000")]
    classifier = load_classifier()
    labels = classifier.label_article(article(title="", text=article_of_all)).labels
    assert [(each.label, each.title, each.threshold) for each in labels] == [
        (each.name, each.title, each.threshold) for each in classifier.manifest.labels
    ]


def test_words_are_counted_and_those_that_the_model_does_not_know() -> None:
    known = load_classifier().label_article(article(title="", text="The border was closed."))
    assert (known.words, known.unknown_words) == (4, 0)
    some = load_classifier().label_article(article(title="", text="The xqzvw was closed. Vwxqz!"))
    assert (some.words, some.unknown_words) == (5, 2)
    nothing = load_classifier().label_article(article(title="", text=""))
    assert (nothing.words, nothing.unknown_words) == (0, 0)


def test_only_articles_whose_words_are_searched_for_with_patterns_are_labelled_alone() -> None:
    letters = ["".join(map(chr, range(start, start + 100))) for start in (0x4E00, 0x5E00)]
    texts = ["Rain.", "\u0915\u093f", "Caf\u00e9", *letters, "".join(letters), "\ufdfa", "\u0442"]
    articles = [article(title="", text=text) for text in texts]
    assert _group(articles) == [[0, 2, 3, 4, 7], [1], [5], [6]]
    titled = [article(title=each.text, text="Snow.") for each in articles]
    assert _group(titled) == _group(articles)
    assert _group([articles[0], articles[2]]) == [[0, 1]]
    assert _group([articles[1]]) == [[0]]
