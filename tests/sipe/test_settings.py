"""Settings come from the environment, say which variable is wrong, and never show a password."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from connectors.embedded.kept import environ
from sipe.errors import UsageError
from sipe.settings import Settings, load, secret_names

CANARY = "canary-3b9f"


def test_an_empty_environment_means_the_embedded_stack() -> None:
    settings = load({})
    assert settings == Settings()
    assert settings.kafka_url is None
    assert settings.clickhouse_url is None


def test_each_setting_is_read_from_its_variable() -> None:
    settings = load(
        {
            "SIPE_KAFKA_URL": "broker-1:9092,broker-2:9092",
            "SIPE_CLICKHOUSE_URL": "clickhouse://sipe@store:9000/sipe",
            "SIPE_DATA_DIR": "/var/lib/sipe",
            "SIPE_LOG_EPOCH": "3",
            "SIPE_SNAPSHOT_INTERVAL_MS": " 500 ",
            "PATH": "/bin",
        }
    )
    assert settings == Settings(
        kafka_url="broker-1:9092,broker-2:9092",
        clickhouse_url="clickhouse://sipe@store:9000/sipe",
        data_dir=Path("/var/lib/sipe"),
        log_epoch=3,
        snapshot_interval_ms=500,
    )


def test_a_blank_variable_is_the_default() -> None:
    assert load({"SIPE_KAFKA_URL": "", "SIPE_LOG_EPOCH": "  "}) == Settings()


def test_what_is_off_can_be_set_to_off() -> None:
    assert load({"SIPE_MONITOR_PORT": "0"}) == Settings()


@pytest.mark.parametrize("name", ["SIPE_LOG_EPOCH", "SIPE_SNAPSHOT_INTERVAL_MS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "ten", "1 000", "0x10", "9" * 5_000, "\N{SUPERSCRIPT TWO}"])
def test_a_bad_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name}=") as caught:
        load({name: value})
    assert caught.value.exit_code == 2


def test_a_password_never_shows() -> None:
    settings = load({"SIPE_CLICKHOUSE_URL": f"clickhouse://sipe:{CANARY}@store:9000/sipe"})
    assert settings.clickhouse_url is not None
    assert CANARY in settings.clickhouse_url, "else this test proves nothing"
    for shown in (repr(settings), str(settings), f"{settings}", f"{settings!r}", repr([settings])):
        assert CANARY not in shown


def test_a_misspelt_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"SIPE_KAFKA_ULR is not a setting; did you mean SIPE_KAFKA_URL\?"):
        load({"SIPE_KAFKA_ULR": "localhost:9092"})
    assert load({"SIPE_PROVE": "1"}) == load({})


@pytest.mark.parametrize("name", secret_names())
def test_each_secret_can_come_from_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"clickhouse://sipe:{CANARY}@store/sipe\n")
    path.chmod(0o600)
    from_file = load({f"{name}_FILE": str(path)})
    assert from_file == load({name: path.read_text()})
    assert from_file != Settings()
    assert CANARY not in repr(from_file)


@pytest.mark.parametrize("name", secret_names())
def test_a_secret_given_twice_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{name} and {name}_FILE are both set") as caught:
        load({name: CANARY, f"{name}_FILE": str(tmp_path / "secret")})
    assert CANARY not in str(caught.value)


def test_a_setting_that_is_no_secret_has_no_file() -> None:
    with pytest.raises(UsageError, match="SIPE_LOG_EPOCH_FILE is not a setting; did you mean SIPE_LOG_EPOCH"):
        load({"SIPE_LOG_EPOCH_FILE": "/run/secrets/epoch"})


def test_a_field_whose_name_speaks_of_secrets_is_one() -> None:
    named = [field.name for field in fields(Settings) if re.search("password|token|secret|clickhouse_url", field.name)]
    assert named
    for field in fields(Settings):
        assert field.repr is not bool(field.metadata.get("secret")), f"{field.name}: a secret shows in no repr"
        assert field.metadata.get("secret") or field.name not in named


def test_the_flow_is_given_the_secret_and_not_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("clickhouse://sipe:pw@store/sipe\n")
    path.chmod(0o600)
    settings = load({"SIPE_CLICKHOUSE_URL_FILE": str(path)})
    monkeypatch.setenv("SIPE_CLICKHOUSE_URL_FILE", str(path))
    assert load(os.environ | environ(settings)) == settings
