"""What was measured, as tables of Markdown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A bound that a measured number is held to."""

    name: str
    wanted: str
    measured: str
    holds: bool


def hold_at_least(name: str, measured: float, bound: float, digits: int = 2) -> Bar:
    """Hold a number to a lower bound."""
    return Bar(name, f"≥ {bound:g}", f"{measured:.{digits}f}", measured >= bound)


def hold_at_most(name: str, measured: float, bound: float, digits: int = 0) -> Bar:
    """Hold a number to an upper bound."""
    return Bar(name, f"≤ {bound:g}", f"{measured:.{digits}f}", measured <= bound)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the benchmark: what was done, its figures, and what they are held to."""

    title: str
    text: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = ()

    def write(self) -> str:
        """Write it as Markdown."""
        table = write_table(self.headings, self.rows)
        return f"## {self.title}\n\n{self.text}\n\n{table}\n"


def write_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table of Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def tell_spread(numbers: Sequence[float], digits: int = 0) -> str:
    """Tell the median, and between which two all lie."""
    low, middle, high = (
        f"{each:,.{digits}f}" for each in (min(numbers), statistics.median(numbers), max(numbers))
    )
    return middle if low == high else f"{middle} ({low}-{high})"
