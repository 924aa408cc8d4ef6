"""Fuzzes `handle_article`: `python -m tests.fuzz_handling [INPUTS]`, or `make fuzz`.

Coverage-guided with atheris where it is installed, else with hypothesis. An input is a value and,
after an ASCII record separator, headers: `name=value`, divided by unit separators.
"""

import importlib.util
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.format_examples import FOLDER
from tests.hostile_inputs import HOSTILE, list_keys

RECORD_SEPARATOR, UNIT_SEPARATOR = b"\x1e", b"\x1f"
INPUTS = {"atheris": 200_000, "hypothesis": 50_000}
# Of the value, as the service bounds it; libFuzzer's own default is the longest in the corpus.
LONGEST_INPUT_BYTES = 16_384
WORDS = (
    *("id", "uri", "guid", "altids", "itemid", "@graph", "@type", "NewsArticle", "ReportageNews"),
    *("title", "headline", "text", "articleBody", "body_html", "body_nitf", "content_elements"),
    *("status", "pubstatus", "canceled", "withheld", "usable", "embargoed", "version", "story"),
    *("specversion", "data", "data_base64", "story_operation", "delete", "body", "_id", "revision"),
    *("<p>", "</p>", "<br>", "&#x", "&amp;", "<!--", "<![CDATA[", "<script>", "ce_specversion=1.0"),
    *("2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "\\ud800", "\\u0000", "1e999", "NaN"),
)


@dataclass
class Tally:
    """What was seen so far: outcomes (rejections by their reason) and the slowest input."""

    engine: str
    wanted: int
    begun: float = field(default_factory=time.monotonic)
    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    slowest: bytes = b""

    def note(self, given: bytes, outcome: str, seconds: float) -> None:
        """Note what became of an input, and the processor time it took."""
        self.inputs += 1
        self.outcomes[outcome] += 1
        if seconds > self.slowest_seconds:
            self.slowest_seconds, self.slowest = seconds, given

    def report(self) -> str:
        """Say in one line of JSON what was run."""
        return json.dumps(
            {
                "engine": self.engine,
                "inputs": self.inputs,
                "seconds": round(time.monotonic() - self.begun),
                "slowest_cpu_milliseconds": round(self.slowest_seconds * 1000, 1),
                "slowest_bytes": len(self.slowest),
                "slowest_begins": self.slowest[:60].decode("latin-1"),
                "outcomes": dict(self.outcomes.most_common()),
            }
        )


def split_input(given: bytes) -> tuple[bytes | None, tuple[tuple[str, bytes | None], ...]]:
    """Read an input as a value and its headers; nothing before the separator is no value."""
    value, _, rest = given.partition(RECORD_SEPARATOR)
    pairs = (pair.partition(b"=") for pair in rest.split(UNIT_SEPARATOR) if pair)
    headers = tuple(
        (name.decode(errors="replace"), value if equals else None) for name, equals, value in pairs
    )
    return value or None, headers


def try_input(given: bytes) -> str:
    """Decide one input and serialise what its outcome owes; anything raised is a finding."""
    from service.alerts import Alert  # noqa: PLC0415, as above
    from service.desk_state import HOUR_MS, DeskState  # noqa: PLC0415, as above
    from service.handling import (  # noqa: PLC0415, as above
        HandlingRules,
        Matched,
        Rejected,
        handle_article,
    )
    from service.likelihood import Likelihood  # noqa: PLC0415, atheris instruments what comes late
    from service.matches import Match  # noqa: PLC0415, as above
    from service.messages import RejectionReason  # noqa: PLC0415, as above
    from service.outgoing import (  # noqa: PLC0415, as above
        format_alert,
        format_match,
        format_rejection,
    )
    from service.stories import DeskRules, rule_on_match  # noqa: PLC0415, as above
    from tests.factories import NOW, load_classifier, raw  # noqa: PLC0415, as above

    value, headers = split_input(given)
    message = raw(value=value, headers=headers)
    rules = HandlingRules(article_max_bytes=1_000_000, review="publish")
    decided = handle_article(message, load_classifier(), rules, NOW)
    if isinstance(decided, Matched):
        handed = Match.model_validate_json(format_match(decided.match, "news.matches").value or b"")
        assert handed == decided.match
        desk = DeskState(Likelihood.load(), window_ms=HOUR_MS, memory_ms=HOUR_MS)
        ruling = rule_on_match(handed, desk, DeskRules())
        for alert in ruling.alerts:
            owed = format_alert(alert, "news.alerts")
            assert Alert.model_validate_json(owed.value or b"") == alert
        for entry in ruling.entries:
            desk.remember(entry)
        return str(ruling.outcome)
    if isinstance(decided, Rejected):
        assert decided.reason is not RejectionReason.HANDLER_FAILED
        kept = format_rejection(message, decided, "news.articles.dlq", NOW)
        assert (kept.key, kept.value) == (message.key, value)
        return f"rejected {decided.reason}"
    return type(decided).__name__.lower()


def warm_up() -> None:
    """Load the model and label once: what only the first input costs is no input's fault."""
    for example in list_seeds()[:5]:
        try_input(example)


def list_seeds() -> list[bytes]:
    """List the inputs to begin with: an example of every form, and hostile ones that are short."""
    examples = [path.read_bytes() for path in sorted(FOLDER.iterdir())]
    events = [example + RECORD_SEPARATOR + b"ce_specversion=1.0" for example in examples]
    prefixed = [b"\x00\x00\x00\x00\x01" + example for example in examples]
    hostile = [given for given in HOSTILE.values() if len(given) <= LONGEST_INPUT_BYTES]
    return [b"", *examples, *events, *prefixed, *hostile]


def mutate_json(given: bytes, seed: int) -> bytes | None:
    """Put another value or key somewhere into JSON; none where there is no JSON to change.

    Of bytes that chance alone has changed four in five are no JSON any more.
    """
    chance = random.Random(seed)  # noqa: S311, to be repeatable is all that is asked of it
    value, separator, headers = given.partition(RECORD_SEPARATOR)
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not list_keys(content):
        return None
    place = content
    while inner := [key for key in list_keys(place) if list_keys(place[key])]:
        if chance.random() < 1 / 4:
            break
        place = place[chance.choice(inner)]
    key = chance.choice(list_keys(place))
    others: list[Any] = [None, True, 0, -1, 1e308, 10**30, "", " ", [], {}, [[]], {"@id": "a"}]
    match chance.randrange(4):
        case 0:
            place[key] = chance.choice([*others, *WORDS])
        case 1:
            place[key] = chance.choice([[place[key]], {chance.choice(WORDS): place[key]}])
        case 2 if isinstance(place, dict):
            place[chance.choice(WORDS)] = place.pop(key)
        case _:
            place[key] = f"{chance.choice(WORDS)}{place[key]}{chance.choice(WORDS)}"
    return json.dumps(content).encode() + separator + headers


def fuzz_with_atheris(tally: Tally, folder: Path) -> None:
    """Fuzz, and end the process: 0 after so many inputs, else libFuzzer's code for a finding."""
    import atheris  # noqa: PLC0415, an extra

    with atheris.instrument_imports(include=["service"]):
        warm_up()

    def mutate(given: bytes, longest: int, seed: int) -> bytes:
        mutated = mutate_json(given, seed) if seed % 2 else None
        if mutated is None or len(mutated) > longest:
            return bytes(atheris.Mutate(given, longest))
        return mutated

    for position, seed in enumerate(list_seeds()):
        (folder / f"seed-{position:03}").write_bytes(seed)
    words = folder.with_suffix(".dict")
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in WORDS)
    words.write_text("".join(f'"{word}"\n' for word in escaped), encoding="ascii")

    def try_and_note(given: bytes) -> None:
        begun = time.process_time()
        outcome = try_input(given)
        tally.note(given, outcome, time.process_time() - begun)
        if tally.inputs >= tally.wanted:
            sys.stdout.write(tally.report() + "\n")
            sys.stdout.flush()
            os._exit(0)  # libFuzzer's own end gives nobody a last word.

    options = [f"-max_len={LONGEST_INPUT_BYTES}", f"-dict={words}", "-print_final_stats=1"]
    options += ["-rss_limit_mb=4096", f"-artifact_prefix={folder.parent}/finding-", str(folder)]
    atheris.Setup([sys.argv[0], *options], try_and_note, custom_mutator=mutate)
    atheris.Fuzz()


def fuzz_with_hypothesis(tally: Tally) -> None:
    """Fuzz with what the tests use; a finding is shrunk and raised."""
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415, as above
    from hypothesis import strategies as st  # noqa: PLC0415, as above

    from tests.hostile_inputs import any_bytes  # noqa: PLC0415, as above

    header = st.tuples(
        st.sampled_from([b"ce_specversion", b"content-type", b"ce_type"]) | st.binary(max_size=9),
        st.sampled_from([b"1.0", b"application/json"]) | st.binary(max_size=9),
    ).map(b"=".join)
    headers = st.lists(header, max_size=3).map(UNIT_SEPARATOR.join)

    @settings(
        max_examples=tally.wanted,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(value=st.sampled_from(list_seeds()) | any_bytes, headers=headers)
    def try_and_note(value: bytes, headers: bytes) -> None:
        joined = value + RECORD_SEPARATOR + headers if headers else value
        begun = time.process_time()
        outcome = try_input(joined)
        tally.note(joined, outcome, time.process_time() - begun)

    warm_up()
    try_and_note()
    sys.stdout.write(tally.report() + "\n")


def main(arguments: list[str]) -> Any:
    """Fuzz with the best engine there is, so many inputs as asked for or as it is good for."""
    engine = "atheris" if importlib.util.find_spec("atheris") else "hypothesis"
    tally = Tally(engine, int(arguments[0]) if arguments else INPUTS[engine])
    if engine == "hypothesis":
        return fuzz_with_hypothesis(tally)
    # Findings stay where the line that tells of them says.
    folder = Path(tempfile.mkdtemp(prefix="beatwatch-fuzz-")) / "corpus"
    folder.mkdir()
    return fuzz_with_atheris(tally, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
