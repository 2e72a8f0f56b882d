"""Makes `.venv` hold exactly what a lock says, with nothing but this interpreter's standard library.

    python requirements/install.py runtime|dev

Nothing is done when the lock is the one installed last. Every download is checked against its hash, uv's own included.
The project itself needs no download: uv carries the build backend.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"

DOWNLOAD_MB = {"runtime": 370, "dev": 445}
"""Each set holds the one before it. Wheels of Python 3.11 on Linux x86-64, uv included, as `pip download` gets them."""


def main(wanted: str) -> None:
    """Install a set. Its digest is noted last, so that an installation cut short starts again."""
    if is_venv_usable() and stamp(wanted).exists():
        return
    size = f"about {DOWNLOAD_MB[wanted]} MB to download, less what is cached; 1.5 GB on disk"
    print(f"Installing into .venv what requirements/{wanted}.txt locks: {size}.", flush=True)
    if not is_venv_usable():
        run(sys.executable, "-m", "venv", "--clear", str(VENV))
    for old in VENV.glob("*.installed"):
        old.unlink()
    pip, uv = (str(BIN / "python"), "-m", "pip"), (str(BIN / "uv"), "pip")
    run(*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "requirements/uv.txt")
    target = ("--python", str(BIN / "python"))
    run(*uv, "sync", *target, "--require-hashes", "--only-binary", ":all:", f"requirements/{wanted}.txt")
    run(*uv, "install", *target, "--quiet", "--offline", "--no-deps", "--editable", ".")
    for name in DOWNLOAD_MB:
        stamp(name).touch()
        if name == wanted:
            break


def stamp(name: str) -> Path:
    """The file that says: this lock, installed by this uv, is in `.venv`."""
    locks = b"".join((ROOT / "requirements" / lock).read_bytes() for lock in ("uv.txt", f"{name}.txt"))
    return VENV / f"{name}-{hashlib.sha256(locks).hexdigest()}.installed"


def is_venv_usable() -> bool:
    """Whether `.venv` is complete and of this interpreter's version."""
    site_packages = VENV / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    return site_packages.is_dir() and BIN.joinpath("python").exists() and BIN.joinpath("pip").exists()


def run(*command: str) -> None:
    """Run a step in the repository's root; stop with its exit code when it fails, for it has said why."""
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main(sys.argv[1])
