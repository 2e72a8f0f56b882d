"""Settings come from the environment, say which variable is wrong, and never show a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipe.errors import UsageError
from sipe.settings import Settings, load

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


@pytest.mark.parametrize("name", ["SIPE_LOG_EPOCH", "SIPE_SNAPSHOT_INTERVAL_MS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "ten", "1 000", "0x10", "\N{SUPERSCRIPT TWO}"])
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
