"""The users of the deployment, as MariaDB gets them: one owns the database, the service has what it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mariadb_server import MariaDbServer
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from connectors.sql.engine import open_engine
from connectors.sql.work import Store
from models.audit import Who
from sipe.cli import main
from sipe.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.needs("mariadb")
def test_the_service_works_and_cannot_change_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "secrets"
    assert main(["secrets", str(directory)]) == 0
    script = (ROOT / "deploy/mariadb/users.sh").read_text()
    assert "/run/secrets/mariadb_users.sql" in script
    with MariaDbServer(tmp_path / "server", (directory / "mariadb_users.sql").read_text()) as mariadb:
        urls = {
            user: (directory / f"mariadb_{name}url").read_text().replace("mariadb:3306", f"127.0.0.1:{mariadb.port}")
            for user, name in (("sipe", ""), ("sipe_owner", "owner_"))
        }
        capsys.readouterr()
        monkeypatch.setenv("SIPE_SQL_URL", urls["sipe"])
        assert main(["migrate", "--grant-to", "sipe"]) == 1
        assert "sipe" in capsys.readouterr().err
        monkeypatch.setenv("SIPE_SQL_URL", urls["sipe_owner"])
        assert main(["migrate", "--grant-to", "sipe", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["orders"]["granted"] > 30
        assert main(["migrate", "--grant-to", "sipe"]) == 0
        assert "granted  what the web service may do with each of" in capsys.readouterr().out

        store = Store(urls["sipe"], SystemClock())
        store.work(Who("root", "admin", "t1"), lambda work: work.note("looked", "at/all"))
        for statement in ("UPDATE audit SET seal = 'x'", "DELETE FROM audit", "DROP TABLE audit"):
            with pytest.raises(DatabaseError, match="denied"), store.transactions.engine.begin() as connection:
                connection.execute(text(statement))
        store.close()
        engine = open_engine(urls["sipe_owner"])
        with pytest.raises(DatabaseError, match="the audit trail never changes"), engine.begin() as connection:
            connection.execute(text("DELETE FROM audit"))
        engine.dispose()


def test_rights_are_given_on_a_named_server_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--grant-to", "sipe"]) == 2
    assert "SIPE_SQL_URL" in capsys.readouterr().err
