"""Certificates by the node's own authority, for HTTPS where no public one can be had: on one's own machine, in tests.

ECDSA on P-256, as browsers and nginx do it fastest. Its certificate is what a browser is told to trust; the key never
leaves the node.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Browsers refuse more than 398 days (CA/Browser Forum, Baseline Requirements 6.3.2), of private authorities 825.
_SITE_DAYS, _AUTHORITY_DAYS = 397, 3650
# A certificate that ends so soon is made anew.
_LEFT_DAYS = 30
# A clock that is behind must not refuse what was made a moment ago.
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """Signs the sites' certificates. ``text`` is its key and certificate as PEM; ``certificate`` the latter alone."""

    text: str = field(repr=False)
    certificate: str

    @classmethod
    def make(cls, node: str, now: datetime) -> Authority:
        """A new one; `node` is told in its name, so that several on one machine can be told apart."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Pressroom at {node}"[:64])])
        builder = _builder(name, key, now, _AUTHORITY_DAYS).issuer_name(name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        certificate = _pem(builder.sign(key, hashes.SHA256()))
        return cls(_key_pem(key) + certificate, certificate)

    @classmethod
    def read(cls, text: str) -> Authority:
        """Raises ValueError for what is none."""
        _private_key(text)
        return cls(text, _pem(x509.load_pem_x509_certificate(text.encode())))

    def issue(self, names: Collection[str], now: datetime) -> str:
        """A key and a certificate for these host names, as one PEM text. The authority's own is not part of it."""
        own = x509.load_pem_x509_certificate(self.certificate.encode())
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([])  # browsers look at the alternative names alone (RFC 6125, 6.4.4)
        builder = _builder(subject, key, now, _SITE_DAYS).issuer_name(own.subject)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in sorted(names)]), critical=True
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(_private_key(self.text).public_key()), critical=False
        )
        return _key_pem(key) + _pem(builder.sign(_private_key(self.text), hashes.SHA256()))

    def names(self, text: str, now: datetime) -> frozenset[str]:
        """The host names that a site's PEM text is good for; none if it is another authority's, or ends soon."""
        try:
            certificate = x509.load_pem_x509_certificate(text.encode())
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(self.certificate.encode()))
            if _private_key(text).public_key() != certificate.public_key():
                return frozenset()
            alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except Exception:  # noqa: BLE001 (whatever is wrong with it: it is no certificate of ours)
            return frozenset()
        if certificate.not_valid_after_utc < now + timedelta(days=_LEFT_DAYS):
            return frozenset()
        return frozenset(alternative.get_values_for_type(x509.DNSName))


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _CLOCKS_DIFFER)
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
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


def _private_key(text: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(text.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("it is no key of an elliptic curve")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
