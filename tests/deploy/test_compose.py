"""docker-compose.yml keeps the rules of a deployment: no Docker engine is needed to see whether it does."""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from sipe.cli import COMMANDS
from sipe.commands.secrets import PASSWORDS, made_of
from sipe.contracts.access import ACCESS, PRINCIPAL_RULE, SUPER_USERS
from sipe.settings import FILE_SUFFIX, PREFIX, Settings, secret_names

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
LOADED: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = LOADED["services"]
ONE_SHOTS = {name for name, service in SERVICES.items() if service["restart"] != "unless-stopped"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("sipe:")}
PROFILES = {"core", "app", "boards", "sim"}
BESIDE_CORE = {"simulate", "api", "bridge"}
"""They need servers of the core, whose profile is given with theirs."""
SETTINGS = {PREFIX + field.name.upper() for field in fields(Settings)} | {n + FILE_SUFFIX for n in secret_names()}
CERTIFICATES = {"ca", *re.findall(r"issue (\S+)", (ROOT / "Makefile").read_text())}
MADE_BY_SECRETS = {*PASSWORDS, *made_of(dict.fromkeys(PASSWORDS, ""))}

each_service = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", sorted(OURS))


def strings(value: Any) -> Iterator[str]:
    """Every text of a document, keys left out."""
    if isinstance(value, dict):
        value = list(value.values())
    for item in value if isinstance(value, list) else [value]:
        yield from strings(item) if isinstance(item, (dict, list)) else [str(item)]


def test_all_the_servers_and_the_one_shots_are_there() -> None:
    servers = {"kafka", "clickhouse", "redis", "mariadb", "mosquitto", "grafana", "flow", "api", "bridge"}
    assert servers <= SERVICES.keys() - ONE_SHOTS
    assert {"topics", "migrate", "simulate", "migrate-orders", "keys"} == ONE_SHOTS
    assert {*ONE_SHOTS, "flow", "api", "bridge"} == OURS


@each_service
def test_every_service_has_known_profiles(name: str) -> None:
    assert set(SERVICES[name]["profiles"]) <= PROFILES
    assert SERVICES[name]["profiles"]


@each_service
def test_every_image_is_pinned_to_a_whole_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition("@")[0].rpartition(":")
    assert re.fullmatch(r"\d+(\.\d+){2,3}(-[a-z]+)?", tag), tag


@pytest.mark.parametrize("name", SERVICES.keys() - ONE_SHOTS)
def test_what_runs_on_has_a_healthcheck(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@pytest.mark.parametrize("name", sorted(ONE_SHOTS))
def test_a_one_shot_ends_and_is_not_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["restart"] in {"no", "on-failure:5"}
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@each_service
def test_dependencies_wait_for_health_or_for_the_end(name: str) -> None:
    dependencies = SERVICES[name].get("depends_on", {})
    assert isinstance(dependencies, dict), "the short form only waits for the start"
    for other, how in dependencies.items():
        done = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
        assert how["condition"] == done
        same_profile = set(SERVICES[name]["profiles"]) & set(SERVICES[other]["profiles"])
        assert same_profile or name in BESIDE_CORE or how["required"] is False


@pytest.mark.parametrize("name", sorted(OURS - {"topics", "migrate", "migrate-orders", "keys"}))
def test_nothing_of_ours_starts_before_topics_and_schema(name: str) -> None:
    def before(service: str) -> Iterator[str]:
        for other in SERVICES[service].get("depends_on", {}):
            yield other
            yield from before(other)

    schema = {"migrate", "clickhouse"} if name != "bridge" else set()  # which knows no store
    assert {"topics", "kafka"} | schema <= set(before(name))


@each_service
def test_containers_are_locked_down(name: str) -> None:
    service = SERVICES[name]
    uid = service["user"].partition(":")[0]
    assert uid.isdecimal()
    assert int(uid) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("cap_add")
    assert not service.get("privileged")
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}
    assert not {"network_mode", "pid", "ipc", "devices", "env_file"} & service.keys()


@each_service
def test_ports_are_open_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@each_service
def test_networks_are_declared_and_only_doors_leads_out(name: str) -> None:
    networks = set(SERVICES[name]["networks"])
    assert networks <= LOADED["networks"].keys()
    assert ("doors" in networks) == bool(SERVICES[name].get("ports")), "doors is for ports, and for nothing else"
    assert LOADED["networks"]["servers"]["internal"]
    assert LOADED["networks"]["boards"]["internal"]


def test_the_boards_reach_the_store_and_no_other_server() -> None:
    assert {name for name, service in SERVICES.items() if "boards" in service["networks"]} == {"grafana", "clickhouse"}
    assert "servers" not in SERVICES["grafana"]["networks"]


@each_service
def test_volumes_are_declared_or_read_only_files_of_the_repository(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("./"):
            assert mode == ["ro"]
            assert (ROOT / source).exists()
        else:
            assert source in LOADED["volumes"]


def test_every_volume_and_secret_is_used() -> None:
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted >= LOADED["volumes"].keys()
    assert {secret for service in SERVICES.values() for secret in service.get("secrets", [])} == LOADED[
        "secrets"
    ].keys()


def test_secrets_are_files_that_a_command_of_ours_makes() -> None:
    for name, secret in LOADED["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}
        assert name in MADE_BY_SECRETS or re.fullmatch(rf"({'|'.join(CERTIFICATES)})(\.keystore)?\.(pem|key)", name)
        assert name != "ca.key", "whoever has it can be anybody"
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


@each_service
def test_a_secret_that_is_named_is_given(name: str) -> None:
    named = {found for text in strings(SERVICES[name]) for found in re.findall(r"/run/secrets/([\w.-]+)", text)}
    for volume in SERVICES[name].get("volumes", []):
        if (source := volume.split(":")[0]).startswith("./"):
            found = [ROOT / source] if (ROOT / source).is_file() else sorted((ROOT / source).rglob("*.*"))
            named |= {word for path in found for word in re.findall(r"/run/secrets/([\w.-]+)", path.read_text())}
    assert named == set(SERVICES[name].get("secrets", []))


@each_service
def test_no_password_is_written_down(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASS|SECRET|TOKEN|KEY", variable):
            assert value.startswith("/run/secrets/"), f"{variable} is to be a file"
        assert not re.search("://.*@", str(value)), f"{variable} looks like a URL with a password"
    command = " ".join(map(str, SERVICES[name].get("command", [])))
    assert not re.search(r"(?i)(pass(word|wd)?|secret|token)\s*[=:]\s*[\"']?\w{4,}", command)


def test_a_variable_has_a_default_that_is_no_secret_or_says_what_to_do() -> None:
    uncommented = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#")).replace("$$", "")
    for expression in re.findall(r"\$\{([^}]*)\}", uncommented):
        assert re.fullmatch(r"[A-Z_]+(:-\w+|:\?.{10,})", expression), expression
        assert ":?" in expression or not re.search("PASS|SECRET|TOKEN|KEY", expression)
    assert not re.search(r"\$[A-Za-z_]", uncommented), "a bare $VAR is empty without a word"


@each_of_ours
def test_every_setting_of_ours_exists(name: str) -> None:
    ours = {variable for variable in SERVICES[name]["environment"] if variable.startswith(PREFIX)}
    assert ours
    assert ours <= SETTINGS, f"{sorted(ours - SETTINGS)} are not in sipe/settings.py"


@each_of_ours
def test_every_command_of_ours_parses(name: str) -> None:
    command, *arguments = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in SERVICES[name]["command"]]
    (declared,) = (known for known in COMMANDS if known.name == command)
    parser = argparse.ArgumentParser()
    importlib.import_module(declared.module).configure(parser)
    parser.parse_args(arguments)


def test_the_store_is_used_with_the_least_rights() -> None:
    urls = {name: SERVICES[name]["environment"].get("SIPE_CLICKHOUSE_URL_FILE", "") for name in OURS}
    assert urls == {
        "topics": "",
        "migrate": "/run/secrets/clickhouse_admin_url",
        "migrate-orders": "",
        "keys": "",
        "bridge": "",
        "api": "/run/secrets/clickhouse_api_url",
        "flow": "/run/secrets/clickhouse_writer_url",
        "simulate": "/run/secrets/clickhouse_reader_url",
    }


@each_of_ours
def test_kafka_knows_each_certificate_that_is_used(name: str) -> None:
    path = SERVICES[name]["environment"].get("SIPE_KAFKA_CERT_FILE", "")
    if name in {"migrate", "migrate-orders", "keys"}:
        assert not path
        return
    principal = Path(path).name.partition(".")[0]
    assert principal in {*SUPER_USERS, *(access.principal for access in ACCESS)}
    assert (principal in SUPER_USERS) == (name == "topics")


def test_the_plugin_of_grafana_is_pinned() -> None:
    assert re.fullmatch(r"[a-z-]+@\d+\.\d+\.\d+", SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"])


def test_kafka_serves_nobody_without_a_certificate() -> None:
    lines = (ROOT / "deploy/kafka/server.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    protocols = dict(pair.split(":") for pair in properties["listener.security.protocol.map"].split(","))
    plaintext = {name for name, protocol in protocols.items() if protocol != "SSL"}
    for listener in properties["listeners"].split(","):
        parts = re.fullmatch(r"([A-Z]+)://([\d.]+):\d+", listener)
        assert parts, listener
        assert parts[1] not in plaintext or parts[2] == "127.0.0.1"
    assert properties["ssl.client.auth"] == "required"
    assert properties["authorizer.class.name"].endswith(".StandardAuthorizer")
    assert properties["allow.everyone.if.no.acl.found"] == "false"
    assert properties["auto.create.topics.enable"] == "false"
    assert properties["ssl.principal.mapping.rules"] == PRINCIPAL_RULE
    super_users = {user.removeprefix("User:") for user in properties["super.users"].split(";")}
    assert super_users == {*SUPER_USERS, "ANONYMOUS"}, "ANONYMOUS is who comes to the controller on loopback"
    published = {port.rpartition(":")[2] for port in SERVICES["kafka"]["ports"]}
    assert published == {"19093"}


def test_docker_compose_reads_it() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker command with the compose plugin here")
    command = [docker, "compose", "--profile", "*", "config", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
