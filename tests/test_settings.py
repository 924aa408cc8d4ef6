from itertools import combinations
from pathlib import Path
from typing import get_args

import pytest
from annotated_types import Ge, Gt, Le
from pydantic import ValidationError

from service.settings import PREFIX, Settings, SettingsError, read_settings

SECRET = "hunter2-never-print-me"  # noqa: S105, made up
SASL = {
    "BEATWATCH_BROKER_SECURITY": "sasl_tls",
    "BEATWATCH_BROKER_USERNAME": "desk",
    "BEATWATCH_BROKER_PASSWORD": SECRET,
}
CHANGED = {
    "broker": "one:9092",
    "broker_security": "sasl_plaintext",
    "broker_sasl_mechanism": "PLAIN",
    "broker_username": "other",
    "broker_password": "other",
    "broker_ca_file": "ca.pem",
    "broker_cert_file": "cert.pem",
    "broker_key_file": "key.pem",
    "broker_wait_seconds": "0",
    "articles_topic": "other",
    "alerts_topic": "other",
    "matches_topic": "other",
    "stories_topic": "other",
    "dlq_topic": "other",
    "group": "other",
    "instance_id": "other",
    "model_dir": "other",
    "review": "publish",
    "story_window_hours": "1",
    "alert_memory_days": "1",
    "repeats": "suppress",
    "quiet_repeats": "ttp, border",
    "quiet_hours": "22:00-06:00 Europe/London",
    "alerts_per_hour": "ttp=20, border=0",
    "article_max_bytes": "1000",
    "batch_articles": "1",
    "publish_retry_seconds": "1",
    "drain_seconds": "1",
    "stall_seconds": "1",
    "handler_failures_in_a_row": "1",
    "handler_failures_ratio": "1",
    "http_host": "0.0.0.0",  # noqa: S104, nothing listens
    "http_port": "0",
    "data_dir": "other",
    "log_format": "json",
    "log_level": "debug",
}
TOPICS = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name.endswith("_topic")]
NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if {int, float} & {field.annotation, *get_args(field.annotation)}
]


def test_everything_has_a_default_that_is_safe_on_one_machine() -> None:
    settings = read_settings({})
    assert settings.broker == "kafka://localhost:9092"
    assert settings.broker_security == "plaintext"
    assert settings.http_host == "127.0.0.1"
    assert settings.model_dir == Path(__file__).parent.parent / "models"
    assert (settings.articles_topic, settings.alerts_topic, settings.dlq_topic) == (
        "news.articles",
        "news.alerts",
        "news.articles.dlq",
    )


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_a_lower_and_an_upper_bound(name: str) -> None:
    bounds = {type(each) for each in Settings.model_fields[name].metadata}
    assert bounds & {Ge, Gt}
    assert Le in bounds


@pytest.mark.parametrize("name", [name for name in NUMBERS if name.endswith("_seconds")])
def test_every_duration_says_its_unit(name: str) -> None:
    assert "(seconds)" in (Settings.model_fields[name].description or "")


@pytest.mark.parametrize(("name", "value"), CHANGED.items())
def test_every_setting_is_read_from_its_variable(name: str, value: str) -> None:
    default = read_settings(SASL)
    read = read_settings(SASL | {PREFIX + name.upper(): value})
    assert [each for each in CHANGED if getattr(read, each) != getattr(default, each)] == [name]


def test_no_setting_is_missing_above() -> None:
    assert CHANGED.keys() == Settings.model_fields.keys()


def test_unknown_variable_is_an_error_that_names_it() -> None:
    with pytest.raises(SettingsError, match="BEATWATCH_BROKR"):
        read_settings({"BEATWATCH_BROKR": "kafka://localhost:9092"})


def test_variables_of_others_are_not_looked_at() -> None:
    assert read_settings({"BROKER": "x", "OTHER_BEATWATCH_GROUP": "y"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BEATWATCH_HTTP_PORT", "65536"),
        ("BEATWATCH_HTTP_PORT", "web"),
        ("BEATWATCH_BATCH_ARTICLES", "0"),
        ("BEATWATCH_DRAIN_SECONDS", "nan"),
        ("BEATWATCH_HANDLER_FAILURES_RATIO", "1.01"),
        ("BEATWATCH_BROKER", "localhost"),
        ("BEATWATCH_BROKER", "http://localhost:9092"),
        ("BEATWATCH_BROKER_SECURITY", "ssl"),
        ("BEATWATCH_ALERTS_TOPIC", "news alerts"),
        ("BEATWATCH_LOG_LEVEL", "loud"),
    ],
)
def test_value_out_of_bounds_is_an_error_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: "):
        read_settings({name: value})


@pytest.mark.parametrize("missing", ["BEATWATCH_BROKER_USERNAME", "BEATWATCH_BROKER_PASSWORD"])
@pytest.mark.parametrize("security", ["sasl_plaintext", "sasl_tls"])
def test_sasl_needs_a_user_and_a_password(security: str, missing: str) -> None:
    environ = SASL | {"BEATWATCH_BROKER_SECURITY": security}
    read_settings(environ)
    del environ[missing]
    with pytest.raises(SettingsError, match=missing):
        read_settings(environ)


@pytest.mark.parametrize(("one", "other"), list(combinations(TOPICS, 2)))
def test_two_topics_of_one_name_are_an_error_that_names_both_variables(
    one: str, other: str
) -> None:
    with pytest.raises(SettingsError, match=f"{one} and {other} are the same"):
        read_settings({one: "news.wire", other: "news.wire"})


def test_topic_of_the_name_that_another_has_unless_set_is_an_error_that_names_both() -> None:
    with pytest.raises(SettingsError, match="BEATWATCH_ARTICLES_TOPIC and BEATWATCH_ALERTS_TOPIC"):
        read_settings({"BEATWATCH_ALERTS_TOPIC": "news.articles"})
    # Whoever gives both another name gets in.
    swapped = {
        "BEATWATCH_ARTICLES_TOPIC": "news.alerts",
        "BEATWATCH_ALERTS_TOPIC": "news.articles",
    }
    assert read_settings(swapped).alerts_topic == "news.articles"


@pytest.mark.parametrize(
    "wrong",
    [
        {"BEATWATCH_BROKER": f"kafka://desk:{SECRET}@broker:9092"},
        {"BEATWATCH_BROKER_USERNAME": ""},
        {"BEATWATCH_HTTP_PORT": "-1"},
        {"BEATWATCH_BROKER_PASWORD": SECRET},
    ],
)
def test_error_never_shows_a_secret(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(SASL | wrong)
    assert SECRET not in str(caught.value)


def test_password_is_masked_wherever_the_settings_are_printed() -> None:
    settings = read_settings(SASL)
    assert settings.broker_password is not None
    assert settings.broker_password.get_secret_value() == SECRET
    for printed in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in printed


@pytest.mark.parametrize(
    "broker",
    ["kafka://one:9092;kafka://two:9093", "one:9092,two:9093", "kafka://one:9092;two:9093"],
)
def test_several_brokers_can_be_given(broker: str) -> None:
    settings = read_settings({"BEATWATCH_BROKER": broker})
    assert settings.broker_addresses == ["one:9092", "two:9093"]


def test_settings_do_not_change_once_read() -> None:
    settings = read_settings({})
    with pytest.raises(ValidationError, match="frozen"):
        settings.group = "other"  # type: ignore[misc]


def test_empty_variable_is_one_that_was_not_set() -> None:
    given = {"BEATWATCH_ALERTS_TOPIC": "", "BEATWATCH_BROKER_CA_FILE": ""}
    assert read_settings(given) == Settings()


def test_broker_may_have_an_ipv6_address() -> None:
    settings = read_settings({"BEATWATCH_BROKER": "kafka://[::1]:9092;kafka-2:9092"})
    assert settings.broker_addresses == ["[::1]:9092", "kafka-2:9092"]


def test_budgets_and_quiet_labels_are_read() -> None:
    settings = read_settings(
        {"BEATWATCH_ALERTS_PER_HOUR": "ttp=20, border=0,", "BEATWATCH_QUIET_REPEATS": " ttp ,"}
    )
    assert settings.alerts_per_hour == {"ttp": 20, "border": 0}
    assert settings.find_quiet_repeats(["ttp", "border"]) == {"ttp"}


@pytest.mark.parametrize("written", ["ttp", "ttp=", "=3", "ttp=-1", "ttp=1.5", "ttp=x"])
def test_budget_in_another_form_is_an_error_that_tells_the_form(written: str) -> None:
    with pytest.raises(SettingsError, match="label=number"):
        read_settings({"BEATWATCH_ALERTS_PER_HOUR": written})


def test_suppressed_repeats_are_those_of_all_labels() -> None:
    settings = read_settings({"BEATWATCH_REPEATS": "suppress"})
    assert settings.find_quiet_repeats(["ttp", "border"]) == {"ttp", "border"}


@pytest.mark.parametrize(
    "environ",
    [{"BEATWATCH_QUIET_REPEATS": "tpp"}, {"BEATWATCH_ALERTS_PER_HOUR": "tpp=3"}],
)
def test_label_that_is_not_watched_is_an_error_that_names_it(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="tpp; the model watches border, ttp"):
        read_settings(environ).find_quiet_repeats(["ttp", "border"])
