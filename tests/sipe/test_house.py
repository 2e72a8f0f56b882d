"""The house stands: names, borders between rooms, locks, and what the wheel carries."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: list[str] = PYPROJECT["tool"]["uv"]["build-backend"]["module-name"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def in_root(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_rooms_are_the_six_that_the_linters_and_the_wheel_know() -> None:
    assert set(ROOMS) == {"sipe", "models", "connectors", "pipelines", "edge", "api"}
    assert PYPROJECT["tool"]["importlinter"]["root_packages"] == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_imported_from_this_repository(room: str) -> None:
    found = importlib.import_module(room).__file__
    assert found is not None
    assert Path(found).resolve() == ROOT / room / "__init__.py"


@pytest.mark.parametrize("room", ROOMS)
def test_no_installed_distribution_provides_a_room(room: str) -> None:
    installed = [Path(entry) for entry in sys.path if entry and Path(entry).resolve() != ROOT]
    assert not [found for entry in installed for found in (entry / room, entry / f"{room}.py") if found.exists()]


def test_no_test_folder_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py")), "it would shadow the room of the same name"


def test_rooms_import_downwards_only() -> None:
    done = in_root(str(Path(sys.executable).with_name("lint-imports")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_with_hashes_and_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}\b", requirement), requirement


def test_the_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        return {line.removesuffix(" \\").partition(" ;")[0] for line in lines if "==" in line}

    wanted = {"uv.txt", "server.txt", "runtime.txt", "gateway.txt", "dev.txt", "audit.txt"}
    assert {lock.name for lock in LOCKS} == wanted
    assert pins("gateway.txt") <= pins("dev.txt")
    assert pins("server.txt") <= pins("runtime.txt") <= pins("dev.txt")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())}
    assert not [target for target in targets if "://" not in target and not (page.parent / target).exists()]


def test_the_wheel_carries_every_file_of_the_rooms(tmp_path: Path) -> None:
    done = in_root(sys.executable, "-m", "uv", "build", "--wheel", "--offline", "--out-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        carried = set(wheel.namelist())
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    wanted = {path.relative_to(ROOT).as_posix() for path in files if path.parent.name != "__pycache__"}
    assert "sipe/contracts/generated/station-event.schema.json" in wanted
    assert not wanted - carried
