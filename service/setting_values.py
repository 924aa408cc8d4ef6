"""The values of settings that are written in a form of their own."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

# What Kafka itself takes as the name of a topic (org.apache.kafka.common.internals.Topic).
TopicName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
_ADDRESS = re.compile(r"(?:kafka://)?(?:\[[0-9a-fA-F:.]+\]|[^\s/:;,\[\]]+):(\d{1,5})")
_PORT_MAX = 65535


def _check_broker(broker: str) -> str:
    for part in broker.replace(",", ";").split(";"):
        address = _ADDRESS.fullmatch(part)
        if address is None or not 0 < int(address[1]) <= _PORT_MAX:
            # Not what was given: someone may have put a password into it.
            raise ValueError("is not of the form kafka://host:port, several separated by ;")
    return broker


def _read_budgets(written: object) -> object:
    # `ttp=20,border=10`
    if not isinstance(written, str):
        return written
    budgets: dict[str, str] = {}
    for part in filter(None, written.replace(" ", "").split(",")):
        label, equals, number = part.partition("=")
        if not (label and equals and number.isdecimal()):
            raise ValueError("is not of the form label=number, several separated by ,")
        budgets[label] = number
    return budgets


def _read_names(written: object) -> object:
    if not isinstance(written, str):
        return written
    return [name for part in written.split(",") if (name := part.strip())]


Budgets = Annotated[dict[str, Annotated[int, Field(ge=0)]], BeforeValidator(_read_budgets)]
LabelNames = Annotated[frozenset[str], BeforeValidator(_read_names)]
BrokerUrl = Annotated[str, AfterValidator(_check_broker)]
