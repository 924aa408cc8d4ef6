"""Part 4: more workers, more partitions; more seeds. Longer articles and more labels are in part 1.

Run by `make bench`, or alone: `python -m benchmarks.scaling`.
"""

import os
import random
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.contenders import Contender, start_workers
from benchmarks.ground import Ground, open_ground
from benchmarks.newsroom import Newsroom
from benchmarks.tables import Section, hold_at_least, tell_spread
from benchmarks.throughput import Run, measure_run
from service.classifier import Classifier
from service.fitted import take_fitted
from service.fitting import TrainingTexts, fit_pipeline
from service.messages import Article
from service.pipeline_file import serialise_pipeline
from service.seeds import LabelledText, Seeds, read_seeds
from service.settings import CHECKOUT

ROUNDS = 3
SECONDS = 4.0
ARTICLES = 50_000
# Workers and partitions; the first two are what the bar compares.
SETTINGS = ((1, 4), (2, 4), (2, 2), (2, 8))
SEEDS = (5, 50, 500)
_LABELLED = 300

_WORKERS_TEXT = """\
{rounds} rounds in turns, {seconds:g} s each, as in "Through the broker". The workers, the broker
and the benchmark's reader share {cores} cores: the last column is what the broker took of them."""
_SEEDS_TEXT = """\
A desk with more labelled articles: the {least} seeds, and invented ones of some ten passages each.
`make train` fits six times with {least} seeds and eleven times with ten or more. Labelling is an
article of the realistic mix with the model that came of it, not calibrated."""


def main() -> None:
    """Measure, and print."""
    with open_ground() as ground:
        for section in (measure_workers(ground), measure_seeds(ground)):
            sys.stdout.write(section.write())


def measure_workers(ground: Ground) -> Section:
    """Measure articles a second of one and two workers, with 2 to 8 partitions."""
    runs: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for _ in range(ROUNDS):
        for workers, partitions in SETTINGS:
            articles = ground.fill_articles(partitions, ARTICLES)
            ours = Contender("beatwatch", partial(start_workers, workers=workers))
            run = measure_run(ground, ours, articles, partitions, SECONDS)
            runs[workers, partitions].append(run)
    rows = [
        [
            str(workers),
            str(partitions),
            tell_spread([run.per_second for run in each]),
            f"{_median(each) / _median(runs[1, 4]):.2f}",
            tell_spread([run.broker_cores for run in each], 2),
        ]
        for (workers, partitions), each in sorted(runs.items(), key=lambda item: item[0][::-1])
    ]
    ratio = _median(runs[2, 4]) / _median(runs[1, 4])
    bar = hold_at_least("articles/s of two workers, of one's", ratio, 1.6)
    headings = ["workers", "partitions", "articles/s", "of one worker on 4", "cores of the broker"]
    text = _WORKERS_TEXT.format(rounds=ROUNDS, seconds=SECONDS, cores=os.cpu_count())
    return Section("More workers, more partitions", text, headings, rows, [bar])


def measure_seeds(ground: Ground) -> Section:
    """Measure what training and labelling cost with more seeds."""
    seeds = read_seeds(CHECKOUT / "seeds")
    articles = [
        Article.model_validate(ground.newsroom.write_article(number)) for number in range(_LABELLED)
    ]
    rows = []
    for count in SEEDS:
        more = _add_seeds(seeds, ground.newsroom, count - len(seeds.articles))
        texts = _gather_texts(more)
        begun = time.perf_counter()
        pipeline = fit_pipeline(more.knowledge, texts)
        fitting_seconds = time.perf_counter() - begun
        pipeline.label_names_ = list(more.labels)
        classifier = Classifier(take_fitted(pipeline), ground.newsroom.classifier.manifest)
        begun = time.perf_counter()
        for article in articles:
            classifier.label_article(article)
        labelling_seconds = (time.perf_counter() - begun) / len(articles)
        rows.append(
            [
                str(count),
                f"{len(more.texts):,}",
                f"{fitting_seconds:.1f}",
                f"{len(serialise_pipeline(pipeline)) / 1e6:.1f}",
                f"{labelling_seconds * 1e6:,.0f}",
            ]
        )
    headings = ["seed articles", "texts", "one fit, s", "model MB", "labelling µs an article"]
    text = _SEEDS_TEXT.format(least=len(seeds.articles))
    return Section("More seeds", text, headings, rows)


def _add_seeds(seeds: Seeds, newsroom: Newsroom, count: int) -> Seeds:
    newsroom = Newsroom(newsroom.classifier, on_beat_one_in=1)
    articles = {
        f"x-{number}": list(newsroom.write_paragraphs(number, random.Random(number)))  # noqa: S311, no secret
        for number in range(count)
    }
    texts = [
        LabelledText(paragraph.text, paragraph.labels, article=name, group=name)
        for name, paragraphs in articles.items()
        for paragraph in paragraphs
    ]
    whole = {name: "\n\n".join(each.text for each in found) for name, found in articles.items()}
    return replace(seeds, texts=[*seeds.texts, *texts], articles=seeds.articles | whole)


def _gather_texts(seeds: Seeds) -> TrainingTexts:
    truth = np.array([[name in text.labels for name in seeds.labels] for text in seeds.texts])
    return TrainingTexts(
        texts=np.array([text.text for text in seeds.texts], dtype=object),
        truth=truth,
        known=np.ones_like(truth),
        written=np.array([text.written for text in seeds.texts]),
    )


def _median(runs: list[Run]) -> float:
    return statistics.median(run.per_second for run in runs)


if __name__ == "__main__":
    main()
