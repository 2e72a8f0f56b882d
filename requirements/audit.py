"""What is in the locks, and what is known against it.

    python requirements/audit.py sbom               dist/sbom.json: CycloneDX, from the run-time lock alone
    python requirements/audit.py audit [--strict]   known vulnerabilities of every lock

Both run tools from requirements/audit.txt, in an environment of their own (.audit). `audit` asks a service on the
network. Where that knows nothing of a package, or does not answer, it says so; that is a failure with --strict only.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".audit"
BIN = VENV / "bin"
SBOM = ROOT / "dist" / "sbom.json"
LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)", re.MULTILINE)


def main(what: str, *options: str) -> int:
    """Make what is asked for; the exit code is 1 when something was found or went wrong."""
    install()
    return sbom() if what == "sbom" else audit(strict="--strict" in options)


def pins(lock: Path) -> set[tuple[str, str]]:
    """Names and versions in a lock; some are pinned twice, for two versions of Python."""
    return {(match["name"], match["version"]) for match in PIN.finditer(lock.read_text(encoding="utf-8"))}


def install() -> None:
    """Bring .audit up to date with its lock; nothing is done when it is."""
    lock = ROOT / "requirements/audit.txt"
    stamp = VENV / f"{hashlib.sha256(lock.read_bytes()).hexdigest()}.installed"
    if stamp.exists():
        return
    print("Installing into .audit what requirements/audit.txt locks.", flush=True)
    venv.create(VENV, clear=True)
    uv = (str(Path(sys.executable).with_name("uv")), "pip", "sync", "--quiet", "--python", str(BIN / "python"))
    subprocess.run([*uv, "--require-hashes", "--only-binary", ":all:", str(lock)], check=True)
    stamp.touch()


def sbom() -> int:
    """Write the bill of materials, the same bytes for the same lock, and compare it with the lock."""
    lock = ROOT / "requirements/runtime.txt"
    SBOM.parent.mkdir(exist_ok=True)
    options = ("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-format", "JSON")
    command = [str(BIN / "cyclonedx-py"), "requirements", str(lock), *options, "--output-file", str(SBOM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    if wrong := differences(json.loads(SBOM.read_text(encoding="utf-8")), pins(lock)):
        print(f"{SBOM} is not what {lock} says: {', '.join(wrong)}", file=sys.stderr)
        return 1
    print(f"{SBOM.relative_to(ROOT)}: {len(pins(lock))} packages, each with its version and hashes")
    return 0


def differences(document: Mapping[str, Any], locked: set[tuple[str, str]]) -> list[str]:
    """What a bill of materials lacks, or has beyond a lock."""
    listed = {(component["name"], component["version"]) for component in document["components"]}
    wrong = [f"{name} {version} is missing" for name, version in sorted(locked - listed)]
    wrong += [f"{name} {version} is not locked" for name, version in sorted(listed - locked)]
    for component in document["components"]:
        name, version = component["name"], component["version"]
        if component.get("purl") != f"pkg:pypi/{name}@{version}":
            wrong.append(f"{name} {version} has no package URL")
        if not re.search(r"[0-9a-f]{64}", json.dumps(component)):
            wrong.append(f"{name} {version} has no hash")
    return wrong


def audit(*, strict: bool) -> int:
    """Ask what is known against each package of each lock."""
    outcomes = [_audit(ROOT / f"requirements/{lock}.txt") for lock in LOCKS]
    return int("found" in outcomes or (strict and "unknown" in outcomes))


def _audit(lock: Path) -> str:
    """`found` when something is known against a package, `unknown` when one could not be asked about, else `none`."""
    options = ("--require-hashes", "--disable-pip", "--format", "json", "--requirement", str(lock))
    done = subprocess.run([str(BIN / "pip-audit"), *options], capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"{lock.name}: NOT AUDITED, the service does not answer: {last}")
        return "unknown"
    skipped = [entry["name"] for entry in dependencies if "skip_reason" in entry]
    findings = [(entry, known) for entry in dependencies for known in entry.get("vulns", ())]
    asked = len(dependencies) - len(skipped)
    print(f"{lock.name}: {asked} packages audited, {len(findings)} findings, {len(skipped)} packages NOT AUDITED")
    for entry, known in findings:
        fixed = ", ".join(known["fix_versions"]) or "none yet"
        print(f"  {entry['name']} {entry['version']}: {known['id']}, fixed in {fixed}")
    if skipped:
        print(f"  the service does not know: {', '.join(skipped)}")
    return "found" if findings else "unknown" if skipped else "none"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
