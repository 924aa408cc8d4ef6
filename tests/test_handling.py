from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.handling import (
    OUTCOMES,
    Alerted,
    FailureLimit,
    HandlingRules,
    Outcome,
    Rejected,
    Unmatched,
    Withdrawn,
    Withheld,
    handle_article,
)
from service.messages import Article, RawArticle, RejectionReason, derive_alert_id
from tests.factories import NOW, TTP_TITLE, load_classifier, raw, write_article
from tests.test_formats import any_bytes

FAILED = Rejected(RejectionReason.HANDLER_FAILED, "KeyError")
HANDLED = Unmatched("a1")


RULES = HandlingRules(article_max_bytes=1_000_000, review="drop")


def handle(message: RawArticle, rules: HandlingRules = RULES) -> Outcome:
    return handle_article(message, load_classifier(), rules, NOW)


def handle_value(**changes: object) -> Outcome:
    return handle(raw(value=write_article(**changes)))


def test_article_with_a_label_is_alerted() -> None:
    outcome = handle_value(id="a9", title=TTP_TITLE, version=3, source="Example News")
    assert isinstance(outcome, Alerted)
    alert = outcome.alert
    assert (alert.alert_id, alert.revision) == (derive_alert_id("a9"), 5)
    assert (alert.status, alert.why) == ("raised", None)
    assert [label.label for label in alert.labels] == ["ttp"]
    assert (alert.article.id, alert.article.source) == ("a9", "Example News")
    assert alert.model == load_classifier().reference
    assert alert.labelled_at == NOW


def test_alert_leads_a_story_of_its_own() -> None:
    outcome = handle_value(title=TTP_TITLE)
    assert isinstance(outcome, Alerted)
    story = outcome.alert.story
    assert (story.role, story.similarity) == ("lead", 1.0)
    assert story.story_id == story.lead_alert_id == outcome.alert.alert_id


def test_article_without_a_label_is_unmatched() -> None:
    assert handle_value(id="a2") == Unmatched("a2")


def test_withheld_article_is_withheld_whatever_it_says() -> None:
    assert handle_value(id="a3", status="withheld", title=TTP_TITLE) == Withheld("a3")


@pytest.mark.parametrize("version", [1, 7])
def test_killed_article_is_withdrawn_above_the_version_it_kills(version: int) -> None:
    outcome = handle_value(id="a4", status="canceled", title="", version=version)
    assert isinstance(outcome, Withdrawn)
    alert = outcome.alert
    assert (alert.status, alert.why, alert.labels) == ("withdrawn", "killed", [])
    assert alert.alert_id == derive_alert_id("a4")
    assert alert.revision > version


def test_no_revision_is_used_twice_whichever_versions_are_killed() -> None:
    revisions = []
    for version in range(1, 9):
        for status in ("usable", "canceled"):
            outcome = handle_value(title=TTP_TITLE, status=status, version=version)
            assert isinstance(outcome, Alerted | Withdrawn)
            revisions.append(outcome.alert.revision)
    assert revisions == sorted(set(revisions))


@pytest.mark.parametrize("value", [None, b"", b"not JSON", b"[]", b"{}", b'{"id": "a1"}'])
def test_what_is_no_article_is_rejected(value: bytes | None) -> None:
    outcome = handle(raw(value=value))
    assert isinstance(outcome, Rejected)
    assert outcome.detail


def test_article_is_rejected_unread_above_the_limit_and_read_at_it() -> None:
    value = write_article(id="a5")
    assert handle(raw(value=value), HandlingRules(len(value), "drop")) == Unmatched("a5")
    outcome = handle(raw(value=b"[" * 1_001), HandlingRules(1_000, "drop"))
    assert outcome == Rejected(RejectionReason.TOO_LARGE, "1001 bytes; at most 1000 are read")


REVIEW_TEXT = "Officials met in Kabul on Tuesday about trade through Chabahar and about visas."


def test_article_that_only_may_match_goes_nowhere_unless_the_settings_say_so() -> None:
    labelling = load_classifier().label_article(Article(id="a6", title=REVIEW_TEXT))
    bands = {label.label: label.band for label in labelling.labels}
    assert set(bands.values()) == {"review"}, "choose another text"
    dropped = handle_value(id="a6", title=REVIEW_TEXT)
    assert dropped == Unmatched("a6", tuple(bands))
    published = handle(
        raw(value=write_article(id="a6", title=REVIEW_TEXT)), HandlingRules(1_000, "publish")
    )
    assert isinstance(published, Alerted)
    assert published.alert.labels == labelling.labels


@pytest.mark.parametrize(
    "changes", [{"title": f"Again: {TTP_TITLE}"}, {"version": 2}, {"url": "u"}, {"text": "More."}]
)
def test_alert_id_depends_on_the_article_id_alone(changes: dict[str, object]) -> None:
    one = handle_value(**{"title": TTP_TITLE} | changes)
    other = handle(raw(key=None, partition=9, offset=9, value=write_article(title=TTP_TITLE)))
    assert isinstance(one, Alerted)
    assert isinstance(other, Alerted)
    assert one.alert.alert_id == other.alert.alert_id


def test_outcomes_have_the_names_of_the_ledger() -> None:
    assert [outcome.name for outcome in OUTCOMES] == [
        "alerted",
        "unmatched",
        "withheld",
        "withdrawn",
        "rejected",
    ]


@given(any_bytes)
def test_any_bytes_come_to_an_outcome(value: bytes) -> None:
    assert isinstance(handle(raw(value=value)), OUTCOMES)


@given(
    st.sampled_from(["usable", "withheld", "canceled"]),
    st.sampled_from([TTP_TITLE, "It rained.", ""]),
    st.integers(0, 3),
)
def test_same_message_comes_to_the_same_outcome(status: str, title: str, version: int) -> None:
    message = raw(value=write_article(status=status, title=title, version=version))
    assert handle(message) == handle(message)


def test_only_the_clock_given_is_read() -> None:
    message = raw(value=write_article(title=TTP_TITLE))
    later = NOW + timedelta(days=1)
    outcome = handle_article(message, load_classifier(), RULES, later)
    assert isinstance(outcome, Alerted)
    assert outcome.alert.labelled_at == later


def test_so_many_failures_in_a_row_are_too_many() -> None:
    limit = FailureLimit(in_a_row=3, ratio=1.0)
    assert [limit.is_exceeded_after(FAILED) for _ in range(4)] == [False, False, True, True]


def test_handled_article_ends_a_row_of_failures() -> None:
    limit = FailureLimit(in_a_row=3, ratio=1.0)
    outcomes: list[Outcome] = [FAILED, FAILED, HANDLED, FAILED, FAILED]
    assert not any(limit.is_exceeded_after(outcome) for outcome in outcomes)


def test_rejections_for_other_reasons_are_no_failures_of_ours() -> None:
    limit = FailureLimit(in_a_row=1, ratio=0.001)
    rejected = Rejected(RejectionReason.INVALID_JSON, "cut off")
    assert not any(limit.is_exceeded_after(rejected) for _ in range(200))


def test_too_large_a_share_of_failures_is_too_many() -> None:
    limit = FailureLimit(in_a_row=1000, ratio=0.1)
    # Each tenth of 1,000 is just not more than a tenth; one failure more is.
    assert not any(limit.is_exceeded_after(FAILED if n % 10 == 9 else HANDLED) for n in range(1000))
    assert limit.is_exceeded_after(FAILED)


def test_share_is_not_judged_by_fewer_than_a_hundred_articles() -> None:
    limit = FailureLimit(in_a_row=1000, ratio=0.1)
    assert [limit.is_exceeded_after(FAILED) for _ in range(100)] == [False] * 99 + [True]


def test_failures_of_long_ago_are_forgotten() -> None:
    limit = FailureLimit(in_a_row=1000, ratio=0.05)
    for _ in range(99):
        limit.is_exceeded_after(FAILED)
    for _ in range(1000):
        limit.is_exceeded_after(HANDLED)
    assert not limit.is_exceeded_after(FAILED)
