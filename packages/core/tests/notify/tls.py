"""Certificates for receivers in tests, made on the spot."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Certificate:
    server: ssl.SSLContext
    client: ssl.SSLContext
    """Trusts this certificate and no other."""
    names_asked_for: list[str | None] = field(default_factory=list)
    """The names that callers sent in the TLS handshake."""


def self_signed(name: str, *, expired: bool = False) -> Certificate:
    """Return a certificate for a host name or an address that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = datetime.now(UTC) + (timedelta(days=-1) if expired else timedelta(days=1))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=10))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        both.write_bytes(pem + secret)
        server.load_cert_chain(both)
    made = Certificate(server, ssl.create_default_context(cadata=pem.decode()))

    def note(connection: ssl.SSLObject, asked_for: str | None, context: ssl.SSLContext) -> None:
        made.names_asked_for.append(asked_for)

    server.sni_callback = note  # type: ignore[assignment]
    return made
