"""The alert rules with every time a sixtieth of what it is: a minute lasts a second.

So that a test sees in seconds what takes minutes. Shortened are `for` and `interval`, the ranges of
queries (`[5m]`), their offsets (`offset 1d`), and bounds in seconds, which the rules write as
`5 * 60` or `8 * 3600`; in templates, too. Nothing else is: neither shares and counts, nor the names
of what is recorded, nor the 30 s of the objective, which are the service's own and no time that
Prometheus waits.
"""

import re
from typing import Any

import yaml

FACTOR = 60
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = r"(\d+)([smhdw])"


def shorten_rules(text: str) -> str:
    """Shorten the times of a file of rules."""
    document: dict[str, Any] = yaml.safe_load(text)
    for group in document["groups"]:
        for timed in (group, *group["rules"]):
            for name in {"interval", "for"} & timed.keys():
                timed[name] = re.sub(_DURATION, _shorten_duration, timed[name])
        for rule in group["rules"]:
            rule["expr"] = shorten_query(rule["expr"])
            for name, template in rule.get("annotations", {}).items():
                rule["annotations"][name] = shorten_query(template)
    return yaml.safe_dump(document)


def shorten_query(query: str) -> str:
    """Shorten the times of a query."""
    query = re.sub(
        rf"(?<=\[){_DURATION}(?=\])|(?<=\boffset ){_DURATION}\b",
        lambda found: _shorten_duration(re.fullmatch(_DURATION, found[0])),
        query,
    )
    return re.sub(r"(?<=\d \* )(60|3600)\b", lambda found: str(int(found[1]) // FACTOR), query)


def _shorten_duration(found: re.Match[str] | None) -> str:
    assert found
    milliseconds = int(found[1]) * _UNIT_SECONDS[found[2]] * 1000 // FACTOR
    return f"{milliseconds}ms"
