"""What a newsroom could write instead of this service, each in a process of its own.

Each reads articles, tells which match, and forwards those; run as
`python -m benchmarks.loops.<name> BROKER ARTICLES MATCHES GROUP` until SIGTERM.
"""

import sys
from typing import NamedTuple

BATCH_ARTICLES = 200


class Place(NamedTuple):
    """Where a loop reads and writes: topics by name."""

    broker: str
    articles: str
    matches: str
    group: str


def read_place() -> Place:
    """Read the place from the command line."""
    return Place(*sys.argv[1:])
