import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

import service
from service.settings import CHECKOUT

SERVICE = CHECKOUT / "service"
MODULES = {path.stem: path for path in sorted(SERVICE.glob("*.py"))}
LIBRARIES_OF = {
    "faust": {"app", "intake", "worker"},
    "sklearn": {
        "calibration",
        "evaluation",
        "features",
        "fitting",
        "pipeline_file",
        "training",
    },
    "skops": {"pipeline_file"},
    "prometheus_client": {
        "drift_metrics",
        "ledger",
        "metrics",
        "pages",
        "worker",
        "worker_metrics",
        "worker_process",
    },
    "feedparser": {"feeds"},
    "lxml": {"feeds", "html_text"},
    "typer": {
        "cli",
        "alert_commands",
        "config_commands",
        "audit_commands",
        "dlq_commands",
        "model_commands",
        "newsroom_commands",
        "schema_commands",
    },
    "yaml": {"contracts"},
    "rich": {
        "audit_commands",
        "console",
        "demo",
        "dlq_commands",
        "letter_tables",
        "progress",
        "report_tables",
        "story_lines",
    },
}
FORMATS = {"formats", "envelopes", "html_text", "fields", "ninjs", "ap", "schema_org", "arc"}
CONTRACTS = {"accepted", "messages", "examples", "alerts", "digests", "headers", "dead_letters"}
DESK = {"outcomes", "matches", "desk_state", "entries", "stories", "budgets", "due_digests"}
STORIES = {
    "event_days",
    "lexicon",
    "mentions",
    "report_terms",
    "report_words",
    "sketches",
    "agreement",
    "likelihood",
    "story_index",
}
AUDIT = {"audit", "audit_books"}
DECIDING = {"stalls", "commits", "passages", "scoring", "classifier", "handling", "standings"}
SHOWN = {"drift", "open_letters", "quiet_hours"}
PURE = {*CONTRACTS, *FORMATS, *STORIES, *DESK, *AUDIT, *DECIDING, *SHOWN}
OUTSIDE_WORLD = {
    "aiokafka",
    "asyncio",
    "faust",
    "http",
    "os",
    "prometheus_client",
    "random",
    "socket",
    "stamina",
    "structlog",
    "threading",
    "time",
    "urllib",
}


@cache
def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def list_imports(module: str) -> Iterator[str]:
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def list_libraries(module: str) -> set[str]:
    return {name.split(".")[0] for name in list_imports(module)}


@cache
def list_own_modules(module: str) -> set[str]:
    names = {name.split(".")[1] for name in list_imports(module) if name.startswith("service.")}
    return names & MODULES.keys()


def reach_from(module: str) -> set[str]:
    """The module and all of ours that it imports, directly or not."""
    reached: set[str] = set()
    pending = {module}
    while pending:
        reached |= pending
        pending = set().union(*map(list_own_modules, pending)) - reached
    return reached


def read_map() -> list[str]:
    assert service.__doc__ is not None
    return re.findall(r"^([a-z_]+)  +\S", service.__doc__, re.MULTILINE)


@pytest.mark.parametrize(("library", "modules"), LIBRARIES_OF.items())
def test_library_is_imported_by_those_modules_alone(library: str, modules: set[str]) -> None:
    assert {module for module in MODULES if library in list_libraries(module)} <= modules


@pytest.mark.parametrize("module", sorted(PURE))
def test_deciding_module_reaches_nothing_of_the_outside_world(module: str) -> None:
    for reached in reach_from(module):
        assert list_libraries(reached) & OUTSIDE_WORLD == set(), reached


@pytest.mark.parametrize("module", sorted(PURE))
def test_deciding_module_reads_no_clock(module: str) -> None:
    asked = {node.attr for node in ast.walk(parse(module)) if isinstance(node, ast.Attribute)}
    assert asked & {"now", "utcnow", "today", "time", "monotonic", "perf_counter"} == set()


def test_map_has_every_module_and_only_those() -> None:
    mapped = read_map()
    assert len(mapped) == len(set(mapped))
    assert set(mapped) == MODULES.keys() - {"__init__", "__main__"}


def test_no_module_imports_itself_through_others() -> None:
    for module in MODULES:
        for imported in list_own_modules(module):
            assert module not in reach_from(imported), f"{module} and {imported}"


def test_any_exception_is_caught_only_where_an_article_could_be_lost() -> None:
    caught = [
        (module, ast.unparse(node.type) if node.type else "everything")
        for module in MODULES
        for node in ast.walk(parse(module))
        if isinstance(node, ast.ExceptHandler)
    ]
    broad = [
        (module, exception)
        for module, exception in caught
        if re.search(r"\b(BaseException|Exception|everything)\b", exception)
    ]
    assert broad == [("batches", "Exception"), ("leaving", "Exception")]


@pytest.mark.parametrize("module", MODULES)
def test_module_is_small_enough_to_be_read_at_once(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 260


@pytest.mark.parametrize("module", MODULES)
def test_no_module_loads_pickles(module: str) -> None:
    assert list_libraries(module) & {"pickle", "joblib", "dill", "shelve", "marshal"} == set()


@pytest.mark.parametrize("module", MODULES)
def test_errors_of_ours_say_so_in_their_names(module: str) -> None:
    errors = [
        node.name
        for node in ast.walk(parse(module))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Exception", "Error")) for base in node.bases)
    ]
    assert [name for name in errors if not name.endswith("Error")] == []
