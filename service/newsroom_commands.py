"""The command of the newsroom's side: publish."""

import math
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer

from service.article_files import FoundArticle, read_sources
from service.console import describe_trial, end_with_reader, shorten
from service.handling import judge_status, read_article
from service.messages import Article, RejectedArticleError
from service.progress import show_progress
from service.publishing import KeyBy, Publisher, open_publisher, pace_articles
from service.settings import read_settings

# What a shell gives a command that Ctrl-C ended: 128 and the signal's number.
EXIT_INTERRUPTED = 130

commands = typer.Typer()


def _check_rate(rate: float | None) -> float | None:
    if rate is not None and not 0 < rate < math.inf:
        raise typer.BadParameter("give a number of articles a second above 0")
    return rate


@commands.command()
def publish(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|FOLDER|URL|-",
            help="Files (.json, .jsonl, .txt, a feed), folders of them, a feed's address, or - for "
            "JSONL on standard input.",
        ),
    ],
    key_by: Annotated[KeyBy, typer.Option(help="none: the partitions take turns.")] = KeyBy.ID,
    rate: Annotated[
        float | None,
        typer.Option(callback=_check_rate, help="Articles a second; default: as fast as it goes."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing: say what would be rejected.")
    ] = False,
) -> None:
    """Publish articles to the articles topic: files, folders, feeds, standard input."""
    settings = read_settings()
    articles = read_sources(sources)
    if dry_run:
        with end_with_reader():
            _try_articles(articles, settings.article_max_bytes)
        return
    publisher = None
    try:
        with (
            open_publisher(settings, key_by) as publisher,
            closing(show_progress(pace_articles(articles, rate) if rate else articles)) as shown,
        ):
            for article in shown:
                publisher.publish(article)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    finally:
        if publisher:
            with end_with_reader():
                _print_end(publisher)


def _print_end(publisher: Publisher) -> None:
    print(f"{publisher.published} articles published")
    if publisher.rejectable:
        print(f"{publisher.rejectable} of them will be rejected; --dry-run says why")


def _try_articles(articles: Iterator[FoundArticle], max_bytes: int) -> None:
    taken = rejected = 0
    for place, value in articles:
        try:
            article = read_article(value, (), max_bytes)
        except RejectedArticleError as rejection:
            rejected += 1
            print(describe_trial(place, str(rejection), "rejected"), flush=True)
        else:
            taken += 1
            print(describe_trial(place, shorten(article.id), _judge(article)), flush=True)
    print(f"{taken} articles would be taken, {rejected} rejected")
    if rejected:
        raise typer.Exit(1)


def _judge(article: Article) -> str:
    status = judge_status(article, datetime.now(UTC))
    if status is article.status or article.embargoed_until is None:
        return status
    return f"{status}, embargoed until {article.embargoed_until.isoformat()}"
