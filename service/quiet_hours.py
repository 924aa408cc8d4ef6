"""When a desk sleeps: hours in which no articles are to be expected. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer

_FORM = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d) (\S+)")


class QuietHours(NamedTuple):
    """From `start` until before `end` of every day, as clocks in `zone` show it."""

    start: str
    end: str
    zone: ZoneInfo

    @classmethod
    def read(cls, written: str) -> Self:
        """Read `22:00-06:00 Europe/London`.

        Raises:
            ValueError: it is not of that form, or there is no such zone.
        """
        found = _FORM.fullmatch(written)
        if found is None:
            raise ValueError("is not of the form 22:00-06:00 Europe/London, several separated by ,")
        start, end, zone = found.groups()
        if start == end:
            raise ValueError(f"{written} begins when it ends")
        try:
            return cls(start, end, ZoneInfo(zone))
        # A key that is none, one that would lead elsewhere, and one that is a folder of zones.
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"{zone} is no time zone; they are named as in Europe/London or Asia/Kabul"
            ) from None

    def __str__(self) -> str:
        return f"{self.start}-{self.end} {self.zone.key}"

    def holds(self, now: datetime) -> bool:
        """Tell whether it is quiet at a moment."""
        clock = f"{now.astimezone(self.zone):%H:%M}"
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


def is_quiet(hours: Iterable[QuietHours], now: datetime) -> bool:
    """Tell whether any of the hours hold at a moment."""
    return any(each.holds(now) for each in hours)


def _read_hours(written: object) -> object:
    if not isinstance(written, str):
        return written
    return tuple(QuietHours.read(each.strip()) for each in written.split(","))


def _write_hours(hours: Iterable[QuietHours]) -> str:
    return ",".join(map(str, hours))


DeskHours = Annotated[
    tuple[QuietHours, ...], BeforeValidator(_read_hours), PlainSerializer(_write_hours)
]
