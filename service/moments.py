"""When: what people write for a moment on the command line."""

import re
from datetime import UTC, datetime, timedelta

# Before all that a topic holds; also where Kafka's timestamps begin.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FORMS = "30m, 2h, 3d (so long ago), 2026-03-12, 2026-03-12T06:30 (UTC unless it says), start"

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class UnreadableMomentError(Exception):
    """What was written is no moment; the text says what would be."""


def read_moment(text: str, now: datetime) -> datetime:
    """Read a moment: a duration before now, a date or time in ISO 8601, or `start`.

    Returns:
        The moment in UTC; `start` is 1970.

    Raises:
        UnreadableMomentError: it is none of them.
    """
    if text == "start":
        return BEGINNING
    try:
        ago = _AGO.fullmatch(text)
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableMomentError(f"{text!r} is none of {FORMS}") from error
