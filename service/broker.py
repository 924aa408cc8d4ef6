"""Reach the broker: addresses, TLS, SASL."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.helpers import create_ssl_context

from service.settings import Settings

_PROTOCOLS = {
    "plaintext": "PLAINTEXT",
    "tls": "SSL",
    "sasl_plaintext": "SASL_PLAINTEXT",
    "sasl_tls": "SASL_SSL",
}
_CONNECT_SECONDS = 5.0


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
    try:
        context: ssl.SSLContext = create_ssl_context(
            cafile=settings.broker_ca_file,
            certfile=settings.broker_cert_file,
            keyfile=settings.broker_key_file,
        )
    except OSError as error:  # ssl.SSLError is one
        raise BrokerError(
            f"TLS files cannot be used: {error}; check BEATWATCH_BROKER_CA_FILE, _CERT_FILE "
            "and _KEY_FILE"
        ) from error
    return context


async def knock(settings: Settings) -> None:
    """Connect to the first broker that answers, and let go.

    aiokafka's clients only log why a broker does not let them in; this tells.

    Raises:
        AccessRefusedError: certificate not trusted, or user, password or mechanism refused.
        BrokerError: nobody answers.
    """
    why = "no address"
    for address in settings.broker_addresses:
        host, _, port = address.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"),
                int(port),
                request_timeout_ms=int(_CONNECT_SECONDS * 1000),
                **_security_options(settings),
            )
        except ssl.SSLCertVerificationError as error:
            raise AccessRefusedError(
                f"the certificate of {address} is not trusted: {error.verify_message}; check "
                "BEATWATCH_BROKER_CA_FILE"
            ) from error
        except (
            SaslAuthenticationFailed,
            UnsupportedSaslMechanismError,
            IllegalSaslStateError,
        ) as error:
            raise AccessRefusedError(
                f"{address} does not let user {settings.broker_username} in with "
                f"{settings.broker_sasl_mechanism} ({type(error).__name__}); check "
                "BEATWATCH_BROKER_USERNAME, _PASSWORD and _SASL_MECHANISM"
            ) from error
        except (OSError, KafkaError, TimeoutError, UnicodeError) as error:
            why = str(error) or type(error).__name__
        else:
            connection.close()
            return
    raise BrokerError(
        f"no broker at {settings.broker} ({why}); check that Kafka runs there and BEATWATCH_BROKER"
    )


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
