"""A certificate authority and a server certificate for one lab."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from infra.lab.apiserver import clock

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_VALID = timedelta(days=365)
_SKEW = timedelta(hours=1)
"""Certificates count from an hour ago, for clients whose clock is behind."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM form."""

    ca_file: Path
    cert_file: Path
    key_file: Path


def make_certificates(folder: Path, *, host: str) -> Certificates:
    """Write a fresh CA and a server certificate for an address into a folder.

    The server's key is readable by the owner only; the CA's key is not kept.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    files = Certificates(folder / "ca.crt", folder / "apiserver.crt", folder / "apiserver.key")
    files.ca_file.write_bytes(_authority(ca_key).public_bytes(pem))
    files.cert_file.write_bytes(_leaf(ca_key, key.public_key(), host).public_bytes(pem))
    files.key_file.touch(mode=0o600)
    plain = serialization.NoEncryption()
    files.key_file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return files


def _authority(key: "ec.EllipticCurvePrivateKey") -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder("windtunnel-lab-ca", key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_identifier(key), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    ca_key: "ec.EllipticCurvePrivateKey", key: "ec.EllipticCurvePublicKey", host: str
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    address = x509.IPAddress(ipaddress.ip_address(host))
    names = [address, x509.DNSName("localhost"), x509.DNSName("kubernetes.default.svc")]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(_identifier(ca_key))
    return (
        _builder("kube-apiserver", key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(name: str, key: "ec.EllipticCurvePublicKey") -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("windtunnel-lab-ca"))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - _SKEW)
        .not_valid_after(clock.now() + _VALID)
    )


def _identifier(key: "ec.EllipticCurvePrivateKey") -> "x509.SubjectKeyIdentifier":
    from cryptography import x509

    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _named(text: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
