from datetime import UTC, datetime, timedelta

import pytest

from service.moments import BEGINNING, UnreadableMomentError, read_moment
from tests.factories import NOW


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("start", BEGINNING),
        ("45s", NOW - timedelta(seconds=45)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(days=7)),
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02T06:30", datetime(2024, 1, 2, 6, 30, tzinfo=UTC)),
        ("2024-01-02T06:30:00Z", datetime(2024, 1, 2, 6, 30, tzinfo=UTC)),
        ("2024-01-02T06:30:00+05:00", datetime(2024, 1, 2, 1, 30, tzinfo=UTC)),
    ],
)
def test_moment_is_a_duration_a_date_a_time_or_the_start(text: str, moment: datetime) -> None:
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "-1h", "1.5h", "3 d", "3", "999999w", "2024-13-01", "0001-01-01T00:00+14:00"],
)
def test_what_is_no_moment_is_told_what_would_be(text: str) -> None:
    with pytest.raises(UnreadableMomentError, match="is none of 30m, 2h, 3d"):
        read_moment(text, NOW)
