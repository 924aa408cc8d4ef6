"""Worker and commands over TLS and SASL, on real Kafka; what is wrong is said in one line."""

import base64
import json
import logging
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from service.alerts import Alert
from service.cli import run
from service.embedded_kafka import EmbeddedKafka
from service.settings import CHECKOUT, PREFIX
from service.worker_process import start_worker
from tests.certificates import issue_server_tls, write_authority, write_client_certificate
from tests.conftest import KAFKA_CACHE, Beat, create_beat
from tests.kafka_client import produce, read_all, read_committed
from tests.test_worker import native

pytestmark = pytest.mark.broker

LIMITED_USER = "worker"
# What README asks an operator to allow: kind of resource, setting with its name, operations.
TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP
TRANSACTION = ResourceType.TRANSACTIONAL_ID
WORKER_MAY = [
    (TOPIC, "articles_topic", "READ DESCRIBE_CONFIGS"),
    (TOPIC, "matches_topic", "READ WRITE DESCRIBE_CONFIGS"),
    (TOPIC, "stories_topic", "READ WRITE"),
    (TOPIC, "alerts_topic", "WRITE DESCRIBE_CONFIGS"),
    (TOPIC, "dlq_topic", "WRITE DESCRIBE_CONFIGS"),
    (GROUP, "group", "READ"),
    (TRANSACTION, "group", "WRITE DESCRIBE"),
]
REPLAY_MAY = [
    (TOPIC, "articles_topic", "WRITE DESCRIBE_CONFIGS"),
    (TOPIC, "matches_topic", "WRITE DESCRIBE_CONFIGS"),
    (TOPIC, "stories_topic", "DESCRIBE"),
    (TOPIC, "alerts_topic", "DESCRIBE DESCRIBE_CONFIGS"),
    (TOPIC, "dlq_topic", "READ WRITE DESCRIBE_CONFIGS"),
    (GROUP, "group", "DESCRIBE"),
]
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^.*$/newsroom/",
    "super.users": "User:ANONYMOUS;User:desk;User:newsroom",
}
USER, SECRET, WRONG_SECRET = "desk", "s3cret-0f-the-desk", "n0t-the-secret"
# Longer than any bounded wait below; a command that hangs fails the test.
PATIENCE_SECONDS = 60
WAIT_SECONDS = "2"


@dataclass(frozen=True)
class SecureKafka:
    """A broker with TLS, the files its clients need, and an authority it knows nothing of."""

    broker: EmbeddedKafka
    folder: Path
    ca_file: Path
    other_ca_file: Path
    certificate: Path
    key: Path

    def tls(self, **changes: str) -> dict[str, str]:
        return {
            "BEATWATCH_BROKER": f"kafka://{self.broker.bootstrap_of('SSL')}",
            "BEATWATCH_BROKER_SECURITY": "tls",
            "BEATWATCH_BROKER_CA_FILE": str(self.ca_file),
            "BEATWATCH_BROKER_WAIT_SECONDS": WAIT_SECONDS,
            **changes,
        }

    def scram(self, **changes: str) -> dict[str, str]:
        return self.tls(
            **{
                "BEATWATCH_BROKER": f"kafka://{self.broker.bootstrap_of('SASL_SSL')}",
                "BEATWATCH_BROKER_SECURITY": "sasl_tls",
                "BEATWATCH_BROKER_USERNAME": USER,
                "BEATWATCH_BROKER_PASSWORD": SECRET,
                **changes,
            }
        )

    def mutual(self, **changes: str) -> dict[str, str]:
        return self.tls(
            **{
                "BEATWATCH_BROKER": f"kafka://{self.broker.bootstrap_of('MUTUAL')}",
                "BEATWATCH_BROKER_CERT_FILE": str(self.certificate),
                "BEATWATCH_BROKER_KEY_FILE": str(self.key),
                **changes,
            }
        )


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    folder = tmp_path_factory.mktemp("secure")
    authority, stranger = trustme.CA(), trustme.CA()
    certificate, key = write_client_certificate(authority, folder)
    with EmbeddedKafka(
        folder / "kafka",
        cache_dir=KAFKA_CACHE,
        users={USER: SECRET, LIMITED_USER: SECRET},
        properties=AUTHORIZER,
        tls=issue_server_tls(authority, "127.0.0.1"),
    ) as broker:
        yield SecureKafka(
            broker,
            folder,
            write_authority(authority, folder),
            write_authority(stranger, folder, "other-ca.pem"),
            certificate,
            key,
        )


@pytest.fixture
def secure_beat(secure: SecureKafka) -> Beat:
    return create_beat(secure.broker)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def run_command(environ: dict[str, str], *arguments: str, given: bytes = b"") -> Ended:
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ended = subprocess.run(  # noqa: S603, our own command
        [sys.executable, "-m", "service", *arguments],
        cwd=CHECKOUT,
        env=others | environ,
        input=given,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


WAYS_IN = ["tls", "scram", "mutual"]


@pytest.mark.parametrize("way", WAYS_IN)
def test_article_in_alert_out(
    secure: SecureKafka, secure_beat: Beat, tmp_path: Path, way: str
) -> None:
    environ = {**secure_beat.environ, **getattr(secure, way)()}
    with start_worker(environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(secure_beat.bootstrap, secure_beat.settings.articles_topic, [native("a")])
        assert worker.wait_for_ledger(1)["alerted"] == 1
        worker.drain()
    (message,) = read_all(secure_beat.bootstrap, secure_beat.settings.alerts_topic)
    assert Alert.model_validate_json(message.value() or b"").article.id == "a"


def test_mechanisms_other_than_the_default_work_over_tls(
    secure: SecureKafka, secure_beat: Beat
) -> None:
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        changes = {"BEATWATCH_BROKER_SASL_MECHANISM": mechanism}
        environ = {**secure_beat.environ, **secure.scram(**changes)}
        assert run_command(environ, "topics", "check").code == 0


def test_commands_reach_the_broker_as_the_worker_does(
    secure: SecureKafka, secure_beat: Beat, tmp_path: Path
) -> None:
    names = {name: f"{value}-new" for name, value in secure_beat.environ.items()}
    environ = {**names, **secure.scram()}
    created = run_command(environ, "topics", "create", "--partitions", "2")
    assert created.code == 0, created.err
    assert created.out.startswith("created: articles-")
    articles = [native("a")[1], b'{"id": "broken", "text": 1}']
    published = run_command(environ, "publish", "-", given=b"\n".join(articles))
    assert published.out.startswith("2 articles published\n"), published.err
    with start_worker(environ, tmp_path) as worker:
        worker.wait_until_ready()
        worker.wait_for_ledger(2)
        worker.drain()
    alerts = run_command(environ, "alerts", "--since", "start", "--no-follow", "--json")
    assert alerts.code == 0, alerts.err
    assert json.loads(alerts.out)["article"]["id"] == "a"
    listed = run_command(environ, "dlq", "list", "--json")
    assert listed.code == 0, listed.err
    assert "invalid_article" in listed.out
    shown = run_command(environ, "dlq", "show", "0:0")
    assert shown.code == 0, shown.err
    replayed = run_command(environ, "dlq", "replay", "--all")
    assert "1 replayed" in replayed.out, replayed.err


def allow(beat: Beat, permissions: list[tuple[ResourceType, str, str]]) -> None:
    rules = [
        AclBinding(
            kind,
            str(getattr(beat.settings, setting)),
            # The desk's transactional ids begin with the group's name.
            ResourcePatternType.PREFIXED if kind == TRANSACTION else ResourcePatternType.LITERAL,
            f"User:{LIMITED_USER}",
            "*",
            getattr(AclOperation, operation),
            AclPermissionType.ALLOW,
        )
        for kind, setting, operations in permissions
        for operation in operations.split()
    ]
    admin = AdminClient({"bootstrap.servers": beat.bootstrap})
    for made in admin.create_acls(rules).values():
        made.result(PATIENCE_SECONDS)


def test_replaying_needs_no_more_than_what_readme_asks_for(
    secure: SecureKafka, secure_beat: Beat, tmp_path: Path
) -> None:
    settings = secure_beat.settings
    environ = {**secure_beat.environ, **secure.scram()}
    with start_worker(environ, tmp_path, ("-m", "tests.poisoned_desk")) as worker:
        worker.wait_until_ready()
        records = [native("a", title="POISON"), (b"broken", b"{")]
        produce(secure_beat.bootstrap, settings.articles_topic, records)
        worker.wait_for_ledger(2)
        worker.drain()
    allow(secure_beat, REPLAY_MAY)
    environ = {**environ, **secure.scram(BEATWATCH_BROKER_USERNAME=LIMITED_USER)}
    replayed = run_command(environ, "dlq", "replay", "--all")
    assert replayed.out.endswith("2 replayed\n"), replayed.err
    assert len(read_all(secure_beat.bootstrap, settings.articles_topic)) == 3
    assert len(read_all(secure_beat.bootstrap, settings.matches_topic)) == 2


def test_worker_needs_no_more_than_what_readme_asks_for(
    secure: SecureKafka, secure_beat: Beat, tmp_path: Path
) -> None:
    allow(secure_beat, WORKER_MAY)
    environ = {**secure_beat.environ, **secure.scram(BEATWATCH_BROKER_USERNAME=LIMITED_USER)}
    with start_worker(environ, tmp_path) as worker:
        worker.wait_until_ready()
        records = [native("a"), (b"broken", b"{")]
        produce(secure_beat.bootstrap, secure_beat.settings.articles_topic, records)
        ledger = worker.wait_for_ledger(2)
        worker.drain()
    assert (ledger["alerted"], ledger["rejected"]) == (1, 1)
    committed = read_committed(
        secure_beat.bootstrap, secure_beat.settings.group, secure_beat.settings.articles_topic
    )
    assert sum(offset for offset in committed.values() if offset > 0) == 2


@pytest.mark.parametrize(
    "missing",
    range(len(WORKER_MAY)),
    ids=lambda row: f"{WORKER_MAY[row][0].name}-{WORKER_MAY[row][1]}",
)
def test_worker_that_may_do_less_ends_with_1_and_one_line(
    secure: SecureKafka, secure_beat: Beat, tmp_path: Path, missing: int
) -> None:
    allow(secure_beat, [*WORKER_MAY[:missing], *WORKER_MAY[missing + 1 :]])
    environ = {
        **secure_beat.environ,
        **secure.scram(BEATWATCH_BROKER_USERNAME=LIMITED_USER),
        "BEATWATCH_PUBLISH_RETRY_SECONDS": "2",
    }
    produce(secure_beat.bootstrap, secure_beat.settings.articles_topic, [native("a")])
    with start_worker(environ, tmp_path) as worker:
        assert worker.process.wait(PATIENCE_SECONDS) == 1, worker.tail()
        assert getattr(secure_beat.settings, WORKER_MAY[missing][1]) in worker.tail()


def spoil_password(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.scram(BEATWATCH_BROKER_PASSWORD=WRONG_SECRET)


def name_an_unknown_user(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.scram(BEATWATCH_BROKER_USERNAME="nobody")


def forget_the_authority(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.scram(BEATWATCH_BROKER_CA_FILE="")


def trust_another_authority(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.scram(BEATWATCH_BROKER_CA_FILE=str(secure.other_ca_file))


def call_it_by_another_name(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    port = secure.broker.bootstrap_of("SSL").rpartition(":")[2]
    return secure.tls(BEATWATCH_BROKER=f"kafka://localhost:{port}")


def speak_plaintext_to_a_tls_port(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.tls(BEATWATCH_BROKER_SECURITY="plaintext")


def speak_tls_to_a_plaintext_port(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.tls(BEATWATCH_BROKER=f"kafka://{secure.broker.bootstrap}")


def speak_sasl_without_tls_to_a_tls_port(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.scram(BEATWATCH_BROKER_SECURITY="sasl_plaintext")


def bring_no_password_where_one_is_asked_for(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.tls(BEATWATCH_BROKER=f"kafka://{secure.broker.bootstrap_of('SASL_SSL')}")


def bring_a_password_where_none_is_asked_for(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.scram(BEATWATCH_BROKER=f"kafka://{secure.broker.bootstrap_of('SSL')}")


def bring_no_certificate_where_one_is_asked_for(
    secure: SecureKafka, _folder: Path
) -> dict[str, str]:
    return secure.tls(BEATWATCH_BROKER=f"kafka://{secure.broker.bootstrap_of('MUTUAL')}")


def bring_a_certificate_of_a_stranger(secure: SecureKafka, folder: Path) -> dict[str, str]:
    certificate, key = write_client_certificate(trustme.CA(), folder)
    return secure.mutual(
        BEATWATCH_BROKER_CERT_FILE=str(certificate), BEATWATCH_BROKER_KEY_FILE=str(key)
    )


def lose_the_authority_file(secure: SecureKafka, folder: Path) -> dict[str, str]:
    return secure.tls(BEATWATCH_BROKER_CA_FILE=str(folder / "no-such-ca.pem"))


def lose_the_key(secure: SecureKafka, folder: Path) -> dict[str, str]:
    return secure.mutual(BEATWATCH_BROKER_KEY_FILE=str(folder / "no-such.key"))


def bring_another_key(secure: SecureKafka, folder: Path) -> dict[str, str]:
    _certificate, key = write_client_certificate(trustme.CA(), folder)
    return secure.mutual(BEATWATCH_BROKER_KEY_FILE=str(key))


def bring_a_key_with_a_pass_phrase(secure: SecureKafka, folder: Path) -> dict[str, str]:
    key = load_pem_private_key(secure.key.read_bytes(), password=None)
    encrypted = folder / "encrypted.key"
    encrypted.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"phrase"))
    )
    return secure.mutual(BEATWATCH_BROKER_KEY_FILE=str(encrypted))


def bring_a_certificate_without_key(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.mutual(BEATWATCH_BROKER_KEY_FILE="")


def bring_a_key_without_certificate(secure: SecureKafka, _folder: Path) -> dict[str, str]:
    return secure.mutual(BEATWATCH_BROKER_CERT_FILE="")


def bring_garbage_for_an_authority(secure: SecureKafka, folder: Path) -> dict[str, str]:
    garbage = folder / "garbage.pem"
    garbage.write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    return secure.tls(BEATWATCH_BROKER_CA_FILE=str(garbage))


Mistake = Callable[[SecureKafka, Path], dict[str, str]]
WRONG: dict[Mistake, str] = {
    spoil_password: "does not let user desk in",
    name_an_unknown_user: "does not let user nobody in",
    forget_the_authority: "is not trusted: .*check BEATWATCH_BROKER_CA_FILE",
    trust_another_authority: "is not trusted: .*check BEATWATCH_BROKER_CA_FILE",
    call_it_by_another_name: "another host's .Hostname mismatch.*give BEATWATCH_BROKER the name",
    speak_plaintext_to_a_tls_port: "BEATWATCH_BROKER_SECURITY",
    speak_tls_to_a_plaintext_port: "BEATWATCH_BROKER_SECURITY",
    speak_sasl_without_tls_to_a_tls_port: "BEATWATCH_BROKER_SECURITY",
    bring_no_password_where_one_is_asked_for: "BEATWATCH_BROKER_SECURITY",
    bring_a_password_where_none_is_asked_for: "BEATWATCH_BROKER_SECURITY",
    bring_no_certificate_where_one_is_asked_for: "BEATWATCH_BROKER_CERT_FILE",
    bring_a_certificate_of_a_stranger: "BEATWATCH_BROKER_CERT_FILE",
    lose_the_authority_file: "no-such-ca.pem.*BEATWATCH_BROKER_CA_FILE",
    lose_the_key: "no-such.key.*BEATWATCH_BROKER_KEY_FILE",
    bring_another_key: "BEATWATCH_BROKER_KEY_FILE",
    bring_a_key_with_a_pass_phrase: "without a pass phrase",
    bring_a_certificate_without_key: "BEATWATCH_BROKER_KEY_FILE",
    bring_a_key_without_certificate: "KEY_FILE is set without BEATWATCH_BROKER_CERT_FILE",
    bring_garbage_for_an_authority: "garbage.pem.*BEATWATCH_BROKER_CA_FILE",
}


def check_one_clear_line(log: str, line: str) -> None:
    ours = [each for each in log.splitlines() if each.startswith("beatwatch: ")]
    assert len(ours) == 1, log
    assert re.search(line, ours[0]), ours[0]
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "mistake",
    [spoil_password, forget_the_authority, speak_plaintext_to_a_tls_port, lose_the_key],
    ids=lambda mistake: mistake.__name__,
)
def test_mistake_ends_the_worker_with_1_and_one_line_that_says_what_to_do(
    secure: SecureKafka, tmp_path: Path, mistake: Mistake
) -> None:
    environ = {**mistake(secure, tmp_path), "BEATWATCH_LOG_FORMAT": "json"}
    with start_worker(environ, tmp_path) as worker:
        assert worker.process.wait(PATIENCE_SECONDS) == 1
        log = worker.log_file.read_text()
    check_one_clear_line(log, WRONG[mistake])


@pytest.mark.parametrize("mistake", WRONG, ids=lambda mistake: mistake.__name__)
def test_mistake_ends_a_command_with_1_and_that_line_alone(  # noqa: PLR0917, all are fixtures
    secure: SecureKafka,
    tmp_path: Path,
    mistake: Mistake,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in mistake(secure, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["beatwatch", "topics", "check"])
    with pytest.raises(SystemExit) as ended:
        run()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (1, "")
    check_one_clear_line(captured.err, WRONG[mistake])
    assert captured.err.count("\n") == 1
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "command", ["topics create", "publish -", "alerts --no-follow --since start", "dlq list"]
)
def test_every_command_says_so_in_the_same_line(
    secure: SecureKafka, tmp_path: Path, command: str
) -> None:
    environ = spoil_password(secure, tmp_path)
    code, out, err = run_command(environ, *command.split(), given=native("a")[1])
    assert (code, out) == (1, "")
    check_one_clear_line(err, WRONG[spoil_password])
    assert err.count("\n") == 1


def spell_secret(secret: str) -> set[str]:
    """The secret as it is, and as SASL, JSON logs or a dump of bytes would write it."""
    in_sasl = f"\0{USER}\0{secret}".encode()
    spellings = {secret, secret.encode().hex(), in_sasl.hex()}
    spellings |= {base64.b64encode(each).decode() for each in (secret.encode(), in_sasl)}
    return spellings


def find_secret(secret: str, texts: dict[str, str]) -> list[str]:
    return [name for name, text in texts.items() if any(s in text for s in spell_secret(secret))]


@pytest.mark.parametrize(
    ("mechanism", "log_format"), [("PLAIN", "console"), ("SCRAM-SHA-512", "json")]
)
def test_password_is_in_no_log_line_page_or_file_of_the_worker(
    secure: SecureKafka, secure_beat: Beat, tmp_path: Path, mechanism: str, log_format: str
) -> None:
    environ = {
        **secure_beat.environ,
        **secure.scram(BEATWATCH_BROKER_SASL_MECHANISM=mechanism),
        "BEATWATCH_LOG_LEVEL": "debug",
        "BEATWATCH_LOG_FORMAT": log_format,
    }
    with start_worker(environ, tmp_path) as worker:
        worker.wait_until_ready()
        produce(secure_beat.bootstrap, secure_beat.settings.articles_topic, [native("a")])
        worker.wait_for_ledger(1)
        texts = {}
        for page in ("/metrics", "/livez", "/readyz"):
            with urllib.request.urlopen(worker.url + page, timeout=5) as answer:  # noqa: S310, ours
                texts[page] = answer.read().decode()
        texts["command line"] = Path(f"/proc/{worker.process.pid}/cmdline").read_text()
        worker.drain()
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        texts[str(path)] = path.read_text(errors="replace")
    assert len(texts) > 4
    assert "page served" in texts[str(worker.log_file)], "the level is debug"
    assert find_secret(SECRET, texts) == []


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_password_that_is_refused_is_in_no_line(
    secure: SecureKafka, tmp_path: Path, mechanism: str
) -> None:
    environ = {
        **secure.scram(BEATWATCH_BROKER_SASL_MECHANISM=mechanism),
        "BEATWATCH_BROKER_PASSWORD": WRONG_SECRET,
        "BEATWATCH_LOG_LEVEL": "debug",
        "BEATWATCH_LOG_FORMAT": "console",
    }
    with start_worker(environ, tmp_path) as worker:
        assert worker.process.wait(PATIENCE_SECONDS) == 1
    assert find_secret(WRONG_SECRET, {"log": worker.log_file.read_text()}) == []


def test_password_is_in_the_output_of_no_command(secure: SecureKafka, secure_beat: Beat) -> None:
    environ = {**secure_beat.environ, **secure.scram(), "BEATWATCH_LOG_LEVEL": "debug"}
    mistaken = {
        "a setting that is unknown": {"BEATWATCH_BROKER_PASWORD": SECRET},
        "a setting out of bounds": {"BEATWATCH_HTTP_PORT": "-1"},
        "a password in the address": {"BEATWATCH_BROKER": f"kafka://{USER}:{SECRET}@host:9092"},
        "no user": {"BEATWATCH_BROKER_USERNAME": ""},
        "another password": {"BEATWATCH_BROKER_PASSWORD": f"{SECRET}2"},
    }
    texts = {}
    for command in (
        "config show",
        "config show --json",
        "topics check",
        "topics create",
        "publish -",
        "alerts --no-follow --since start --json",
        "dlq list",
        "dlq show 0:0",
        "dlq replay --all",
        "explain 11111111-2222-5333-8444-555555555555",
    ):
        ended = run_command(environ, *command.split(), given=native("a")[1])
        texts[command] = ended.out + ended.err
    for name, changes in mistaken.items():
        ended = run_command(environ | changes, "topics", "check")
        assert ended.code in {1, 2}
        texts[name] = ended.out + ended.err
    assert all("Traceback" not in text for text in texts.values())
    assert find_secret(SECRET, texts) == []
