"""How long nothing went on: from when each article had its due."""

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import pairwise

# What was under way when a fault came may still arrive.
_UNDER_WAY_MS = 300


def measure_longest_stall(first_ms: int, partitions: Iterable[Sequence[int]]) -> float:
    """The longest time without an outcome in any one partition, in seconds.

    Args:
        first_ms: when the first article came.
        partitions: moments of outcomes (ms since 1970), by partition.
    """
    gaps = (
        after - before
        for moments in partitions
        for before, after in pairwise([first_ms, *sorted(moments)])
    )
    return max(gaps, default=0) / 1000


def measure_recoveries(outcomes: Iterable[int], healed_ms: Iterable[int]) -> list[float]:
    """From when work could have gone on to the next outcome, fault by fault, in seconds."""
    every = sorted(outcomes)
    recoveries = []
    for healed in healed_ms:
        position = bisect(every, healed + _UNDER_WAY_MS)
        if position < len(every):
            recoveries.append((every[position] - healed) / 1000)
    return recoveries
