"""The authority's certificates: what they say, who may read the keys, and that nothing is ever overwritten."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from connectors.tls import authority
from sipe.errors import SipeError, UsageError

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    authority.init(tmp_path / "certs", NOW)
    return tmp_path / "certs"


def certificate(directory: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / f"{name}.pem").read_bytes())


def test_a_servers_certificate_is_trusted_for_its_hosts_and_no_other(directory: Path) -> None:
    authority.issue(directory, "sipe-broker.kafka-1", ["kafka-1", "127.0.0.1"], NOW)
    policy = PolicyBuilder().store(Store([certificate(directory, "ca")])).time(NOW)
    leaf = certificate(directory, "sipe-broker.kafka-1")
    policy.build_server_verifier(x509.DNSName("kafka-1")).verify(leaf, [])
    with pytest.raises(x509.verification.VerificationError):
        policy.build_server_verifier(x509.DNSName("kafka-2")).verify(leaf, [])
    assert leaf.subject.rfc4514_string() == "CN=sipe-broker.kafka-1"


def test_a_client_is_no_server(directory: Path) -> None:
    authority.issue(directory, "sipe-flow", [], NOW)
    usages = certificate(directory, "sipe-flow").extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not (directory / "sipe-flow.keystore.pem").exists()


def test_a_brokers_keystore_is_its_key_its_certificate_and_the_authority(directory: Path) -> None:
    authority.issue(directory, "sipe-broker", ["kafka"], NOW)
    keystore = (directory / "sipe-broker.keystore.pem").read_bytes()
    assert keystore.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    load_pem_private_key(keystore, password=None)
    chain = x509.load_pem_x509_certificates(keystore)
    assert chain == [certificate(directory, "sipe-broker"), certificate(directory, "ca")]


def test_where_the_certificate_is_all_is(directory: Path) -> None:
    """`make secrets` looks for it: a run that was cut short must not count as done."""
    issued = authority.issue(directory, "sipe-broker", ["kafka"], NOW)
    assert [file.name for file in issued.files] == ["sipe-broker.key", "sipe-broker.keystore.pem", "sipe-broker.pem"]


def test_files_are_for_their_owner_alone(directory: Path) -> None:
    authority.issue(directory, "sipe-broker", ["kafka"], NOW)
    files = list(directory.iterdir())
    assert len(files) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_nothing_is_ever_overwritten(directory: Path) -> None:
    authority.issue(directory, "sipe-flow", [], NOW)
    before = {file: file.read_bytes() for file in directory.iterdir()}
    with pytest.raises(UsageError, match="exists and is never overwritten"):
        authority.init(directory, NOW)
    with pytest.raises(UsageError, match="exists and is never overwritten"):
        authority.issue(directory, "sipe-flow", ["host"], NOW)
    (directory / "sipe-flow.key").unlink()
    with pytest.raises(UsageError, match=r"sipe-flow\.pem exists"):
        authority.issue(directory, "sipe-flow", [], NOW)
    assert {file: file.read_bytes() for file in directory.iterdir()} == {
        file: content for file, content in before.items() if file.name != "sipe-flow.key"
    }


@pytest.mark.parametrize("name", ["", "ca", "Sipe", "a/b", "../a", "-a", "a,CN=sipe-admin", "a b", "x" * 65, "a\n"])
def test_a_name_that_could_be_mistaken_is_refused(directory: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a certificate"):
        authority.issue(directory, name, [], NOW)


@pytest.mark.parametrize("host", ["", "a b", "*", "kafka:9093", "käfka"])
def test_a_host_that_is_none_is_refused(directory: Path, host: str) -> None:
    with pytest.raises(UsageError, match="is no host name or address"):
        authority.issue(directory, "sipe-broker", [host], NOW)
    assert not list(directory.glob("sipe-broker*"))


def test_no_certificate_outlives_its_authority(directory: Path) -> None:
    later = NOW + timedelta(days=authority.AUTHORITY_DAYS - 30)
    with pytest.raises(UsageError, match="the authority ends on 2036-02-28, before 31 days are over"):
        authority.issue(directory, "sipe-flow", [], later, 31)
    assert authority.issue(directory, "sipe-flow", [], later, 30).days_left(later) == 30


def test_the_list_says_when_each_ends(directory: Path) -> None:
    authority.issue(directory, "sipe-flow", [], NOW, 10)
    authority.issue(directory, "sipe-broker", ["kafka", "::1"], NOW)
    listed = authority.listed(directory)
    assert [(each.name, each.hosts, len(each.files)) for each in listed] == [
        ("ca", (), 2),
        ("sipe-broker", ("kafka", "::1"), 3),
        ("sipe-flow", (), 2),
    ]
    assert listed[2].days_left(NOW + timedelta(days=11)) == -1


def test_without_an_authority_there_is_nothing_to_sign_with(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no authority .*`sipe certs init`"):
        authority.issue(tmp_path, "sipe-flow", [], NOW)
    with pytest.raises(UsageError, match="holds no certificates: `sipe certs init`"):
        authority.listed(tmp_path)


def test_a_key_of_another_authority_is_noticed(directory: Path, tmp_path: Path) -> None:
    authority.init(tmp_path / "other", NOW)
    (directory / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(SipeError, match=r"ca\.key is not the key of ca\.pem"):
        authority.issue(directory, "sipe-flow", [], NOW)
    (directory / "ca.key").write_bytes(b"nonsense")
    with pytest.raises(SipeError, match="damaged"):
        authority.issue(directory, "sipe-flow", [], NOW)
