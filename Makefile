# Works from nothing but make and Python 3.11 or 3.12: each target installs what it needs into .venv first, and skips
# that when the lock is the one installed last. `make PYTHON=/path/to/python3.12 ...` names the interpreter.

PYTHON ?=
ARGS ?=
LOCK_ARGS ?=

BIN := .venv/bin
INTERPRETERS := $(or $(PYTHON),$(BIN)/python python3.12 python3.11 python3 python)
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header $(LOCK_ARGS)

# Each of the hundreds of processes that tests start would compile the project anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test long faults services lint format schemas lock secrets pin-images sbom audit prove clean \
	install-runtime install-dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install-runtime ## Play a factory day through the whole stack, then tell the stories of an order and of a line
	@$(BIN)/sipe demo $(ARGS)
	@$(if $(ARGS),,$(BIN)/python examples/order-story.py)
	@$(if $(ARGS),,$(BIN)/python examples/line-story.py)

# Two processes; the one that is done first takes over tests of the other.
test: install-dev ## Run the tests (ARGS="tests/models -x" for some of them)
	@$(BIN)/python -m pytest -m "not fault and not long" -n 2 --dist worksteal $(ARGS)

# Two processes: mostly they wait for servers of their own.
long: install-dev ## Run the long tests: clusters, upgrades, stories
	@$(BIN)/python -m pytest -m "long and not fault" --timeout 900 -n 2 --dist worksteal $(ARGS)

# One process: these tests kill and freeze servers, and how long a recovery takes is written down.
faults: install-dev ## Run the fault tests with reduced counts
	@$(BIN)/python -m pytest -m fault --timeout 900 $(ARGS)

services: install-dev ## Install the real servers that tests use (Debian packages as root, Kafka's jars by Maven)
	@$(BIN)/python tests/services/install.py

lint: install-dev ## Check style, types and the borders between rooms
	@$(BIN)/ruff check --no-cache
	@$(BIN)/ruff format --check --no-cache
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install-dev ## Format the code and fix what can be fixed by rule
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

schemas: install-dev ## Write the contracts' and the API's descriptions, examples and reference pages anew
	@$(BIN)/python -m sipe.contracts.schema
	@$(BIN)/python -m api.description

prove: install-dev ## Prove with full counts, and write docs/reliability.md (hours; goes on where it stopped)
	@$(BIN)/python tests/oracles/prove.py $(ARGS)

lock: install-dev ## Resolve the locks anew from pyproject.toml (LOCK_ARGS=--upgrade for newer versions)
	$(COMPILE) --group uv --output-file requirements/uv.txt
	$(COMPILE) pyproject.toml --extra pipelines --extra api --extra bridge --extra embedded \
		--output-file requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra pipelines --extra api --extra bridge --constraints requirements/runtime.txt \
		--output-file requirements/server.txt
	$(COMPILE) pyproject.toml --extra pipelines --extra api --extra bridge --extra embedded --extra edge \
		--extra edge-mqtt --extra edge-modbus --extra pictures --group dev --constraints requirements/runtime.txt \
		--output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra edge --extra edge-mqtt --extra edge-modbus --constraints requirements/dev.txt \
		--output-file requirements/gateway.txt
	$(COMPILE) --group audit --output-file requirements/audit.txt

# Certificates are signed once. Each container runs as a user of its own, so what it is given has to be readable; the
# directory, which is for its owner alone, keeps everybody else out, and the authority's key is given to nobody.
DEPLOY_SECRETS := deploy/secrets
CERTS := test -e $(DEPLOY_SECRETS)/$(1).pem || $(BIN)/sipe certs
secrets: install-runtime ## Make what docker-compose.yml asks for, in deploy/secrets: passwords and certificates
	@$(BIN)/sipe secrets $(DEPLOY_SECRETS)
	@$(call CERTS,ca) init --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-broker) issue sipe-broker --host kafka --host localhost --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-mosquitto) issue sipe-mosquitto --host mosquitto --host localhost --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-admin) issue sipe-admin --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-up) issue sipe-up --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-api) issue sipe-api --host api --host localhost --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-bridge) issue sipe-bridge --dir $(DEPLOY_SECRETS)
	@$(call CERTS,sipe-gateway.simulator) issue sipe-gateway.simulator --dir $(DEPLOY_SECRETS)
	@chmod 444 $(DEPLOY_SECRETS)/ca.pem $(DEPLOY_SECRETS)/sipe-*

pin-images: ## Write compose.images.yaml: the digest of every image, as the registries have it now
	docker compose --profile '*' config --lock-image-digests --output compose.images.yaml

sbom: install-runtime ## Write dist/sbom.json: what the run-time lock holds, in CycloneDX
	@$(BIN)/python requirements/audit.py sbom

audit: install-runtime ## Ask what is known against the packages of every lock (ARGS=--strict: not knowing fails)
	@$(BIN)/python requirements/audit.py audit $(ARGS)

clean: ## Remove .venv and caches; data in .sipe stays
	rm -rf .venv .audit .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install-runtime install-dev: install-%:
	@for python in $(INTERPRETERS); do \
		if "$$python" -c '$(SUITABLE)' 2>/dev/null; then exec "$$python" requirements/install.py $*; fi; \
	done; \
	echo "SIPE needs Python 3.11 or 3.12 with its venv module; tried: $(INTERPRETERS). Name one: make PYTHON=..." >&2; \
	exit 1
