import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.handling import (
    Decided,
    FailureLimit,
    HandlingRules,
    Matched,
    Rejected,
    Unmatched,
    Withheld,
    handle_article,
)
from service.matches import Match
from service.messages import Article, Headers, RawArticle, RejectionReason
from tests.factories import NOW, TTP_TITLE, load_classifier, raw, write_article
from tests.format_examples import ARTICLES, WITHDRAWALS, change_example, read_example
from tests.hostile_inputs import any_bytes

RULES = HandlingRules(article_max_bytes=1_000_000, review="drop")


def handle(message: RawArticle, rules: HandlingRules = RULES) -> Decided:
    return handle_article(message, load_classifier(), rules, NOW)


def handle_value(**changes: object) -> Decided:
    return handle(raw(value=write_article(**changes)))


def match_of(decided: Decided) -> Match:
    assert isinstance(decided, Matched)
    return decided.match


def test_article_with_a_label_is_a_match() -> None:
    match = match_of(handle_value(id="a9", title=TTP_TITLE, version=3, source="Example News"))
    assert [label.label for label in match.labels] == ["ttp"]
    assert (match.article.id, match.article.version, match.version_given) == ("a9", 3, True)
    assert (match.article.source, match.status) == ("Example News", "usable")
    assert (match.model, match.labelled_at) == (load_classifier().reference, NOW)
    assert (match.origin.partition, match.origin.offset) == (3, 42)
    assert match.sketch


@pytest.mark.parametrize(
    ("made", "version"), [("2026-11-26T09:00:00Z", 1_795_683_600), ("", 1), ("soon", 1)]
)
def test_kill_of_every_version_says_when_it_was_made(made: str, version: int) -> None:
    match = match_of(handle_value(id="a9", status="canceled", updated_at=made))
    assert (match.article.version, match.version_given) == (version, False)


def test_first_version_without_a_label_is_unmatched() -> None:
    assert handle_value(id="a2") == Unmatched("a2")
    assert handle_value(id="a2", version=1) == Unmatched("a2")


def test_later_version_without_a_label_goes_to_the_desk_which_knows_the_earlier() -> None:
    match = match_of(handle_value(id="a2", version=2))
    assert (match.labels, match.sketch) == ([], b"")


def test_withheld_article_is_withheld_whatever_it_says() -> None:
    assert handle_value(id="a3", status="withheld", title=TTP_TITLE) == Withheld("a3")


@pytest.mark.parametrize("changes", [{"version": 7}, {}, {"version": None}, {"version": ""}])
def test_kill_goes_to_the_desk_and_tells_whether_it_has_a_version(
    changes: dict[str, object],
) -> None:
    match = match_of(handle_value(id="a4", status="canceled", title="", **changes))
    assert (match.status, match.labels) == ("canceled", [])
    assert match.version_given == bool(changes.get("version"))


def test_kill_of_which_only_id_and_status_can_be_read_is_of_every_version() -> None:
    unreadable = {"title": 1, "version": "1.2", "embargoed_until": "soon", "published_at": "soon"}
    match = match_of(handle_value(id="a4", status="canceled", **unreadable))
    assert (match.status, match.version_given, match.article.id) == ("canceled", False, "a4")


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
    assert match_of(published).labels == labelling.labels


def test_review_band_of_a_later_version_is_told_to_the_desk_that_counts_it() -> None:
    match = match_of(handle_value(id="a6", title=REVIEW_TEXT, version=2))
    assert match.labels == []
    assert match.review


any_headers = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "Content-Type", "ce_specversion", "ce_type"]) | st.text(),
        st.none()
        | st.binary()
        | st.sampled_from([b"application/xml", b"application/avro", b"1.0"]),
    ),
    max_size=3,
).map(tuple)


@given(any_bytes, any_headers)
def test_any_bytes_come_to_an_outcome(value: bytes, headers: Headers) -> None:
    assert isinstance(handle(raw(value=value, headers=headers)), Decided)


# As JSON, so that each is made anew.
STRANGE = [
    *("null", "true", "0", "-1.5", "1e308", "9" * 30, '""', '" "', '"x"', '"<p>x<br>&#xD800;"'),
    *('"\\u0000"', "[]", "{}", "[[]]", "[null]", '{"value": null}', '{"@id": []}', '"canceled"'),
    *('"9999-12-31T23:59:59-23:59"', '["a", "b"]'),
]


def damage_value(content: Any, chance: random.Random) -> None:
    """Put a strange value somewhere into an object or an array."""
    while True:
        key = chance.choice(list(content) if isinstance(content, dict) else range(len(content)))
        if not isinstance(content[key], (dict, list)) or not content[key] or chance.random() < 0.2:
            content[key] = json.loads(chance.choice(STRANGE))
            return
        content = content[key]


def damage_bytes(value: bytes, chance: random.Random) -> bytes:
    """Cut a message somewhere and put other bytes there."""
    start = chance.randrange(len(value))
    end = start + chance.choice([0, 1, 9, len(value)])
    return value[:start] + chance.randbytes(chance.randrange(5)) + value[end:]


@pytest.mark.slow
def test_ten_thousand_damaged_messages_come_to_ten_thousand_outcomes() -> None:
    chance = random.Random(4711)  # noqa: S311, the same messages each time
    outcomes: Counter[str] = Counter()
    for number in range(10_000):
        value = read_example(chance.choice([*ARTICLES, *WITHDRAWALS]))
        if number % 2:
            value = damage_bytes(value, chance)
        else:
            content = json.loads(value)
            for _ in range(chance.randint(1, 4)):
                damage_value(content, chance)
            value = json.dumps(content).encode()
        outcomes[type(handle(raw(value=value))).__name__] += 1
    assert outcomes.total() == 10_000
    # The examples have a version above 1: what does not match is for the desk.
    assert outcomes.keys() == {each.__name__ for each in get_args(Decided)} - {"Unmatched"}


EMBARGO = "2024-01-03T17:00:00+05:00"  # NOW, by another clock


@pytest.mark.parametrize("name", ["native", "ninjs-1.6", "ninjs-3.1", "superdesk"])
def test_article_is_withheld_until_its_embargo_ends(name: str) -> None:
    field = {"native": "embargoed_until", "ninjs-3.1": "embargoedUntil"}.get(name, "embargoed")
    message = raw(value=change_example(name, **{field: EMBARGO}))
    before = NOW - timedelta(seconds=1)
    classifier = load_classifier()
    outcome = handle_article(message, classifier, RULES, before)
    assert isinstance(outcome, Withheld)
    assert match_of(handle(message)).labels


def test_embargo_does_not_hold_back_a_withdrawal() -> None:
    outcome = handle_value(status="canceled", embargoed_until="2025-01-01T00:00:00Z")
    assert match_of(outcome).status == "canceled"


def test_withheld_article_stays_withheld_when_its_embargo_has_ended() -> None:
    outcome = handle_value(status="withheld", embargoed_until="2023-01-01T00:00:00Z")
    assert isinstance(outcome, Withheld)


@pytest.mark.parametrize("name", ARTICLES)
def test_same_article_in_any_form_is_the_same_match(name: str) -> None:
    native, other = (match_of(handle(raw(value=read_example(each)))) for each in ("native", name))
    assert other.article.id == native.article.id
    assert other.labels == native.labels


@pytest.mark.parametrize("name", WITHDRAWALS)
def test_operation_of_arc_kills_the_story_at_a_later_version(name: str) -> None:
    story, kill = (match_of(handle(raw(value=read_example(each)))) for each in ("arc-story", name))
    assert kill.status == "canceled"
    assert kill.article.id == story.article.id
    assert kill.article.version > story.article.version


def test_headers_of_the_message_are_read_too() -> None:
    outcome = handle(raw(value=b"a1 It rained", headers=(("content-type", b"application/avro"),)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is RejectionReason.BINARY_NOT_SUPPORTED


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
    assert match_of(outcome).labelled_at == later


def test_so_many_failures_in_a_row_are_too_many() -> None:
    limit = FailureLimit(in_a_row=3, ratio=1.0)
    assert [limit.is_exceeded_after(failed=True) for _ in range(4)] == [False, False, True, True]


def test_handled_article_ends_a_row_of_failures() -> None:
    limit = FailureLimit(in_a_row=3, ratio=1.0)
    assert not any(
        limit.is_exceeded_after(failed=failed) for failed in (True, True, False, True, True)
    )


def test_too_large_a_share_of_failures_is_too_many() -> None:
    limit = FailureLimit(in_a_row=1000, ratio=0.1)
    # Each tenth of 1,000 is just not more than a tenth; one failure more is.
    assert not any(limit.is_exceeded_after(failed=n % 10 == 9) for n in range(1000))
    assert limit.is_exceeded_after(failed=True)


def test_share_is_not_judged_by_fewer_than_a_hundred_articles() -> None:
    limit = FailureLimit(in_a_row=1000, ratio=0.1)
    assert [limit.is_exceeded_after(failed=True) for _ in range(100)] == [False] * 99 + [True]


def test_failures_of_long_ago_are_forgotten() -> None:
    limit = FailureLimit(in_a_row=1000, ratio=0.05)
    for _ in range(99):
        limit.is_exceeded_after(failed=True)
    for _ in range(1000):
        limit.is_exceeded_after(failed=False)
    assert not limit.is_exceeded_after(failed=True)


def test_what_was_seen_of_an_article_comes_along_and_does_not_change_what_was_decided() -> None:
    dated = {"published_at": NOW.isoformat()}
    for decided in (handle_value(**dated), handle_value(title=TTP_TITLE)):
        assert isinstance(decided, Matched | Unmatched)
        assert decided.labelling is not None
        assert decided.labelling.words > 0
        assert decided.labelling.probabilities.keys() == set(load_classifier().names)
    unmatched, withheld = handle_value(**dated), handle_value(status="withheld", **dated)
    assert isinstance(unmatched, Unmatched)
    assert isinstance(withheld, Withheld)
    assert unmatched.published_at == withheld.published_at == NOW
    assert unmatched == Unmatched("a1")
    killed = handle_value(status="canceled")
    assert isinstance(killed, Matched)
    assert killed.labelling is None
