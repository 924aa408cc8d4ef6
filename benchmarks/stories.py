"""How well the service finds the reports of one story, beside what else is used for it.

`python -m benchmarks.stories` measures on both halves of `benchmarks/stories/` and writes
`STORIES.md`; with `--fit` it first fits `service/story_weights.json` on the tuning half.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.story_baselines import BASELINE_THRESHOLDS, BASELINES
from benchmarks.story_figures import StoryFigures, list_wrong_merges, measure_groups
from benchmarks.story_fitting import (
    CrossValidated,
    cross_validate_dated,
    cross_validate_undated,
    fit,
    make_sketches,
    tell_ms,
)
from benchmarks.story_reports import WINDOW, Report, StoryFileError, group_reports, read_reports
from service.classifier import Classifier
from service.console import open_console
from service.likelihood import WEIGHTS_FILE, Likelihood
from service.model_file import ModelError
from service.settings import CHECKOUT
from service.sketches import Sketcher
from service.story_index import StoryIndex

FOLDER = CHECKOUT / "benchmarks" / "stories"
PAGE = CHECKOUT / "benchmarks" / "STORIES.md"
TUNING, HELD_OUT = FOLDER / "tuning.jsonl", FOLDER / "held_out.jsonl"

_INTRODUCTION = """
# Which reports tell the same news

Written by `python -m benchmarks.stories`. Each report is compared with the leads of the stories of
the last 72 hours, as the desk does, and joins the most alike or leads a story of its own. Pairs:
of two reports put into one story, how often that is right (precision), and of two reports of one
story, how often they are put together (recall). B-cubed: the same averaged over the reports.
`new` alerts per story: 1 is one alert for each story, and none hidden in another's.

Weights and thresholds, those of the baselines too, are fitted on the tuning half alone. But what
to look at was chosen on it as well, and how many hours are the next day: what to expect of other
reports is what the held-out half says, not the tuning half, cross-validated or not.
""".strip()
_KINDS = """
Share of the reports that were joined to the right story, among those that do not lead theirs.
""".strip()
_CROSS_VALIDATED = """
Pairs on the tuning half, each family of stories judged by weights fitted on the others, averaged
over five shufflings. Undated: the same reports without their publication dates, told apart by
their texts alone.
""".strip()
_HEADINGS = (
    "method", "pairs precision", "recall", "F1", "B-cubed precision", "recall", "F1",
    "stories found", "`new` alerts per story", "stories with a wrong report",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Half:
    """What was measured on one file.

    Attributes:
        name: of the file.
        reports: how many.
        methods: method to its figures, the service first.
        wrong: (title of a lead, title of the report wrongly joined to it) by the service.
    """

    name: str
    reports: int
    methods: dict[str, StoryFigures]
    wrong: list[tuple[str, str]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.stories")
    parser.add_argument("--fit", action="store_true", help="fit the weights first")
    parser.add_argument("--tuning-only", action="store_true", help="print it, and write nothing")
    options = parser.parse_args(arguments)
    try:
        sketcher = load_sketcher()
        tuning = read_reports(TUNING)
        if options.fit:
            WEIGHTS_FILE.write_text(write_weights(tuning, sketcher), encoding="utf-8")
        thresholds = choose_baseline_thresholds(tuning)
        halves = [measure_half(TUNING.name, tuning, sketcher, thresholds)]
        if not options.tuning_only:
            held_out = read_reports(HELD_OUT)
            halves.append(measure_half(HELD_OUT.name, held_out, sketcher, thresholds))
    except (ModelError, StoryFileError, OSError) as error:
        raise SystemExit(str(error)) from error
    page = write_page(
        halves,
        dated=cross_validate_dated(tuning, sketcher),
        undated=cross_validate_undated(tuning, sketcher),
    )
    open_console().print(page, markup=False)
    if not options.tuning_only:
        PAGE.write_text(page, encoding="utf-8")


def load_sketcher() -> Sketcher:
    """Load the sketcher of the trained model.

    Raises:
        ModelError: the model cannot be used.
    """
    return Classifier.load(CHECKOUT / "models").sketcher


def write_weights(tuning: Sequence[Report], sketcher: Sketcher) -> str:
    """Fit the weights and write them as `story_weights.json` has them."""
    return json.dumps(fit(tuning, sketcher), indent=2) + "\n"


def choose_baseline_thresholds(tuning: Sequence[Report]) -> dict[str, float]:
    """Find the threshold of each baseline that is best on the tuning half, by F1 of pairs."""
    chosen = {}
    for name, baseline in BASELINES.items():
        similarity = baseline(tuning)
        chosen[name] = max(
            BASELINE_THRESHOLDS,
            key=lambda each: (
                measure_groups(
                    tuning,
                    group_reports(tuning, similarity, each),
                ).pairs.f1
            ),
        )
    return chosen


def measure_half(
    name: str, reports: Sequence[Report], sketcher: Sketcher, thresholds: Mapping[str, float]
) -> Half:
    """Measure the service and the baselines on the same reports."""
    groups = group_by_service(reports, sketcher)
    methods = {"beatwatch": measure_groups(reports, groups)}
    for baseline, threshold in thresholds.items():
        found = group_reports(reports, BASELINES[baseline](reports), threshold)
        methods[f"{baseline}, from {threshold:.2f}"] = measure_groups(reports, found)
    return Half(name, len(reports), methods, list_wrong_merges(reports, groups))


def group_by_service(reports: Sequence[Report], sketcher: Sketcher) -> list[int]:
    """Group reports with the service's own index, which holds the leads of the last 72 hours.

    Returns:
        For each report the number of its lead; a lead has its own.
    """
    index = StoryIndex(Likelihood.load())
    number_of = {report.id: number for number, report in enumerate(reports)}
    leads: list[int] = []
    groups = []
    sketches = make_sketches(reports, sketcher)
    for number, (report, sketch) in enumerate(zip(reports, sketches, strict=True)):
        while leads and report.published_at - reports[leads[0]].published_at > WINDOW:
            index.discard(reports[leads.pop(0)].id)
        alike = index.find_alike(sketch, tell_ms(report))
        groups.append(number_of[alike[0][1]] if alike else number)
        if not alike:
            leads.append(number)
            index.add(report.id, sketch, tell_ms(report))
    return groups


def write_page(halves: Sequence[Half], *, dated: CrossValidated, undated: CrossValidated) -> str:
    """Write the figures in Markdown."""
    parts = [_INTRODUCTION]
    for half in halves:
        service = half.methods["beatwatch"]
        parts += [f"## `{half.name}`: {half.reports} reports of {service.stories} stories"]
        parts += [
            _tabulate(_HEADINGS, [(name, *_show(each)) for name, each in half.methods.items()])
        ]
    kinds = sorted({kind for half in halves for kind in half.methods["beatwatch"].joined})
    parts += [
        "## By kind of report",
        _KINDS,
        _tabulate(("half", *kinds), [(half.name, *_show_kinds(half, kinds)) for half in halves]),
        "## Weights not fitted on what they judge",
        _CROSS_VALIDATED,
        _tabulate(
            ("tuning half", "precision", "recall", "F1", "at probability"),
            [
                (name, *(f"{each:.3f}" for each in (*_list_rates(figures), figures.threshold)))
                for name, figures in (("dated", dated), ("undated", undated))
            ],
        ),
        "## Wrongly joined on the tuning half",
        _tabulate(("lead", "report of another story"), halves[0].wrong),
    ]
    return "\n\n".join(parts) + "\n"


def _list_rates(figures: CrossValidated) -> tuple[float, float, float]:
    return figures.pairs.precision, figures.pairs.recall, figures.f1


def _show(figures: StoryFigures) -> tuple[str, ...]:
    rates = (figures.pairs, figures.b_cubed)
    return (
        *(f"{each:.3f}" for rate in rates for each in (rate.precision, rate.recall, rate.f1)),
        f"{figures.groups} of {figures.stories}",
        f"{figures.groups / figures.stories:.2f}",
        str(figures.mixed),
    )


def _show_kinds(half: Half, kinds: Sequence[str]) -> list[str]:
    joined = half.methods["beatwatch"].joined
    return [
        f"{joined[kind][0]:.2f} of {joined[kind][1]}" if kind in joined else "none"
        for kind in kinds
    ]


def _tabulate(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ("-",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
