"""`sipe secrets DIR`: random passwords for the servers of docker-compose.yml, and the files made from them.

A password is made when its file is missing, and never changed. What is made from passwords (URLs, hashes) is written
whenever it is missing or old. So to change a password, remove its file, run this again and restart what uses it.

The directory is for its owner alone. The files in it are readable, because each container runs as a user of its own
and is given only the files it needs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
from pathlib import Path

from sipe.commands._output import out, print_json
from sipe.errors import SipeError
from sipe.private_files import check_private_dir

RANDOM_BYTES = 24
CLICKHOUSE_USERS = ("admin", "writer", "api", "reader", "grafana")
PASSWORDS = (
    *(f"clickhouse_{user}_password" for user in CLICKHOUSE_USERS),
    "redis_password",
    "mariadb_root_password",
    "mariadb_owner_password",
    "mariadb_password",
    "grafana_admin_password",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="made when missing, for its owner alone")
    parser.add_argument("--json", action="store_true", help="print a JSON object: the names of the files written")
    parser.epilog = "To change a password, remove its file, run this again and restart what uses it."


def run(args: argparse.Namespace) -> int:
    """Write what is missing and say which; passwords are never printed."""
    directory: Path = args.directory
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private_dir(directory)
        written = [name for name in PASSWORDS if _write_missing(directory / name)]
        passwords = {name: (directory / name).read_text(encoding="utf-8") for name in PASSWORDS}
        written += [name for name, text in made_of(passwords).items() if _write_changed(directory / name, text)]
    except OSError as error:
        raise SipeError(f"{error.filename or directory}: {error.strerror}; name a directory of your own") from error
    if args.json:
        print_json({"directory": str(directory), "written": written})
        return 0
    for name in written:
        out().print(f"written  {directory / name}")
    out().print(f"{directory} is complete: {len(PASSWORDS)} passwords and what is made of them")
    return 0


def made_of(passwords: dict[str, str]) -> dict[str, str]:
    """The files that follow from the passwords, by name: URLs for us, hashes for the servers."""
    urls = {
        f"clickhouse_{user}_url": f"clickhouse://sipe_{user}:{passwords[f'clickhouse_{user}_password']}"
        "@clickhouse:9000/sipe"
        for user in CLICKHOUSE_USERS
    }
    return {
        **urls,
        "mariadb_url": _mariadb_url("sipe", passwords["mariadb_password"]),
        "mariadb_owner_url": _mariadb_url("sipe_owner", passwords["mariadb_owner_password"]),
        "mariadb_users.sql": _mariadb_users(passwords),
        "redis_url": f"redis://sipe:{passwords['redis_password']}@redis:6379/0",
        "clickhouse_users.xml": _clickhouse_users(passwords),
        "redis_users.acl": _redis_users(passwords["redis_password"]),
    }


def _mariadb_url(user: str, password: str) -> str:
    return f"mariadb+pymysql://{user}:{password}@mariadb:3306/sipe"


def _mariadb_users(passwords: dict[str, str]) -> str:
    """What MariaDB runs when its volume is new: an owner, and a service that `sipe migrate` gives its rights."""
    owner, service = (_mariadb_hash(passwords[f"mariadb_{user}password"]) for user in ("owner_", ""))
    return (
        "CREATE DATABASE IF NOT EXISTS sipe;\n"
        f"CREATE USER IF NOT EXISTS 'sipe_owner'@'%' IDENTIFIED BY PASSWORD '{owner}';\n"
        "GRANT ALL ON sipe.* TO 'sipe_owner'@'%' WITH GRANT OPTION;\n"
        f"CREATE USER IF NOT EXISTS 'sipe'@'%' IDENTIFIED BY PASSWORD '{service}';\n"
    )


def _mariadb_hash(password: str) -> str:
    """As mysql_native_password has it, which every client speaks; the passwords are random and long."""
    twice = hashlib.sha1(hashlib.sha1(password.encode()).digest())  # noqa: S324  what the server compares with
    return f"*{twice.hexdigest().upper()}"


def _clickhouse_users(passwords: dict[str, str]) -> str:
    """What `incl` in deploy/clickhouse/users.d names."""
    hashes = {
        f"sipe_{user}_password_sha256": _sha256(passwords[f"clickhouse_{user}_password"]) for user in CLICKHOUSE_USERS
    }
    lines = [f"    <{name}>{sha256}</{name}>" for name, sha256 in hashes.items()]
    return "\n".join(["<clickhouse>", *lines, "</clickhouse>", ""])


def _redis_users(password: str) -> str:
    """Whoever does not say who they are may ask whether the server lives; `sipe` may do all but administer it."""
    return (
        "user default on nopass resetkeys resetchannels -@all +ping\n"
        f"user sipe on #{_sha256(password)} ~sipe:* &sipe:* +@all -@admin -@dangerous +info\n"
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write_missing(path: Path) -> bool:
    """Whether a password was made: an existing file stays as it is."""
    return not path.exists() and _write_changed(path, secrets.token_urlsafe(RANDOM_BYTES))


def _write_changed(path: Path, text: str) -> bool:
    """Replace a file in one step; whether it was missing or other than this."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o444)
    draft.replace(path)
    return True
