"""A private certificate authority and what it signs, made anew for each test run."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from service.kafka_properties import ServerTls


def issue_server_tls(authority: trustme.CA, host: str) -> ServerTls:
    """Issue what a broker at this host shows; it trusts clients of the same authority."""
    issued = authority.issue_cert(host)
    # Kafka reads no other form of a key.
    key = load_pem_private_key(issued.private_key_pem.bytes(), password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return ServerTls(chain.decode(), key.decode(), authority.cert_pem.bytes().decode())


def write_authority(authority: trustme.CA, folder: Path, name: str = "ca.pem") -> Path:
    """Write the certificate of an authority as a file for clients."""
    path = folder / name
    authority.cert_pem.write_to_path(str(path))
    return path


def write_client_certificate(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    """Issue a client's certificate and write it and its key."""
    issued = authority.issue_cert("worker@newsroom.example")
    certificate, key = folder / "client.pem", folder / "client.key"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key
