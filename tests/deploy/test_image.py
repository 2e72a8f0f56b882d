"""The Dockerfile: small, pinned, without compilers, and nobody is root in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sipe.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
INSTRUCTIONS = [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in LINES]
FINAL = INSTRUCTIONS[max(index for index, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = PYPROJECT["tool"]["uv"]["build-backend"]["module-name"]


def of(word: str, instructions: list[tuple[str, str]] = INSTRUCTIONS) -> list[str]:
    return [rest for name, rest in instructions if name == word]


def packages(lock: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / lock).read_text().splitlines()
    return {line.partition("==")[0]: line for line in lines if "==" in line}


def test_it_has_two_stages_on_one_pinned_base() -> None:
    images = [image.removesuffix(" AS build") for image in of("FROM")]
    assert len(images) == 2
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.12\.\d+-slim(@sha256:[0-9a-f]{64})?", images[0])


def test_everything_is_installed_from_the_locks_with_hashes() -> None:
    installs = [run for run in of("RUN") if "install" in run or "pip sync" in run]
    for run in installs:
        assert "--require-hashes" in run or run.startswith("install ") or run.endswith("--offline --no-deps .")
    assert any("requirements/server.txt" in run and "--only-binary :all:" in run for run in installs)
    assert not re.search("apt|curl|wget|ADD ", TEXT)


def test_the_lock_of_the_image_is_that_of_the_run_time_without_the_embedded_servers() -> None:
    runtime, server = packages("runtime.txt"), packages("server.txt")
    assert server.items() <= runtime.items()
    assert {"chdb", "chdb-core"} <= runtime.keys() - server.keys()
    wanted = {re.split(r"[\[<>=]", name)[0] for name in PYPROJECT["project"]["optional-dependencies"]["pipelines"]}
    assert wanted <= server.keys()


def test_every_room_is_copied_and_let_through() -> None:
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert allowed[1] == "*"
    copied = {source.split()[0].rstrip("/") for source in of("COPY") if not source.startswith("--from")}
    assert set(ROOMS) <= copied
    assert {f"!{room}" for room in ROOMS} <= set(allowed)
    assert not any(re.search("secret|deploy|tests|[.]git", line) for line in allowed[1:])


def test_the_final_stage_only_takes_the_environment_and_is_nobody() -> None:
    assert of("COPY", FINAL) == ["--from=build /opt/sipe /opt/sipe"]
    assert not any("pip" in run or "uv" in run for run in of("RUN", FINAL))
    assert of("USER", FINAL) == ["10001:10001"]
    assert [word for word, _ in FINAL].index("USER") < [word for word, _ in FINAL].index("ENTRYPOINT")
    assert of("HEALTHCHECK", FINAL)
    assert of("ENTRYPOINT", FINAL) == ['["sipe"]']
    assert of("STOPSIGNAL", FINAL) == ["SIGTERM"]


def test_labels_and_settings_are_those_of_the_project() -> None:
    assert f'org.opencontainers.image.version="{PYPROJECT["project"]["version"]}"' in of("LABEL", FINAL)[0]
    named = set(re.findall(rf"{PREFIX}(\w+)=", of("ENV", FINAL)[0]))
    assert named <= {name.upper() for name in Settings.__dataclass_fields__}
    compose = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"image: sipe:(\S+)", compose)) == {PYPROJECT["project"]["version"]}
