import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console, RenderableType

from service.alerts import Alert
from service.digests import Digest
from service.story_lines import StoryAlert, describe_digest, describe_story, group_stories
from tests.factories import ALERT_ID, NOW, alert, story
from tests.test_console import fill, show_lines

RECORDED = json.loads((Path(__file__).parent / "data" / "digest.json").read_text(encoding="utf-8"))
HOSTILE = "\x1b[2J\x9b31m[bold]خبر[/nothing]\nnew line"


def show(shown: RenderableType) -> str:
    page = io.StringIO()
    Console(file=page, width=200, highlight=False).print(shown)
    return page.getvalue()


def told(article_id: str, *, minutes: int = 0, **changes: Any) -> Alert:
    """An alert of an article, decided so many minutes after noon."""
    about = alert().article.model_copy(update={"id": article_id, "title": f"News {article_id}"})
    return alert(
        alert_id=UUID(int=int(article_id)),
        article=about,
        labelled_at=NOW + timedelta(minutes=minutes),
        **changes,
    )


def group(*alerts: Alert) -> list[list[str]]:
    grouped = group_stories(StoryAlert(each, b"") for each in alerts)
    return [[f"{each.alert.article.id}:{each.alert.revision}" for each in one] for one in grouped]


def test_story_has_the_newest_revision_of_each_alert_with_its_lead_first() -> None:
    repeat, other = story(role="repeat"), story(story_id=UUID(int=99))
    alerts = [
        told("5", minutes=9, story=other),
        told("3", minutes=3, status="withdrawn", labels=[], story=repeat, revision=2),
        told("2", minutes=2, story=repeat),
        told("4", minutes=1, story=repeat),
        told("1", minutes=4, revision=2, status="updated"),
        told("3", minutes=0, story=repeat),
        told("1", minutes=0),
    ]
    assert group(*alerts) == [["1:2", "4:1", "2:1", "3:2"], ["5:1"]]


def test_alert_that_is_delivered_twice_is_shown_once() -> None:
    assert group(told("1"), told("1")) == [["1:1"]]


def test_story_is_a_line_an_alert_with_repeats_indented_and_withdrawn_ones_marked() -> None:
    page = show(
        describe_story(
            [
                told("1"),
                told("2", story=story(role="repeat", similarity=0.8125)),
                told("3", status="withdrawn", why="killed", labels=[]),
            ]
        )
    )
    lead, repeat, withdrawn = page.splitlines()
    assert lead.startswith("2024-01-03 12:00:00 lead News 1  ttp 0.98  https://")
    assert repeat.startswith("  2024-01-03 12:00:00 repeat 0.81 News 2  ttp 0.98")
    assert withdrawn.startswith("  2024-01-03 12:00:00  WITHDRAWN: killed  News 3")


def test_withdrawn_alert_is_shown_with_the_title_that_it_had() -> None:
    killed = told("1", revision=2, status="withdrawn", why="killed", labels=[])
    nameless = killed.article.model_copy(update={"title": ""})
    untitled = killed.model_copy(update={"article": nameless})
    for order in ([told("1"), untitled], [untitled, told("1")]):
        ((shown,),) = group_stories(StoryAlert(each, b"") for each in order)
        assert (shown.alert.revision, shown.alert.article.title) == (2, "News 1")
    raised = untitled.model_copy(update={"status": "updated"})
    ((shown,),) = group_stories(StoryAlert(each, b"") for each in (told("1"), raised))
    assert not shown.alert.article.title


def test_what_has_no_lead_does_not_seem_part_of_the_story_before_it() -> None:
    killed = told("1", status="withdrawn", why="killed", labels=[])
    (alone,) = show(describe_story([killed])).splitlines()
    assert alone.startswith("2024-01-03 12:00:00  WITHDRAWN: killed  News 1")
    repeat = told("2", story=story(role="repeat", similarity=0.75))
    heading, first, second = show(describe_story([repeat, killed])).splitlines()
    assert heading == "lead not here: told earlier, or in a digest"
    assert first.startswith("  2024-01-03 12:00:00 repeat 0.75 News 2")
    assert second.startswith("  2024-01-03 12:00:00  WITHDRAWN")


def test_digest_is_one_line_with_count_label_and_the_first_leads() -> None:
    digest = Digest.model_validate(RECORDED)
    (line,) = show(describe_digest(digest)).splitlines()
    assert line.startswith(
        "2024-01-03 10:41:07 digest 12 alerts over the budget of 20 an hour  ttp  Tehreek-e-Taliban"
    )
    assert "😀" in line
    assert line.endswith("; …")
    alone = digest.model_copy(update={"count": 1, "leads": digest.leads[:1]})
    assert "…" not in show(describe_digest(alone))


def test_digest_of_which_nothing_is_left_says_so() -> None:
    digest = Digest.model_validate({**RECORDED, "leads": []})
    assert show(describe_digest(digest)).endswith(
        "  ttp  none left: all withdrawn or raised since\n"
    )


def test_words_of_an_article_cannot_command_the_terminal_nor_begin_a_line() -> None:
    about = alert().article.model_copy(update={"title": HOSTILE})
    digest = Digest.model_validate(RECORDED)
    lead = digest.leads[0].model_copy(update={"article": about})
    for shown in (
        describe_story([alert(article=about, alert_id=ALERT_ID)]),
        describe_digest(digest.model_copy(update={"leads": [lead]})),
    ):
        (line,) = show(shown).splitlines()
        assert line.isprintable()
        assert "[bold]خبر[/nothing] new line" in line


def test_no_words_of_an_alert_or_digest_begin_a_line_or_flood_the_terminal() -> None:
    for words in (HOSTILE, "x" * 145_000):
        filled = fill(words)
        gone = fill(words, status="withdrawn", why=words)
        digest = Digest.model_validate(RECORDED)
        lead = digest.leads[0].model_copy(update={"article": filled.article})
        told = digest.model_copy(update={"label": words, "leads": [lead]})
        for shown in (describe_story([filled]), describe_story([gone]), describe_digest(told)):
            (line,) = show_lines(shown)
            assert line.isprintable()
            assert len(line) < 1000
