"""What may come into the house: listed with a reason, locked with hashes, under a licence that allows it."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = ROOT / "requirements/runtime.txt"
LICENCES = re.compile(r"Apache|BSD|MIT|PSF|Python Software Foundation|Zlib|CC0|MPL-2.0|ISC")
WITHOUT_METADATA = {"bytewax"}
"""Say nothing of a licence in their wheels; docs/dependencies.md says what their repositories do."""


def tool() -> Any:
    spec = importlib.util.spec_from_file_location("audit_tool", ROOT / "requirements/audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


AUDIT = tool()


def named(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ;]", requirement)[0].lower()


def test_each_dependency_has_a_reason_and_nothing_else_has() -> None:
    project = PYPROJECT["project"]
    groups = (*project["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values())
    declared = {named(entry) for entries in (project["dependencies"], *groups) for entry in entries}
    page = (ROOT / "docs/dependencies.md").read_text()
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE))
    del rows["package"], rows["---"]
    assert rows.keys() == declared
    assert all(len(reason.strip()) >= 5 for reason in rows.values())


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda lock: lock.name)
def test_no_paid_module_is_locked(lock: Path) -> None:
    names = {name for name, _ in AUDIT.pins(lock)}
    assert names
    assert not {name for name in names if name.startswith("bytewax-")}


def test_the_licences_of_the_run_time_lock_are_permissive() -> None:
    installed = {package.name.lower().replace("_", "-"): package for package in metadata.distributions()}
    refused = []
    for name, _ in AUDIT.pins(RUNTIME):
        if name not in installed or name in WITHOUT_METADATA:
            continue
        about = installed[name].metadata.json
        texts = [str(about.get(key, "")) for key in ("license_expression", "license")] + list(
            about.get("classifier", [])
        )
        said = [text for text in texts if text and not (text.startswith(("Programming", "Topic", "Intended")))]
        if not any(LICENCES.search(text) for text in said) or re.search(r"\bA?GPL|Commercial", " ".join(said)):
            refused.append((name, said))
    assert not refused


def component(name: str, version: str, **more: Any) -> dict[str, Any]:
    hashed = {"externalReferences": [{"hashes": [{"alg": "SHA-256", "content": "a" * 64}]}]}
    return {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"} | hashed | more


def test_a_bill_that_differs_from_the_lock_is_refused() -> None:
    locked = {("msgspec", "0.22.0"), ("rich", "15.0.0")}
    good = [component(name, version) for name, version in locked]
    assert AUDIT.differences({"components": good}, locked) == []
    assert AUDIT.differences({"components": good[:1]}, locked) == [f"{good[1]['name']} {good[1]['version']} is missing"]
    more = [*good, component("other", "1")]
    assert AUDIT.differences({"components": more}, locked) == ["other 1 is not locked"]
    bare = [good[0], {**good[1], "purl": None, "externalReferences": []}]
    assert len(AUDIT.differences({"components": bare}, locked)) == 2


def test_the_bill_that_the_tool_writes_is_the_lock_and_always_the_same() -> None:
    if not list((ROOT / ".audit").glob("*.installed")) or not AUDIT.SBOM.exists():
        pytest.skip("`make sbom` was not run here")
    before = AUDIT.SBOM.read_bytes()
    assert AUDIT.sbom() == 0
    assert AUDIT.SBOM.read_bytes() == before
    document = json.loads(before)
    assert document["bomFormat"] == "CycloneDX"
    assert AUDIT.differences(document, AUDIT.pins(RUNTIME)) == []
