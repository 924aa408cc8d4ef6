"""The alert budget: what a label raised beyond it, told in one rolling digest an hour. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid5

from service.alerts import ALERT_NAMESPACE
from service.desk_state import HOUR_MS, DeskState, Entry, restore_alert
from service.digests import LEADS_MAX, Digest, DigestLead


def write_digest(state: DeskState, label: str, title: str, hour: int, budget: int) -> Digest | None:
    """Write the digest of what a label raised over its budget in an hour.

    Args:
        state: what the desk remembers.
        label: whose budget.
        title: the label's name for people.
        hour: hours since 1970.
        budget: alerts the label may raise in an hour.

    Returns:
        The digest, whose revision is the number of changes that it tells: of each alert that it
        is over budget, was updated, was withdrawn. None where there are no alerts.
    """
    digested = [each for each in state.list_raised(hour, label) if each.digested]
    if not digested:
        return None
    since = datetime.fromtimestamp(hour * HOUR_MS / 1000, UTC)
    return Digest(
        digest_id=uuid5(ALERT_NAMESPACE, f"digest {label} {hour}"),
        revision=sum(each.digested for each in digested),
        label=label,
        title=title,
        since=since,
        until=since + timedelta(hours=1),
        alerts_per_hour=budget,
        count=len(digested),
        leads=list(islice(_describe_leads(reversed(digested), label), LEADS_MAX)),
        digested_at=datetime.fromtimestamp(digested[-1].raised_ms / 1000, UTC),
    )


def _describe_leads(digested: Iterable[Entry], label: str) -> Iterator[DigestLead]:
    for entry in digested:
        if entry.role != "lead" or entry.standing != "held_back" or entry.kept is None:
            continue
        alert = restore_alert(entry.kept)
        for each in alert.labels:
            if each.label == label:
                yield DigestLead(
                    alert_id=alert.alert_id, article=alert.article, probability=each.probability
                )
