"""A bare Faust agent: parse, and forward one article in twenty. What Faust itself costs."""

import json
import tempfile
from typing import Any

import faust

from benchmarks.loops import read_place

FORWARD_ONE_IN = 20


def main() -> None:
    """Run the agent until SIGTERM."""
    place = read_place()
    app = faust.App(
        place.group,
        broker=f"kafka://{place.broker}",
        topic_disable_leader=True,
        topic_allow_declare=False,
        autodiscover=False,
        web_enabled=False,
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="bare-agent-"),
        env={},
    )
    articles = app.topic(place.articles, key_serializer="raw", value_serializer="raw")
    matches = app.topic(place.matches, key_serializer="raw", value_serializer="raw")
    seen = 0

    @app.agent(articles)
    async def forward(stream: Any) -> None:
        nonlocal seen
        async for value in stream:
            article = json.loads(value)
            seen += 1
            if seen % FORWARD_ONE_IN == 0:
                await matches.send(key=article["id"].encode(), value=value)

    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
