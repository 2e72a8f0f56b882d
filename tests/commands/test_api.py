"""`sipe api`, `sipe admin` and `sipe keys`, as their user runs them, without any other server."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest
from command_line import environment

from api.serving import TRIES
from sipe.cli import main

Admin = Callable[..., int]
PASSWORD = "a long enough one"  # noqa: S105  of a test


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = [sys.executable, "-m", "sipe.cli", "api", "--json", "--data", str(data_dir)]
    environ = environment() | settings
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            yield process, json.loads(line)["url"]
        finally:
            process.kill()


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    """Runs `sipe admin` with a password on stdin."""

    def run(*arguments: str, password: str = PASSWORD) -> int:
        monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))
        return main(["admin", *arguments])

    return run


def test_it_serves_alone_signs_in_who_was_made_at_the_console_and_ends_when_told(tmp_path: Path, admin: Admin) -> None:
    with serving(tmp_path / "data") as (process, url), httpx.Client(base_url=url, timeout=60) as client:
        shown = {"person": "m-1", "secret": PASSWORD}
        assert client.post("/v1/sign-in", json=shown).status_code == 401
        assert admin("m-1", "--data", str(tmp_path / "data")) == 0
        granted = client.post("/v1/sign-in", json=shown).json()
        bearer = {"authorization": f"Bearer {granted['access_token']}"}
        for expected in (200, 200, 401):  # two keys are live
            assert client.get("/v1/me", headers=bearer).status_code == expected
            assert main(["keys", "rotate", "--data", str(tmp_path / "data")]) == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    for path in ("orders/sipe.db", "keys/signing-keys.json"):
        assert stat.S_IMODE((tmp_path / "data" / path).stat().st_mode) == 0o600


def test_one_administrator_is_made_and_can_be_let_in_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], admin: Admin
) -> None:
    data = ("--data", str(tmp_path / "data"))
    assert admin("m-1", *data, password="short") == 2  # noqa: S106
    for nobody in ("", "../m-1", "m 1"):
        assert admin(nobody, *data) == 2
    assert admin("m-1", *data) == 0
    capsys.readouterr()
    assert admin("m-2", *data) == 2
    assert capsys.readouterr().err == "sipe: m-2: there is an active admin already: m-1\n"
    assert admin("m-1", "--reset", *data, password="another long one") == 0  # noqa: S106
    assert admin("m-2", "--reset", *data) == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SIPE_API_HOST": "0.0.0.0"}, "is beyond this machine"),  # noqa: S104  what has to be refused
        ({"SIPE_API_CERT_FILE": "cert.pem"}, "belong together"),
        ({"SIPE_SQL_URL": "sqlite:///{tmp_path}/other.db"}, "sipe migrate"),
        ({"SIPE_SQL_URL": "postgresql://host/db"}, "works with sqlite and mariadb+pymysql"),
        ({"SIPE_API_PORT": "{taken}"}, "name another port in SIPE_API_PORT"),
    ],
)
def test_what_it_cannot_serve_with_is_said_at_once(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    words: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for name, text in settings.items():
            monkeypatch.setenv(name, text.format(tmp_path=tmp_path, taken=taken.getsockname()[1]))
        assert main(["api", "--data", str(tmp_path / "data")]) in {1, 2}
    assert words in capsys.readouterr().err


def test_keys_of_a_named_store_are_made_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPE_SQL_URL", f"sqlite:///{tmp_path}/named.db")
    monkeypatch.setenv("SIPE_KEYS_DIR", str(tmp_path / "keys"))
    assert main(["migrate", "--json"]) == 0
    capsys.readouterr()
    assert main(["api"]) == 2
    assert "signing-keys.json is missing" in capsys.readouterr().err
    assert main(["keys", "rotate", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["keys"]) == 1


def test_behind_a_proxy_nobody_is_somebody_else_by_saying_so(tmp_path: Path) -> None:
    def tries(client: httpx.Client, said: str) -> int:
        code = {"code": "AAAA-AAAA-AAAA-AAAA"}
        return client.post("/v1/enrolments", json=code, headers={"x-forwarded-for": said}).status_code

    with (
        serving(tmp_path / "data", SIPE_API_BEHIND_PROXY="1") as (_, url),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        statuses = [tries(client, f"198.51.100.{n}, 192.0.2.7") for n in range(4 * TRIES)]
        assert statuses[0] == 401
        assert 429 in statuses
        assert tries(client, "192.0.2.7, 192.0.2.8") == 401
