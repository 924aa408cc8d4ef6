import subprocess
import sys
from datetime import datetime

import pytest

from service.quiet_hours import is_quiet
from service.settings import CHECKOUT, SettingsError, read_settings

NAME = "BEATWATCH_QUIET_HOURS"


def hold(written: str, moment: str) -> bool:
    return is_quiet(read_settings({NAME: written}).quiet_hours, datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("written", "moment", "quiet"),
    [
        ("22:00-06:00 Europe/London", "2026-01-05T21:59:59+00:00", False),
        ("22:00-06:00 Europe/London", "2026-01-05T22:00:00+00:00", True),
        ("22:00-06:00 Europe/London", "2026-01-06T05:59:59+00:00", True),
        ("22:00-06:00 Europe/London", "2026-01-06T06:00:00+00:00", False),
        # In summer London's clocks are an hour ahead.
        ("22:00-06:00 Europe/London", "2026-07-05T21:00:00+00:00", True),
        ("22:00-06:00 Europe/London", "2026-07-06T05:30:00+00:00", False),
        ("13:00-14:30 Asia/Kabul", "2026-01-05T08:30:00+00:00", True),
        ("13:00-14:30 Asia/Kabul", "2026-01-05T10:00:00+00:00", False),
        ("13:00-14:30 Asia/Kabul", "2026-01-05T13:10:00+00:00", False),
        ("01:00-02:00 UTC, 13:00-14:00 UTC", "2026-01-05T13:10:00+00:00", True),
        ("01:00-02:00 UTC,13:00-14:00 UTC", "2026-01-05T12:10:00+00:00", False),
    ],
)
def test_hours_are_those_of_clocks_in_their_zone(written: str, moment: str, quiet: bool) -> None:  # noqa: FBT001, what is expected
    assert hold(written, moment) is quiet


def test_without_the_setting_no_hour_is_quiet() -> None:
    assert not is_quiet(read_settings({}).quiet_hours, datetime.fromisoformat("2026-01-05T03Z"))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("22:00-06:00", "not of the form"),
        ("22-06 Europe/London", "not of the form"),
        ("22:00-24:00 Europe/London", "not of the form"),
        ("22:60-06:00 Europe/London", "not of the form"),
        ("22:00-06:00 Europe/London,", "not of the form"),
        ("22:00-22:00 Europe/London", "begins when it ends"),
        ("22:00-06:00 Europe/Nowhere", "no time zone"),
        ("22:00-06:00 Europe", "no time zone"),
        ("22:00-06:00 ../../etc/passwd", "no time zone"),
        ("22:00-06:00 /etc/passwd", "no time zone"),
    ],
)
def test_what_is_no_hours_is_refused_and_says_why(written: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"{NAME}.*{why}"):
        read_settings({NAME: written})


def test_setting_is_shown_as_it_is_written() -> None:
    written = "22:00-06:00 Europe/London,13:00-14:00 Asia/Kabul"
    shown = read_settings({NAME: written}).model_dump(mode="json")
    assert shown["quiet_hours"] == written


def test_zones_are_known_where_the_system_has_none() -> None:
    code = (
        "import zoneinfo; assert zoneinfo.TZPATH == ();"
        "from service.settings import read_settings; print(read_settings().quiet_hours[0])"
    )
    written = "22:00-06:00 Asia/Kabul"
    found = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={"PYTHONTZPATH": "", NAME: written},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == written
