"""The ledger: every message read from the articles topic comes to exactly one of these."""

from enum import StrEnum


class Outcome(StrEnum):
    """The one end an article comes to; the first three before it reaches the desk."""

    REJECTED = "rejected"
    WITHHELD = "withheld"
    UNMATCHED = "unmatched"
    ALERTED = "alerted"
    REPEATED = "repeated"
    DIGESTED = "digested"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    STALE = "stale"


OUTCOME_MEANINGS = {
    Outcome.REJECTED: "not a valid article, or one we could not handle; kept in the dead letters",
    Outcome.WITHHELD: "not to be used yet; nothing goes out until a usable version comes",
    Outcome.UNMATCHED: "no label holds, and nobody holds an alert for it",
    Outcome.ALERTED: "the first of its story: its alert was raised",
    Outcome.REPEATED: "reports what the lead of its story did; published unless repeats are quiet",
    Outcome.DIGESTED: "over the alert budget of its labels: told in their digest",
    Outcome.UPDATED: "a newer version that changes what a consumer would act on",
    Outcome.UNCHANGED: "a newer version that changes nothing of that, or whose alert is held back",
    Outcome.WITHDRAWN: "killed, or a newer version that no longer matches",
    Outcome.STALE: "the same version again, or an older one",
}
