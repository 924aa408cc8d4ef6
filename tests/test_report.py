import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.alerts import AlertLabel
from service.classifier import Labelling
from service.comparison import compare_models
from service.console import open_console
from service.messages import Article
from service.report import (
    LabelledArticle,
    LabelledFileError,
    read_labelled_articles,
    write_report,
)
from service.report_tables import tabulate_comparison, tabulate_report


class WordSpotter:
    """Labels an article with each label whose name it says."""

    threshold = 0.5

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def label_article(self, article: Article) -> Labelling:
        said = f"{article.title} {article.text}".lower().split()
        probabilities = {name: 0.9 if name in said else 0.1 for name in self.names}
        return Labelling(probabilities, list[AlertLabel]())


SPOTTER = WordSpotter(["ttp", "border"])


def labelled(text: str, labels: list[str], **changes: str) -> LabelledArticle:
    fields = {"id": text[:8], "text": text, "labels": labels, **changes}
    return LabelledArticle.model_validate(fields)


ARTICLES = [
    labelled("ttp attacks a post", ["ttp"], kind="positive"),
    labelled("the line is shut", ["border"], kind="positive", lang="de"),
    labelled("ttp is a disease of the blood", [], kind="hard_negative"),
    labelled("it rained", [], kind="plain_negative"),
]


def test_false_alerts_are_counted_by_kind() -> None:
    report = write_report(SPOTTER, ARTICLES, file="some.jsonl", model="1")
    per_100 = {kind: counted.per_100 for kind, counted in report.false_alerts.items()}
    assert per_100 == {"positive": 0.0, "hard_negative": 100.0, "plain_negative": 0.0}


def test_figures_are_given_by_language_and_by_length() -> None:
    report = write_report(SPOTTER, ARTICLES, file="some.jsonl", model="1")
    assert {name: part.texts for name, part in report.by_language.items()} == {"de": 1, "en": 3}
    assert sum(part.texts for part in report.by_length.values()) == 4


def test_worst_mistakes_are_named_with_a_passage() -> None:
    report = write_report(SPOTTER, ARTICLES, file="some.jsonl", model="1")
    assert {(each.label, each.mistake, each.quote) for each in report.worst} == {
        ("border", "missed", "the line is shut"),
        ("ttp", "false", "ttp is a disease of the blood"),
    }


def test_comparison_names_what_changed_and_which_was_right() -> None:
    silent = WordSpotter(["ttp", "border"])
    silent.threshold = 2.0
    comparison = compare_models(SPOTTER, silent, ARTICLES, model="2", against="1")
    assert comparison.micro_f1 > 0
    assert [(each.id, each.label, each.now, each.right) for each in comparison.changes] == [
        ("ttp atta", "ttp", True, True),
        ("ttp is a", "ttp", True, False),
    ]


def test_report_and_comparison_are_shown_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    report = write_report(SPOTTER, ARTICLES, file="some.jsonl", model="1")
    comparison = compare_models(SPOTTER, SPOTTER, ARTICLES, model="2", against="1")
    open_console().print(tabulate_report(report), tabulate_comparison(comparison))
    page = capsys.readouterr().out
    assert "hard_negative" in page
    assert "2 minus 1" in page


@pytest.mark.parametrize("key", ["lang", "language"])
def test_labelled_articles_are_read(tmp_path: Path, key: str) -> None:
    line = {"id": "a", "text": "t", "labels": ["ttp"], key: "ur", "note": "unknown fields are ours"}
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps(line) + "\n")
    (article,) = read_labelled_articles(path)
    assert (article.language, article.labels) == ("ur", ["ttp"])


def test_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text('{"id": "a", "text": "t", "labels": []}\n{"id": "b", "labels": []}\n')
    with pytest.raises(LabelledFileError, match="line 2: text"):
        read_labelled_articles(path)


def test_label_that_the_model_does_not_know_is_named() -> None:
    with pytest.raises(LabelledFileError, match="polio"):
        write_report(SPOTTER, [labelled("a", ["polio"])], file="f", model="1")
