from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import stories
from benchmarks.stories import (
    HELD_OUT,
    PAGE,
    TUNING,
    group_by_service,
    load_sketcher,
    write_weights,
)
from benchmarks.story_baselines import BASELINES
from benchmarks.story_figures import Rates, list_wrong_merges, measure_groups
from benchmarks.story_reports import (
    WINDOW,
    Report,
    StoryFileError,
    group_reports,
    list_pairs,
    read_reports,
)
from service.likelihood import WEIGHTS_FILE

# Measured: precision 0.754, F1 0.765. One wrong merge of two stories of five moves them by 0.02.
PRECISION_FLOOR, F1_FLOOR = 0.70, 0.72
MORNING = datetime(2026, 3, 4, 6, tzinfo=UTC)


def report(number: int, story: str, *, kind: str = "first", hours: float = 0) -> Report:
    return Report(
        id=str(number),
        story=story,
        family="f",
        kind=kind,
        published_at=MORNING + timedelta(hours=hours),
        source="Indus Wire",
        title=f"Title {number}",
        text=f"The text of report number {number} is its own.",
    )


def test_committed_weights_are_what_fitting_gives() -> None:
    written = write_weights(read_reports(TUNING), load_sketcher())
    assert WEIGHTS_FILE.read_text(encoding="utf-8") == written, (
        "run `python -m benchmarks.stories --fit`"
    )


def test_page_has_the_figures_of_today() -> None:
    reports = read_reports(TUNING)
    figures = measure_groups(reports, group_by_service(reports, load_sketcher()))
    row = " | ".join(
        f"{each:.3f}" for each in (figures.pairs.precision, figures.pairs.recall, figures.pairs.f1)
    )
    assert f"| beatwatch | {row} |" in PAGE.read_text(encoding="utf-8"), "run `make bench-stories`"


def test_stories_nobody_tuned_on_are_found_well_enough() -> None:
    reports = read_reports(HELD_OUT)
    figures = measure_groups(reports, group_by_service(reports, load_sketcher()))
    assert figures.pairs.f1 >= F1_FLOOR
    assert figures.pairs.precision >= PRECISION_FLOOR


def test_halves_share_no_report() -> None:
    tuning, held_out = read_reports(TUNING), read_reports(HELD_OUT)
    assert not {each.id for each in tuning} & {each.id for each in held_out}
    assert not {each.text for each in tuning} & {each.text for each in held_out}


def test_every_story_is_of_one_family_and_has_several_reports() -> None:
    for path in (TUNING, HELD_OUT):
        stories_of: dict[str, list[Report]] = {}
        for each in read_reports(path):
            stories_of.setdefault(each.story, []).append(each)
        for together in stories_of.values():
            assert len({each.family for each in together}) == 1
            assert len(together) >= 2


def test_perfect_grouping_has_perfect_figures() -> None:
    reports = [report(0, "a"), report(1, "b"), report(2, "a", kind="wire")]
    figures = measure_groups(reports, [0, 1, 0])
    assert (figures.pairs.f1, figures.b_cubed.f1, figures.groups) == (1, 1, 2)
    assert figures.joined == {"wire": (1, 1)}
    assert figures.mixed == 0


def test_grouping_all_is_found_out_by_precision_and_none_by_recall() -> None:
    reports = [report(0, "a"), report(1, "b"), report(2, "a", kind="wire")]
    together, apart = measure_groups(reports, [0, 0, 0]), measure_groups(reports, [0, 1, 2])
    assert together.pairs == Rates(1 / 3, 1)
    assert together.mixed == 1
    assert list_wrong_merges(reports, [0, 0, 0]) == [("Title 0", "Title 1")]
    assert apart.pairs.recall == 0
    assert apart.b_cubed.precision == 1
    assert apart.b_cubed.recall == pytest.approx(2 / 3)
    assert apart.joined == {"wire": (0, 1)}


def test_report_joins_the_most_alike_lead_of_the_window_or_leads() -> None:
    reports = [
        report(0, "a"),
        report(1, "b", hours=1),
        report(2, "b", hours=2),
        report(3, "a", hours=WINDOW / timedelta(hours=1) + 1.5),
    ]
    alike = {(1, 0): 0.1, (2, 0): 0.6, (2, 1): 0.9}
    groups = group_reports(reports, lambda later, lead: alike[later, lead], 0.5)
    assert groups == [0, 1, 1, 3]
    assert (3, 0) not in list_pairs(reports)


@pytest.mark.parametrize("name", BASELINES)
def test_baseline_finds_a_copy_more_alike_than_another_text(name: str) -> None:
    copy = report(1, "a").model_copy(update={"title": "Title 0", "text": report(0, "a").text})
    other = report(2, "b").model_copy(update={"title": "Grapes", "text": "They ripened early."})
    compare = BASELINES[name]([report(0, "a"), copy, other])
    assert compare(1, 0) > compare(2, 0)


def test_line_that_is_no_report_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(StoryFileError, match=r"broken.jsonl, line 1: story Field required"):
        read_reports(path)


def test_measuring_the_tuning_half_alone_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stories, "PAGE", tmp_path / "page.md")
    stories.main(["--tuning-only"])
    assert list(tmp_path.iterdir()) == []
    assert "held_out.jsonl" not in capsys.readouterr().out


def test_missing_file_ends_the_benchmark_with_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stories, "TUNING", tmp_path / "none.jsonl")
    with pytest.raises(SystemExit, match=r"none\.jsonl"):
        stories.main([])
