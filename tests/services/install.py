"""Installs the real servers that the tests use, as far as this machine allows, and says what is missing then.

    python tests/services/install.py

Debian's packages need root, or sudo without a question; Kafka's jars need Maven only. What is there is left as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from real_services import JARS, JARS_STAMP, POM, SERVICES, Service, find_program, required

# The packages start their servers when installed, unless this script forbids it.
APT_INSTALL = """
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get install --yes --quiet --no-install-recommends "$@"
"""


def main() -> int:
    """Install what is missing; 1 when something is still missing and has to be there."""
    wanted = [service for service in SERVICES if service.missing]
    if wanted:
        install_packages(wanted)
    if not JARS_STAMP.exists():
        copy_jars()
    for service in SERVICES:
        print(f"{service.title}: {'missing ' + ', '.join(service.missing) if service.missing else 'there'}")
    return int(required() and any(service.missing for service in SERVICES))


def install_packages(services: list[Service]) -> None:
    """Install each service's packages by themselves, so that one that a distribution lacks does not stop the others."""
    if shutil.which("apt-get") is None:
        print("No apt-get here: install what is missing by hand.")
        return
    become_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if become_root and (shutil.which("sudo") is None or not run(*become_root, "true")):
        print("Neither root nor sudo without a password: install what is missing by hand, or run this as root.")
        return
    run(*become_root, "apt-get", "update", "--quiet")
    for service in services:
        packages = [package for program, package in service.programs.items() if find_program(program) is None]
        if service.jars and not JARS_STAMP.exists() and find_program("mvn") is None:
            packages.append("maven")
        if packages:
            print(f"Installing {service.title}: {' '.join(packages)}", flush=True)
            run(*become_root, "sh", "-c", APT_INSTALL, "apt-install", *packages)


def copy_jars() -> None:
    """Copy what `pom.xml` pins; the stamp comes last, so that a copy cut short starts again."""
    if find_program("mvn") is None:
        print("No Maven here: Kafka's jars cannot be copied.")
        return
    print("Copying Apache Kafka's jars, about 43 MB", flush=True)
    shutil.rmtree(JARS, ignore_errors=True)
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={JARS}")
    if run("mvn", "--batch-mode", "--no-transfer-progress", "--quiet", "--file", str(POM), *goal):
        JARS_STAMP.touch()


def run(*command: str) -> bool:
    """Whether a step went well; when not, its last words."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        print(f"{command[0]} failed with exit code {done.returncode}:\n{done.stdout[-2000:]}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
