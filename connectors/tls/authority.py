"""A small certificate authority: a directory with its key, and the certificates that it signed.

    ca.pem, ca.key            the authority; whoever has the key can be anybody
    NAME.pem, NAME.key        a certificate and its key
    NAME.keystore.pem         both and the authority in one file, as a Kafka broker takes it

Every file has mode 0600, and none that exists is ever overwritten. Keys are EC P-256, in PKCS #8.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sipe.errors import SipeError, UsageError
from sipe.private_files import write_new

AUTHORITY = "ca"
AUTHORITY_DAYS = 3650
DAYS = 397
"""Browsers and TLS libraries refuse server certificates that are valid for longer."""
SKEW = timedelta(minutes=5)
"""A certificate is valid from a little ago, for machines whose clock is behind."""

_KEYSTORE = ".keystore.pem"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_SERVER, _CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate on disk: its common name, the hosts it is valid for (none: it only names a client), its end."""

    name: str
    hosts: tuple[str, ...]
    ends: datetime
    files: tuple[Path, ...]

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends; negative when it has."""
        return (self.ends - now).days


def init(directory: Path, now: datetime, days: int = AUTHORITY_DAYS) -> Issued:
    """Make an authority; raises `UsageError` when the directory has one."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SipeError(f"{directory} cannot be made: {error.strerror}") from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("SIPE certificate authority")
    certificate = (
        _builder(name, name, key.public_key(), now, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _store(directory, AUTHORITY, key, certificate)


def issue(directory: Path, name: str, hosts: Sequence[str], now: datetime, days: int = DAYS) -> Issued:
    """Sign a certificate for `name`, as a client and, where hosts are given, as the server on them.

    Raises `UsageError` when a name is wrong, the files exist or the authority ends before the certificate would.
    """
    if not _NAME.fullmatch(name) or name == AUTHORITY:
        raise UsageError(f"{name!r} is no name for a certificate: a-z, 0-9, - and . within it, up to 64, and not 'ca'")
    authority, authority_key = _authority(directory)
    ends = now + timedelta(days=days)
    if ends > authority.not_valid_after_utc:
        raise UsageError(
            f"{directory}: the authority ends on {authority.not_valid_after_utc:%Y-%m-%d}, before {days} days are "
            "over: give fewer --days, or make a new authority in another directory"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_subject(name), authority.subject, key.public_key(), now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_SERVER, _CLIENT] if hosts else [_CLIENT]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return _store(directory, name, key, builder.sign(authority_key, hashes.SHA256()), chain=authority)


def listed(directory: Path) -> list[Issued]:
    """Every certificate in the directory, the authority first; raises `UsageError` when there is none."""
    paths = sorted(path for path in directory.glob("*.pem") if not path.name.endswith(_KEYSTORE))
    if not paths:
        raise UsageError(f"{directory} holds no certificates: `sipe certs init` makes an authority")
    return sorted((_read(path) for path in paths), key=lambda each: (each.name != AUTHORITY, each.name))


def _authority(directory: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path, key_path = directory / f"{AUTHORITY}.pem", directory / f"{AUTHORITY}.key"
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise UsageError(f"{directory} holds no authority ({error.filename}): `sipe certs init` makes one") from None
    except OSError as error:
        raise SipeError(f"{error.filename} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise SipeError(f"{directory}: {AUTHORITY}.pem or {AUTHORITY}.key is damaged: restore both") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise SipeError(f"{directory}: {AUTHORITY}.key is not the key of {AUTHORITY}.pem: restore both")
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    """Nothing but the common name: it is what Kafka knows a client by."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


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


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _HOST.fullmatch(host):
            raise UsageError(f"--host {host!r} is no host name or address") from None
        return x509.DNSName(host)


def _store(
    directory: Path,
    name: str,
    key: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    *,
    chain: x509.Certificate | None = None,
) -> Issued:
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    contents = {f"{name}.key": key_pem}
    hosts = _hosts(certificate)
    if hosts and chain:
        contents[name + _KEYSTORE] = key_pem + pem + chain.public_bytes(serialization.Encoding.PEM)
    contents[f"{name}.pem"] = pem  # the last one: where it is, all are
    if there := [file for file in contents if (directory / file).exists()]:
        raise _exists(directory / there[0])
    for file, content in contents.items():
        _write(directory / file, content)
    files = tuple(directory / file for file in contents)
    return Issued(name=name, hosts=hosts, ends=certificate.not_valid_after_utc, files=files)


def _write(path: Path, content: bytes) -> None:
    try:
        write_new(path, content)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise SipeError(f"{path} cannot be written: {error.strerror}") from error


def _exists(path: Path) -> UsageError:
    return UsageError(f"{path} exists and is never overwritten: move it away to make a new one")


def _read(path: Path) -> Issued:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SipeError(f"{path} is no certificate that can be read: {error}") from error
    name = path.name.removesuffix(".pem")
    files = tuple(file for suffix in (".key", _KEYSTORE, ".pem") if (file := path.with_name(name + suffix)).exists())
    return Issued(name=name, hosts=_hosts(certificate), ends=certificate.not_valid_after_utc, files=files)


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names)
