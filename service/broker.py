"""Reach the broker: addresses, TLS, SASL."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from service.settings import Settings

_PROTOCOLS = {
    "plaintext": "PLAINTEXT",
    "tls": "SSL",
    "sasl_plaintext": "SASL_PLAINTEXT",
    "sasl_tls": "SASL_SSL",
}
# Who reads up to an end waits no longer for messages before it looks where it is: aiokafka does not
# tell that it has passed over the end of a transaction, which is an offset without a message.
READ_WAIT_MS = 20
_CONNECT_SECONDS = 5.0
# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (x509_vfy.h).
_NAME_MISMATCHES = {62, 64}


class BrokerError(Exception):
    """The broker cannot be used as it is; the text says why and what to do."""


class AccessRefusedError(BrokerError):
    """The broker is there and will not let us in; trying again does not help."""


def client_options(settings: Settings) -> dict[str, Any]:
    """Say how aiokafka's clients reach the broker.

    Raises:
        BrokerError: a certificate or key file cannot be read.
    """
    return {"bootstrap_servers": settings.broker_addresses, **_security_options(settings)}


def create_tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Make the TLS context, or none where the settings ask for no TLS.

    Raises:
        BrokerError: a certificate or key file cannot be read.
    """
    if not settings.broker_security.endswith("tls"):
        return None
    context = _trust_authority(settings.broker_ca_file)
    if settings.broker_cert_file:
        _load_certificate(context, settings.broker_cert_file, settings.broker_key_file)
    elif settings.broker_key_file:
        raise BrokerError("BEATWATCH_BROKER_KEY_FILE is set without BEATWATCH_BROKER_CERT_FILE")
    return context


def _trust_authority(ca_file: Path | None) -> ssl.SSLContext:
    try:
        # With a file no other authority is trusted beside it, without one the system's are.
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise BrokerError(
            f"no certificate of an authority can be read from {ca_file} ({_tell(error)}); check "
            "BEATWATCH_BROKER_CA_FILE"
        ) from error


def _load_certificate(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    try:
        for path in filter(None, (cert_file, key_file)):
            path.open("rb").close()  # load_cert_chain tells of neither that it is the one missing.
        # A key with a pass phrase would have OpenSSL ask for it on the terminal, and wait.
        context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as error:
        raise BrokerError(
            f"{cert_file} and {key_file or 'the key in it'} do not go together ({_tell(error)}); "
            "check BEATWATCH_BROKER_CERT_FILE and BEATWATCH_BROKER_KEY_FILE: PEM files, the key "
            "without a pass phrase"
        ) from error
    except OSError as error:
        raise BrokerError(
            f"{error.filename} cannot be read ({_tell(error)}); check BEATWATCH_BROKER_CERT_FILE "
            "and BEATWATCH_BROKER_KEY_FILE"
        ) from error


def _tell(error: OSError) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or str(error)


async def knock(settings: Settings) -> None:
    """Connect to the first broker that answers, and let go.

    aiokafka's clients only log why a broker does not let them in; this tells.

    Raises:
        AccessRefusedError: certificate not trusted, or user, password or mechanism refused.
        BrokerError: nobody answers, or whoever does hangs up.
    """
    refused = BrokerError(f"no address in BEATWATCH_BROKER={settings.broker}")
    for address in settings.broker_addresses:
        try:
            await _knock_at(address, settings)
        except AccessRefusedError:
            raise
        except BrokerError as error:
            refused = error
        else:
            return
    raise refused


async def _knock_at(address: str, settings: Settings) -> None:
    host, _, port = address.rpartition(":")
    try:
        connection = await create_conn(
            host.strip("[]"),
            int(port),
            request_timeout_ms=int(_CONNECT_SECONDS * 1000),
            **_security_options(settings),
        )
        try:
            # The first request that a listener with passwords answers to none without.
            await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        raise AccessRefusedError(_tell_distrust(address, error)) from error
    except (SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
        raise AccessRefusedError(
            f"{address} does not let user {settings.broker_username} in with "
            f"{settings.broker_sasl_mechanism} ({type(error).__name__}); check "
            "BEATWATCH_BROKER_USERNAME, _PASSWORD and _SASL_MECHANISM"
        ) from error
    except IllegalSaslStateError as error:
        raise AccessRefusedError(
            f"{address} takes no passwords, it is no {settings.broker_security} listener; check "
            "BEATWATCH_BROKER_SECURITY and the port in BEATWATCH_BROKER"
        ) from error
    except (ConnectionResetError, ssl.SSLError, KafkaConnectionError) as error:
        # It may also be on its way down or up: worth trying again, for a bounded time.
        certificate = (
            ", and, if it asks for certificates, BEATWATCH_BROKER_CERT_FILE and _KEY_FILE"
            if settings.broker_security.endswith("tls")
            else ""
        )
        raise BrokerError(
            f"{address} hangs up, it may be no {settings.broker_security} listener; check "
            f"BEATWATCH_BROKER_SECURITY and the port in BEATWATCH_BROKER{certificate}"
        ) from error
    except (OSError, KafkaError, TimeoutError, UnicodeError) as error:
        raise BrokerError(
            f"no broker at {settings.broker} ({str(error) or type(error).__name__}); check that "
            "Kafka runs there and BEATWATCH_BROKER"
        ) from error


def _tell_distrust(address: str, error: ssl.SSLCertVerificationError) -> str:
    why = error.verify_message.removesuffix(".")
    if error.verify_code in _NAME_MISMATCHES:
        return (
            f"the certificate of {address} is another host's ({why}); give BEATWATCH_BROKER the "
            "name that is in the certificate"
        )
    return f"the certificate of {address} is not trusted: {why}; check BEATWATCH_BROKER_CA_FILE"


@asynccontextmanager
async def open_admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client.

    Raises:
        BrokerError: the broker does not answer, also while the client is used.
    """
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    except (OSError, KafkaError, TimeoutError) as error:
        raise BrokerError(f"{settings.broker} does not answer as it should: {error!r}") from error
    finally:
        await admin.close()


async def check_group_access(settings: Settings) -> None:
    """Check that we may join our consumer group: a worker that may not waits for it for ever.

    Raises:
        AccessRefusedError: we may not.
        BrokerError: the broker does not answer.
    """
    async with open_admin(settings) as admin:
        try:
            responses = await admin.describe_consumer_groups([settings.group])
        except GroupAuthorizationFailedError:
            codes = {GroupAuthorizationFailedError.errno}
        except KafkaError:
            # The group's coordinator may be in the making, as on a new broker; joining waits.
            return
        else:
            codes = {group[0] for response in responses for group in response.groups}
    if GroupAuthorizationFailedError.errno in codes:
        raise AccessRefusedError(
            f"user {settings.broker_username or 'ANONYMOUS'} may not join the consumer group "
            f"{settings.group}; allow our user Read on it"
        )


def _security_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "security_protocol": _PROTOCOLS[settings.broker_security],
        "ssl_context": create_tls_context(settings),
    }
    if settings.broker_security.startswith("sasl") and settings.broker_password:
        options |= {
            "sasl_mechanism": settings.broker_sasl_mechanism,
            "sasl_plain_username": settings.broker_username,
            "sasl_plain_password": settings.broker_password.get_secret_value(),
        }
    return options
