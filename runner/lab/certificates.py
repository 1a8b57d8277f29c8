"""Certificates of a lab: an authority of its own, server certificates for loopback, client certificates.

Made anew at each start, with elliptic curve keys because those take no time; nothing is kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_USER_PRINCIPAL_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, in PEM."""

    pem: bytes
    key_pem: bytes

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pem.decode("ascii"))).digest()

    @property
    def end_point(self) -> bytes:
        """The channel binding tls-server-end-point (RFC 5929 section 4) of a certificate signed with SHA-256."""
        return b"tls-server-end-point:" + self.fingerprint


class Authority:
    """A certificate authority."""

    def __init__(self, name: str = "ce-runner lab authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            _builder(self._name, self._name, self._key.public_key(), now - timedelta(days=60), now + _LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        )
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(self, *, expired: bool = False) -> Certificate:
        """A server certificate for 127.0.0.1 and localhost."""
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        )
        end = datetime.now(UTC) + (timedelta(days=-1) if expired else _LIFE)
        return self._issue("localhost", names, ExtendedKeyUsageOID.SERVER_AUTH, end)

    def server_of_another_host(self) -> Certificate:
        """A good server certificate, but for no name and no address of the lab."""
        name = "another-host.invalid"
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name)])
        return self._issue(name, alternatives, ExtendedKeyUsageOID.SERVER_AUTH, datetime.now(UTC) + _LIFE)

    def client(self, user: str) -> Certificate:
        """A client certificate with the user principal name by which Windows maps it to an account."""
        value = f"{user}@localhost".encode()
        name = x509.OtherName(_USER_PRINCIPAL_NAME, _utf8_string(value))
        end = datetime.now(UTC) + _LIFE
        return self._issue(user, x509.SubjectAlternativeName([name]), ExtendedKeyUsageOID.CLIENT_AUTH, end)

    def _issue(
        self, name: str, alternatives: x509.SubjectAlternativeName, usage: x509.ObjectIdentifier, end: datetime
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, self._name, key.public_key(), end - timedelta(days=31), end)
            .add_extension(alternatives, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


def server_context(certificate: Certificate, client_authority_pem: bytes) -> ssl.SSLContext:
    """A TLS context for a server that accepts, but does not ask for, client certificates of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate.pem + certificate.key_pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
    context.load_verify_locations(cadata=client_authority_pem.decode("ascii"))
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _utf8_string(value: bytes) -> bytes:
    """DER of a UTF8String shorter than 128 bytes, or of a longer one with one or two length bytes."""
    if len(value) < 128:
        return bytes((0x0C, len(value))) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes((0x0C, 0x80 | len(length))) + length + value
