"""The embedded ClickHouse, in which every client has the rights and limits of one user of deploy/clickhouse.

    python -m limited_clickhouse CONFIG.xml ...            serves, with the options of connectors.embedded.clickhouse
    python -m limited_clickhouse CONFIG.xml --ask DIR SQL...   prints what became of each statement, as a JSON array

The engine knows no log-in: whoever connects is its user `default`. So `write_config` makes that one of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
USERS = ROOT / "deploy/clickhouse/users.d/sipe.xml"


def declared(user: str) -> tuple[ET.Element, ET.Element]:
    """The profile and the grants of a user, as the deployment declares them."""
    root = ET.parse(USERS).getroot()  # noqa: S314  our own file
    found = root.find(f"users/{user}")
    assert found is not None
    profile, grants = root.find(f"profiles/{found.findtext('profile')}"), found.find("grants")
    assert profile is not None
    assert grants is not None
    return profile, grants


def write_config(user: str, directory: Path) -> Path:
    """A configuration whose only user has the profile and the grants of `user`."""
    profile, grants = declared(user)
    for parent in profile.iter():
        for flag in parent.findall("changeable_in_readonly"):
            parent.remove(flag)  # a server has to be told to understand it, and the engine as a library cannot be
    users, config = directory / f"{user}-users.xml", directory / f"{user}-config.xml"
    profile.tag = "default"
    users.write_text(
        f"<clickhouse><profiles>{ET.tostring(profile, encoding='unicode')}</profiles><quotas><default/></quotas>"
        "<users><default><no_password/><networks><ip>::/0</ip></networks><profile>default</profile>"
        f"<quota>default</quota>{ET.tostring(grants, encoding='unicode')}</default></users></clickhouse>"
    )
    config.write_text(
        f"<clickhouse><users_config>{users}</users_config>"
        f"<user_directories><users_xml><path>{users}</path></users_xml></user_directories></clickhouse>"
    )
    return config


def ask(config: Path, directory: Path, *statements: str) -> list[Any]:
    """What became of each statement: its rows, or the code of the error as a number."""
    words = [sys.executable, "-m", "limited_clickhouse", str(config), "--ask", str(directory), *statements]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=environ())
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def environ() -> dict[str, str]:
    """What the program needs to be found, and the zone that the engine reads only once."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent), "TZ": "UTC"}


def _main(config: str, *arguments: str) -> int:
    time.tzset()
    import chdb

    connect = chdb.connect
    setattr(chdb, "connect", lambda path: connect(f"{path}?config-file={config}"))  # noqa: B010  mypy knows it as final
    if arguments[0] == "--ask":
        connection = chdb.connect(arguments[1])
        sys.stdout.write(json.dumps([_outcome(connection.query, sql) for sql in arguments[2:]]))
        return 0
    from connectors.embedded.clickhouse.__main__ import main

    return main(arguments)


def _outcome(query: Callable[[str, str], Any], sql: str) -> Any:
    try:
        text = query(sql, "JSONCompact").bytes()
    except RuntimeError as error:
        query("SELECT 1", "Null")  # takes what the failed statement had put out, else the next answer begins with it
        return int(str(error).partition("Code: ")[2].partition(".")[0])
    return json.loads(text)["data"] if text else []


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
