"""A saved state copied while it is written, and put back: what is not whole or not ours is refused."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from command_line import sipe
from saved_state import Dump, halves, send, stored, the_day

from connectors.sql import people
from connectors.sql.opening import open_store
from connectors.sql.sessions import NOBODY
from models.identity import ADMIN
from models.twin.link import Send
from pipelines.runtime.backup import MANIFEST, PARTS, back_up, put_back
from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.recovery import STATE_VERSION, open_recovery, opened, state_dir
from pipelines.runtime.system import Runtime, settings_within
from sipe.clock import ManualClock
from sipe.contracts.script import Tick
from sipe.errors import SipeError
from sipe.settings import Settings

EPOCH = 3
PART = "part-0.sqlite3"
NOW_MS = 1_772_445_600_000

Between = Callable[[int, Runtime, FlowProcess], None]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with a saved state."""
    open_recovery(tmp_path / "data", EPOCH)
    return tmp_path / "data"


@pytest.fixture
def backup(data_dir: Path, tmp_path: Path) -> Path:
    back_up(data_dir, EPOCH, tmp_path / "backup", clock=ManualClock(NOW_MS))
    return tmp_path / "backup"


def modes(directory: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in [directory, *directory.rglob("*")]}


def test_it_says_what_it_holds_and_is_for_us_alone(backup: Path) -> None:
    manifest = json.loads((backup / MANIFEST).read_bytes())
    [file] = manifest.pop("files")
    assert manifest.pop("sipe_version")
    assert manifest == {
        "format": 1,
        "created_at": "2026-03-02T10:00:00+00:00",
        "state_version": STATE_VERSION,
        "log_epoch": EPOCH,
    }
    assert file["path"] == f"recovery/{PART}"
    assert modes(backup) == {0o700, 0o600}


def test_it_is_put_back_into_an_empty_place(backup: Path, tmp_path: Path) -> None:
    put_back(backup, tmp_path / "other")
    restored = state_dir(tmp_path / "other", EPOCH)
    assert (restored / PART).read_bytes() == (backup / "recovery" / PART).read_bytes()
    assert modes(restored) == {0o700, 0o600}
    assert open_recovery(tmp_path / "other", EPOCH) == restored


def test_what_is_there_is_replaced_only_by_force_and_then_kept(backup: Path, data_dir: Path) -> None:
    state = state_dir(data_dir, EPOCH)
    (state / "note").write_text("of the state that is there")
    with pytest.raises(SipeError, match=r"is there already: `--force` sets it aside"):
        put_back(backup, data_dir)
    put_back(backup, data_dir, force=True)
    assert [path.name for path in state.iterdir()] == [PART]
    assert (state.with_name(f"{state.name}.aside-1") / "note").exists()
    assert sorted(path.name for path in state.parent.iterdir()) == [
        "process-1.lock",
        state.name,
        f"{state.name}.aside-1",
    ]


def test_a_state_in_use_is_not_replaced_even_by_force(backup: Path, data_dir: Path) -> None:
    with opened(data_dir, EPOCH), pytest.raises(SipeError, match="in use by process"):
        put_back(backup, data_dir, force=True)


def test_nothing_to_copy_and_a_place_that_is_taken(data_dir: Path, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(SipeError, match="holds no saved state of this program: has a flow run there"):
        back_up(data_dir, EPOCH + 1, tmp_path / "new")
    with pytest.raises(SipeError, match="is there already"):
        back_up(data_dir, EPOCH, backup)


@pytest.fixture
def with_orders(data_dir: Path) -> Path:
    """A data directory where there are orders, too, made by a service that has ended."""
    with open_store(Settings(data_dir=data_dir), ManualClock(NOW_MS)) as store:
        store.work(NOBODY, people.add_first, "m-1", "Maria", ADMIN, "op-1")
    return data_dir


def admins(data_dir: Path) -> str | None:
    with open_store(Settings(data_dir=data_dir), ManualClock(NOW_MS)) as store, store.reading() as connection:
        return people.holder(connection, ADMIN)


def test_orders_are_copied_while_they_are_used_and_put_back_while_they_are_not(
    with_orders: Path, tmp_path: Path
) -> None:
    with open_store(Settings(data_dir=with_orders), ManualClock(NOW_MS)):
        back_up(with_orders, EPOCH, tmp_path / "backup")
    with open_store(Settings(data_dir=tmp_path / "other"), ManualClock(NOW_MS)):
        with pytest.raises(SipeError, match="orders is in use by another process: stop"):
            put_back(tmp_path / "backup", tmp_path / "other", force=True)
        assert not state_dir(tmp_path / "other", EPOCH).exists()
    assert admins(tmp_path / "other") is None
    put_back(tmp_path / "backup", tmp_path / "other", force=True)
    assert admins(tmp_path / "other") == "m-1"
    assert (tmp_path / "other" / "orders.aside-1" / "sipe.db").exists()


def test_orders_are_put_back_without_a_state_of_another_version(with_orders: Path, tmp_path: Path) -> None:
    back_up(with_orders, EPOCH, tmp_path / "backup")
    of_another_version(tmp_path / "backup")
    put_back(tmp_path / "backup", tmp_path / "other")
    assert admins(tmp_path / "other") == "m-1"
    assert not state_dir(tmp_path / "other", EPOCH).exists()


def change_a_byte(backup: Path) -> None:
    path = backup / "recovery" / PART
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def take_a_file_away(backup: Path) -> None:
    (backup / "recovery" / PART).unlink()


def name_a_file_outside(backup: Path) -> None:
    path = backup / MANIFEST
    path.write_text(path.read_text().replace(f"recovery/{PART}", "../../etc/passwd"))


def of_another_version(backup: Path) -> None:
    path = backup / MANIFEST
    path.write_text(path.read_text().replace(f'"state_version": {STATE_VERSION}', '"state_version": 1'))


def of_another_format(backup: Path) -> None:
    path = backup / MANIFEST
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


def without_a_manifest(backup: Path) -> None:
    (backup / MANIFEST).unlink()


def open_to_others(backup: Path) -> None:
    backup.chmod(0o755)


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (change_a_byte, "is not what was backed up"),
        (take_a_file_away, "No such file"),
        (name_a_file_outside, "names '../../etc/passwd', which no backup of this program holds"),
        (of_another_version, f"state of version 1, this program knows {STATE_VERSION}"),
        (of_another_format, "is of format 2, this program reads 1"),
        (without_a_manifest, "is not the manifest of a backup"),
        (open_to_others, "others could plant a saved state"),
    ],
)
def test_what_is_not_whole_or_not_ours_is_refused_and_leaves_nothing(
    backup: Path, tmp_path: Path, harm: object, complaint: str
) -> None:
    assert callable(harm)
    harm(backup)
    with pytest.raises(SipeError) as refused:
        put_back(backup, tmp_path / "other")
    assert complaint in str(refused.value)
    assert not state_dir(tmp_path / "other", EPOCH).exists()
    assert not list(tmp_path.glob("other/**/*restored*"))


def test_a_copy_made_while_others_write_is_of_one_moment(data_dir: Path, tmp_path: Path) -> None:
    part = state_dir(data_dir, EPOCH) / PART
    stop = threading.Event()
    written = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(part)) as database:
            database.execute("CREATE TABLE pairs (one INTEGER, other INTEGER, filler BLOB)")
            for number in iter(int, 1):  # for ever
                database.execute("INSERT INTO pairs VALUES (?, NULL, randomblob(5000))", [number])
                database.execute("UPDATE pairs SET other = one")
                database.commit()
                written.set()
                if stop.is_set():
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        for number in range(5):
            back_up(data_dir, EPOCH, tmp_path / f"backup-{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        with closing(sqlite3.connect(tmp_path / f"backup-{number}" / "recovery" / PART)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows, whole = copy.execute("SELECT count(*), count(*) FILTER (WHERE other = one) FROM pairs").fetchone()
        assert 0 < rows == whole


def test_every_part_has_a_name_of_its_own() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)


def play(directory: Path, parts: Sequence[Sequence[Send | Tick]], between: Between) -> Dump:
    """The tables after the parts of a day, with something done to the flow after each."""
    with Runtime(Settings(data_dir=directory), serve=True, flow=False) as runtime, runtime.sender() as sender:
        settings = settings_within(Settings(data_dir=directory, snapshot_interval_ms=500), runtime.system)
        flow = FlowProcess(settings, directory / "flow.log")
        flow.start()
        try:
            for number, part in enumerate(parts):
                send(sender, part)
                runtime.wait_until_stored(sender.ends())
                between(number, runtime, flow)
            return stored(runtime.store())
        finally:
            flow.stop()


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_flow_goes_on_from_a_restored_state_though_the_store_is_newer(tmp_path: Path) -> None:
    first, rest = halves(the_day())
    ticks = [at for at, item in enumerate(rest) if isinstance(item, Tick)]
    border = ticks[len(ticks) // 2] + 1
    parts = [first, rest[:border], rest[border:]]
    position: list[str] = []

    def restore_the_first_part(number: int, runtime: Runtime, flow: FlowProcess) -> None:
        data: list[str | Path] = ["--data", runtime.data_dir]
        backup = tmp_path / "backup"
        if number == 0:
            made = sipe("backup", backup, "--json", *data)
            assert made.returncode == 0, made.stderr
            assert json.loads(made.stdout)["log_epoch"] == runtime.system.log_epoch
            refused = sipe("restore", backup, "--force", *data)
            assert refused.returncode == 1
            assert "in use by process" in refused.stderr
        if number == 1:
            flow.stop()
            state = state_dir(runtime.data_dir, runtime.system.log_epoch)
            position.append(saved_positions(state))
            restored = sipe("restore", backup, "--force", *data)
            assert restored.returncode == 0, restored.stderr
            assert "restored" in restored.stdout
            position.append(saved_positions(state))
            flow.start()

    calm = play(tmp_path / "calm", parts, lambda *_: None)
    back = play(tmp_path / "back", parts, restore_the_first_part)
    assert position[0] != position[1], "the restored state was not an older one"
    for table, rows in calm.items():
        assert back[table] == rows, table


def saved_positions(state: Path) -> str:
    """Where the flow would go on, whatever else is saved."""
    with closing(sqlite3.connect(state / PART)) as database:
        query = "SELECT state_key, max(snap_epoch), hex(ser_change) FROM snaps WHERE step_id LIKE '%kafka%' GROUP BY 1"
        return repr(database.execute(query).fetchall())
