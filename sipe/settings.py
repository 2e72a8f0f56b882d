"""The settings, read from the environment here and nowhere else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

from sipe.errors import UsageError
from sipe.private_files import read_secret

PREFIX = "SIPE_"
FILE_SUFFIX = "_FILE"
"""`SIPE_X_FILE` names a file that holds the secret setting `SIPE_X`."""
SECRET: dict[str, bool] = {"secret": True}
"""The metadata of a field that holds a secret: it never shows in a repr, and can be read from a file."""
MAY_BE_ZERO: dict[str, bool] = {"may_be_zero": True}
"""The metadata of a number that can be 0 although its default is not."""
OTHER_VARIABLES = frozenset({"SIPE_PROVE", "SIPE_REQUIRE_SERVICES", "SIPE_EMBEDDED_PASSWORD"})
"""Names of ours that are no settings: two for the tests, and the password of an embedded server's one start."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is the environment variable `SIPE_` plus its name in capitals.

    Without a URL the embedded stack takes that server's place.
    """

    kafka_url: str | None = None
    """Bootstrap servers, `host:port[,host:port]`."""
    kafka_ca_file: str | None = None
    """With the next two: mutual TLS with Kafka. PEM, the authority that signed the brokers' certificates."""
    kafka_cert_file: str | None = None
    """PEM, our certificate; its common name is our Kafka principal."""
    kafka_key_file: str | None = None
    """PEM, the key of that certificate."""
    kafka_replication: int = 1
    """On how many brokers `sipe topics apply` keeps each partition of a topic that it creates."""
    clickhouse_url: str | None = field(default=None, repr=False, metadata=SECRET)
    """`clickhouse://user:password@host:port/database`; it holds a password."""
    sql_url: str | None = field(default=None, repr=False, metadata=SECRET)
    """The transactional store, `mariadb+pymysql://user:password@host:3306/database`; it holds a password."""
    redis_url: str | None = field(default=None, repr=False, metadata=SECRET)
    """`redis://user:password@host:6379/0`, for several processes of the web service; it holds a password."""
    mqtt_url: str | None = None
    """The MQTT broker that the bridge takes events from, `mqtts://host:8883`."""
    mqtt_ca_file: str | None = None
    """With the next two: mutual TLS with the MQTT broker. PEM, the authority that signed the broker's certificate."""
    mqtt_cert_file: str | None = None
    """PEM, our certificate; its common name is our user at the MQTT broker."""
    mqtt_key_file: str | None = None
    """PEM, the key of that certificate."""
    data_dir: Path = Path(".sipe")
    """Where the embedded stack keeps its data and the flow its recovery store."""
    log_epoch: int = 1
    """Grows by one whenever the topic is created anew; the embedded stack counts it by itself."""
    snapshot_interval_ms: int = 10_000
    """How often the flow saves its state."""
    workers: int = 1
    """Threads of the flow; partitions are shared out among them."""
    flow_addresses: str | None = None
    """The flow as a cluster: where its processes reach each other, `host:port,host:port`, the same for all of them."""
    flow_process: int = 1
    """Which of these addresses is this process's own, from 1."""
    api_host: str = "127.0.0.1"
    """The address that the web service listens on; beyond loopback it wants a certificate, or a proxy before it."""
    api_port: int = field(default=8080, metadata=MAY_BE_ZERO)
    """The port of the web service; 0 is a free one."""
    api_cert_file: str | None = None
    """PEM, the web service's certificate and its chain."""
    api_key_file: str | None = None
    """PEM, the key of that certificate."""
    api_behind_proxy: bool = False
    """Whether something before the web service ends TLS, and says last in X-Forwarded-For who asks; 1 or 0."""
    keys_dir: str | None = None
    """Where the keys are that access tokens are signed with; `keys` in the data directory unless it is said."""
    ingest_events_per_s: int = 5_000
    """How many events a second one device may send, on average."""
    refold_after_ms: int = 30_000
    """How long the first mark of a late event waits for others before what they touch is folded again."""
    stop_on_poison: bool = True
    """Whether the flow stops when most senders of a partition are in quarantine; 1 or 0."""
    monitor_port: int = 0
    """Where a process serves `/metrics`, `/live` and `/ready`; 0 is nowhere. The flow of `sipe up` takes the next."""
    monitor_host: str = "127.0.0.1"
    """The address that it listens on; there is no authentication, so nothing but loopback or a private network."""
    log_level: str = "info"
    """debug, info, warning or error."""
    events_retention_days: int = 90
    """How long the bytes of archived events are kept; a state is rebuilt, and a day folded again, from them."""
    facts_retention_days: int = 730
    """How long minute facts, their history and stops are kept."""
    rejects_retention_days: int = 90
    """How long rejected messages are kept."""
    health_retention_days: int = 90
    """How long the counts of data health are kept."""


def secret_names() -> tuple[str, ...]:
    """The variables that hold secrets; each can be given as a file, by the same name with `FILE_SUFFIX`."""
    return tuple(PREFIX + f.name.upper() for f in fields(Settings) if f.metadata.get("secret"))


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings from the environment; raises `UsageError` on a name or value it does not understand."""
    known = {PREFIX + f.name.upper(): f for f in fields(Settings)}
    _check_names(environ, {*known, *(name + FILE_SUFFIX for name in secret_names())})
    values: dict[str, object] = {}
    for name, setting in known.items():
        text = _secret(environ, name) if name in secret_names() else environ.get(name, "").strip()
        if not text:
            continue
        if isinstance(setting.default, bool):
            if text not in {"0", "1"}:
                raise UsageError(f"{name}={text!r} is neither 1 nor 0")
            values[setting.name] = text == "1"
        elif isinstance(setting.default, int):
            values[setting.name] = _number(
                name, text, may_be_zero=setting.default == 0 or "may_be_zero" in setting.metadata
            )
        else:
            values[setting.name] = Path(text) if isinstance(setting.default, Path) else text
    return Settings(**values)  # type: ignore[arg-type]  # each value was read as its field's type just above


def log_level(environ: Mapping[str, str] = os.environ) -> str:
    """The level alone: a command that needs no other setting, such as the one that makes the secrets, reads none."""
    return environ.get(PREFIX + "LOG_LEVEL", "").strip() or Settings.log_level


def _number(name: str, text: str, *, may_be_zero: bool) -> int:
    if not re.fullmatch("[0-9]{1,18}", text) or (int(text) == 0 and not may_be_zero):
        raise UsageError(f"{name}={text!r} is not a positive whole number{', or 0' * may_be_zero}")
    return int(text)


def _check_names(environ: Mapping[str, str], known: set[str]) -> None:
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        if name not in known and name not in OTHER_VARIABLES:
            nearest = get_close_matches(name, sorted(known), n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else f"; there are {', '.join(sorted(known))}"
            raise UsageError(f"{name} is not a setting{hint}")


def _secret(environ: Mapping[str, str], name: str) -> str:
    """A secret from its variable or from the file that its `_FILE` variable names."""
    text, path = environ.get(name, "").strip(), environ.get(name + FILE_SUFFIX, "").strip()
    if text and path:
        raise UsageError(f"{name} and {name}{FILE_SUFFIX} are both set: keep one of them")
    return read_secret(Path(path), name + FILE_SUFFIX) if path else text
