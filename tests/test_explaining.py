import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from service.desk_state import HOUR_MS, DeskState
from service.explaining import explain_alert
from service.handling import HandlingRules, Matched, handle_article
from service.likelihood import Likelihood
from service.settings import CHECKOUT
from service.stories import DeskRules, rule_on_match
from tests.factories import TTP_TITLE, load_classifier, raw, write_article

RULES = HandlingRules(article_max_bytes=1_000_000, review="drop")
ARTICLE = write_article(id="a1", title=TTP_TITLE, text="It rained.")


def publish(article: bytes = ARTICLE) -> bytes:
    now = datetime(2026, 3, 12, 7, 0, 0, 123456, tzinfo=UTC)
    decided = handle_article(raw(value=article), load_classifier(), RULES, now)
    assert isinstance(decided, Matched)
    state = DeskState(Likelihood.load(), window_ms=HOUR_MS, memory_ms=HOUR_MS)
    (alert,) = rule_on_match(decided.match, state, DeskRules()).alerts
    return alert.model_dump_json().encode()


def test_alert_is_made_again_bit_for_bit_from_its_article() -> None:
    explanation = explain_alert(publish(), ARTICLE, load_classifier(), RULES)
    assert explanation.identical
    assert explanation.differences == []


def test_what_differs_is_named() -> None:
    changed = write_article(id="a1", title=TTP_TITLE, text="It rained.", source="Other News")
    explanation = explain_alert(publish(), changed, load_classifier(), RULES)
    assert not explanation.identical
    assert explanation.differences == ["article.source: published '', now 'Other News'"]


def test_another_model_is_named_as_what_differs() -> None:
    sha256 = load_classifier().reference.sha256
    published = publish().replace(sha256.encode(), b"0" * 64)
    explanation = explain_alert(published, ARTICLE, load_classifier(), RULES)
    assert [each.split(":")[0] for each in explanation.differences] == ["model.sha256"]


def test_article_that_is_no_longer_alerted_is_said_to_be_so() -> None:
    other = write_article(id="a1", title="The harvest festival opened in the rain")
    explanation = explain_alert(publish(), other, load_classifier(), RULES)
    assert explanation.differences == ["the article now has no labels"]
    broken = explain_alert(publish(), b"{", load_classifier(), RULES)
    assert broken.differences[0].startswith("the article is now rejected: invalid_json")


def test_alert_in_another_form_is_not_the_same_bit_for_bit() -> None:
    explanation = explain_alert(publish() + b"\n", ARTICLE, load_classifier(), RULES)
    assert explanation.differences == ["the same content, written in another form"]


def test_explain_says_nothing_when_nobody_reads_it(tmp_path: Path) -> None:
    published, about = tmp_path / "alert.json", tmp_path / "article.json"
    published.write_bytes(publish())
    about.write_bytes(ARTICLE)
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", "service", "explain", str(published), "--article", str(about)],
        cwd=CHECKOUT,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")
