"""The directory of the saved state: whose version it is, and what is wrong with it, said before anything is read."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.clickhouse.archive import Restored
from pipelines.fold import FoldLogic
from pipelines.runtime.recovery import HEAL, STATE_VERSION, epoch_dir, open_recovery, opened, set_aside
from sipe.errors import SipeError

PART = "part-0.sqlite3"


def part_of(state: Path) -> Path:
    return state / PART


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_first_start_makes_it_for_us_alone(tmp_path: Path) -> None:
    state = open_recovery(tmp_path, 3)
    assert state == tmp_path / "recovery" / "epoch-3" / f"state-{STATE_VERSION}"
    assert names(state) == [PART]
    assert {path.stat().st_mode & 0o777 for path in (state, state.parent)} == {0o700}
    before = part_of(state).read_bytes()
    assert open_recovery(tmp_path, 3) == state
    assert part_of(state).read_bytes() == before


def test_what_a_crash_left_of_the_first_start_is_made_anew(tmp_path: Path) -> None:
    half = epoch_dir(tmp_path, 1) / f"state-{STATE_VERSION}.new"
    half.mkdir(0o700, parents=True)
    epoch_dir(tmp_path, 1).chmod(0o700)
    (half / PART).write_bytes(b"half")
    assert names(open_recovery(tmp_path, 1)) == [PART]
    assert names(epoch_dir(tmp_path, 1)) == [f"state-{STATE_VERSION}"]


def test_older_states_stay_untouched_and_the_log_says_that_the_state_is_rebuilt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older = epoch_dir(tmp_path, 1) / PART
    older.parent.mkdir(0o700, parents=True)
    older.write_bytes(b"from before states had a version")
    open_recovery(tmp_path, 1)
    said = f"version 1, this program's is {STATE_VERSION}: the state is rebuilt from the archive"
    assert said in caplog.text
    assert (epoch_dir(tmp_path, 1) / "state-1" / PART).read_bytes() == b"from before states had a version"
    caplog.clear()
    open_recovery(tmp_path, 1)
    assert caplog.text == ""


def test_two_older_versions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in range(1, 6):
        monkeypatch.setattr("pipelines.runtime.recovery.STATE_VERSION", version)
        open_recovery(tmp_path, 1)
    assert names(epoch_dir(tmp_path, 1)) == ["state-3", "state-4", "state-5"]


def test_a_state_of_a_newer_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.runtime.recovery.STATE_VERSION", STATE_VERSION + 1)
        newer = open_recovery(tmp_path, 1)
    with pytest.raises(
        SipeError, match=rf"version {STATE_VERSION + 1}, this program knows {STATE_VERSION}: it is older"
    ):
        open_recovery(tmp_path, 1)
    assert names(newer) == [PART]


def garbage(part: Path) -> None:
    part.write_bytes(os.urandom(20_000))


def truncated(part: Path) -> None:
    with closing(sqlite3.connect(part)) as database:
        database.execute("CREATE TABLE filler (bytes BLOB)")
        database.execute("INSERT INTO filler VALUES (randomblob(200000))")
        database.commit()
    os.truncate(part, 40_000)


def a_page_overwritten(part: Path) -> None:
    content = bytearray(part.read_bytes())
    content[4096:8192] = bytes(4096)
    part.write_bytes(content)


@pytest.mark.parametrize("damage", [garbage, truncated, a_page_overwritten])
def test_a_damaged_state_is_refused_and_stays_as_it_is_until_somebody_sets_it_aside(
    tmp_path: Path, damage: object
) -> None:
    state = open_recovery(tmp_path, 1)
    assert callable(damage)
    damage(part_of(state))
    damaged = part_of(state).read_bytes()
    with pytest.raises(SipeError) as refused:
        open_recovery(tmp_path, 1)
    assert str(part_of(state)) in str(refused.value)
    assert HEAL in str(refused.value)
    assert "\n" not in str(refused.value)
    assert part_of(state).read_bytes() == damaged
    aside = set_aside(tmp_path, 1)
    assert aside == state.with_name(f"{state.name}.aside-1")
    assert part_of(aside).read_bytes() == damaged
    assert names(open_recovery(tmp_path, 1)) == [PART]
    assert set_aside(tmp_path, 1) == state.with_name(f"{state.name}.aside-2")


def test_what_is_set_aside_takes_no_place_of_another(tmp_path: Path) -> None:
    for _ in range(3):
        open_recovery(tmp_path, 1)
        assert set_aside(tmp_path, 1)
    shutil.rmtree(epoch_dir(tmp_path, 1) / f"state-{STATE_VERSION}.aside-1")
    open_recovery(tmp_path, 1)
    assert set_aside(tmp_path, 1)
    assert len(list(epoch_dir(tmp_path, 1).glob("*.aside-*/part-*"))) == 3


def test_there_may_be_nothing_to_set_aside(tmp_path: Path) -> None:
    assert set_aside(tmp_path, 1) is None


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recovery").write_text("")
    with pytest.raises(SipeError, match=r"epoch-1 cannot be used \(Not a directory\): check the disk and the rights"):
        open_recovery(tmp_path, 1)


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    state = open_recovery(tmp_path, 1)
    state.chmod(0o777)
    with pytest.raises(SipeError, match="mode 0777, so others could plant a saved state"):
        open_recovery(tmp_path, 1)


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, 1), pytest.raises(SipeError, match=f"in use by process {os.getpid()}"), opened(tmp_path, 1):
        pass
    with opened(tmp_path, 1), pytest.raises(SipeError, match=f"in use by process {os.getpid()}"):
        set_aside(tmp_path, 1)
    with opened(tmp_path, 1):
        pass


def test_a_panic_of_the_store_is_told_in_one_line(tmp_path: Path) -> None:
    panic = "(src/run.rs:167:13) called `Result::unwrap()` on an `Err` value: "
    panic += 'SqliteFailure(Error { code: DiskFull, extended_code: 13 }, Some("database or disk is full"))'
    with (
        pytest.raises(SipeError, match=r"^the saved state in .*state-\d+ cannot be used \(database or disk is full\):"),
        opened(tmp_path, 1),
    ):
        raise RuntimeError(panic)
    with pytest.raises(RuntimeError, match="another"), opened(tmp_path, 1):
        raise RuntimeError("another")


def mount(*arguments: str) -> None:
    command = ["mount", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def test_a_state_that_is_no_pickle_of_ours_is_refused() -> None:
    def nothing(epoch: int, partition: int, offset: int) -> Restored:
        raise NotImplementedError

    for saved in (b"", b"garbage", pickle.dumps({"another": "state"})):
        with pytest.raises(SipeError, match=r"a saved state cannot be read .*--rebuild-state"):
            FoldLogic(saved, nothing)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, as small as a state that was just made lets it be."""
    path = tmp_path / "disk"
    path.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(path))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system of its own needs the root user, and mount")
    yield path
    subprocess.run(["umount", str(path)], check=True)  # noqa: S607  our own path


def test_a_read_only_disk_is_refused(small_disk: Path) -> None:
    state = open_recovery(small_disk, 1)
    mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(SipeError, match=r"cannot be used \(unable to open database file"):
        open_recovery(small_disk, 1)
    with pytest.raises(SipeError, match="Read-only file system"):
        open_recovery(small_disk, 2)
    mount("-o", "remount,rw", str(small_disk))
    assert open_recovery(small_disk, 1) == state


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_is_refused(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        fill(small_disk / "filler")
    with pytest.raises(SipeError, match="cannot be used"):
        open_recovery(small_disk, 1)
    (small_disk / "filler").unlink()
    assert names(open_recovery(small_disk, 1)) == [PART]
