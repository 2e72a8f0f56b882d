"""`sipe secrets`: random passwords in files, made once, and what follows from them."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from connectors.clickhouse.client import Address
from sipe.cli import main
from sipe.commands.secrets import PASSWORDS
from sipe.settings import load

Answer = Callable[..., Any]


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_passwords_are_made_once_and_never_printed(
    tmp_path: Path, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "deploy" / "secrets"
    written = answer("secrets", directory)["written"]
    before = contents(directory)
    assert set(written) == before.keys() > set(PASSWORDS)
    assert len({before[name] for name in PASSWORDS}) == len(PASSWORDS)
    assert all(len(before[name]) >= 32 for name in PASSWORDS)

    assert main(["secrets", str(directory)]) == 0
    printed = capsys.readouterr().out
    assert contents(directory) == before
    assert not any(before[name] in printed for name in PASSWORDS)


def test_the_directory_is_for_its_owner_alone(tmp_path: Path, answer: Answer) -> None:
    answer("secrets", tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o755)
    assert main(["secrets", str(tmp_path)]) == 1
    assert "mode 0755" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_password_that_was_removed_is_made_anew_with_all_that_follows(tmp_path: Path, answer: Answer) -> None:
    directory = tmp_path / "secrets"
    answer("secrets", directory)
    before = contents(directory)
    (directory / "clickhouse_writer_password").unlink()
    assert set(answer("secrets", directory)["written"]) == {
        "clickhouse_writer_password",
        "clickhouse_writer_url",
        "clickhouse_users.xml",
    }
    assert contents(directory)["clickhouse_writer_password"] != before["clickhouse_writer_password"]


def test_the_servers_get_hashes_of_what_the_clients_get(tmp_path: Path, answer: Answer) -> None:
    directory = tmp_path / "secrets"
    answer("secrets", directory)
    files = contents(directory)
    hashes = {element.tag: element.text for element in ET.fromstring(files["clickhouse_users.xml"])}  # noqa: S314  ours
    for user in ("admin", "writer", "api", "reader", "grafana"):
        address = Address.parse(files[f"clickhouse_{user}_url"])
        assert (address.user, address.host, address.database) == (f"sipe_{user}", "clickhouse", "sipe")
        assert address.password == files[f"clickhouse_{user}_password"]
        assert hashes[f"sipe_{user}_password_sha256"] == hashlib.sha256(address.password.encode()).hexdigest()
    assert f"#{hashlib.sha256(files['redis_password'].encode()).hexdigest()} " in files["redis_users.acl"]
    for name in ("clickhouse_users.xml", "redis_users.acl", "mariadb_users.sql"):
        assert not any(files[password] in files[name] for password in PASSWORDS)


def test_a_url_is_read_as_a_setting(tmp_path: Path, answer: Answer) -> None:
    answer("secrets", tmp_path / "secrets")
    path = tmp_path / "secrets" / "clickhouse_writer_url"
    assert load({"SIPE_CLICKHOUSE_URL_FILE": str(path)}).clickhouse_url == path.read_text()


def test_it_works_while_settings_name_what_it_is_about_to_make(
    tmp_path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "secrets"
    monkeypatch.setenv("SIPE_CLICKHOUSE_URL_FILE", str(directory / "clickhouse_writer_url"))
    assert answer("secrets", directory)
    assert main(["certs", "init", "--dir", str(directory)]) == 0
