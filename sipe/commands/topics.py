"""`sipe topics`: the broker's topics beside those of the contracts; creates what is missing, shows what differs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from connectors.kafka import topics
from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import admin_client
from connectors.kafka.topics import Drift, TopicState
from sipe.commands._output import out, plural, print_json
from sipe.commands._system import add_data_option, settings_of
from sipe.contracts.topics import Topic

EXIT_DRIFT = 1
EXIT_TO_CREATE = 3
"""`plan` found no drift, and something that `apply` would create."""

STYLES = {"missing": "bold yellow", "created": "green", "drift": "bold red", "fixed": "green", "equal": "green"}
EMBEDDED = "the embedded broker makes its own topics whenever it starts; SIPE_KAFKA_URL names a broker to compare"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("action", choices=("plan", "apply"), help="plan changes nothing; apply creates what is missing")
    parser.add_argument("--fix-settings", action="store_true", help="with apply: alter the settings that drifted")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_data_option(parser)
    parser.epilog = (
        "Exit codes: 0 all is as declared, 1 something differs, 3 (plan) something has to be created. "
        "SIPE_KAFKA_REPLICATION says on how many brokers a new topic's partitions are kept."
    )


def run(args: argparse.Namespace) -> int:
    """Plan or apply; raises `SipeError` when the broker does not answer or does not let us."""
    settings = settings_of(args)
    kafka = KafkaAddress.parse(settings) if settings.kafka_url else None
    client = admin_client(kafka) if kafka else None
    if kafka is None or client is None:
        print_json({"embedded": True, "topics": []}) if args.json else out().print(EMBEDDED)
        return 0
    states = topics.plan(client, kafka, settings.kafka_replication)
    missing = [state.topic for state in states if not state.exists]
    created: set[str] = set()
    if args.action == "apply" and missing:
        topics.create(client, kafka, settings.kafka_replication, missing)
        created = {topic.name for topic in missing}
        states = topics.plan(client, kafka, settings.kafka_replication)
    fixed: list[tuple[Topic, Drift]] = []
    if not args.json:
        _show(states, created)
    if args.action == "apply" and args.fix_settings:
        fixed = topics.fix(client, kafka, states)
        states = topics.plan(client, kafka, settings.kafka_replication)
    if args.json:
        print_json(_report(kafka, states, created, fixed))
    else:
        _sum_up(kafka, states, fixed)
    return _exit_code(states)


def _exit_code(states: Sequence[TopicState]) -> int:
    statuses = {state.status for state in states}
    if "drift" in statuses:
        return EXIT_DRIFT
    return EXIT_TO_CREATE if "missing" in statuses else 0


def _show(states: Sequence[TopicState], created: set[str]) -> None:
    """One line per topic, and one per setting that differs."""
    for state in states:
        status = "created" if state.topic.name in created and state.status == "equal" else state.status
        out().print(f"{status:<8}", style=STYLES[status], end="")
        out().print(f"{state.topic.name}, {plural(state.topic.partitions, 'partition')}")
        for drift in state.drifts:
            why = f" ({drift.why_not_fixed})" if drift.why_not_fixed else ""
            out().print(f"        {drift.setting} is {drift.found}, declared {drift.declared}{why}")


def _sum_up(kafka: KafkaAddress, states: Sequence[TopicState], fixed: Sequence[tuple[Topic, Drift]]) -> None:
    for topic, drift in fixed:
        out().print("fixed   ", style=STYLES["fixed"], end="")
        out().print(f"{topic.name}: {drift.setting} is now {drift.declared}")
    if any(not drift.why_not_fixed for state in states for drift in state.drifts):
        out().print("`sipe topics apply --fix-settings` alters the settings that differ to what is declared")
    elif _exit_code(states) == EXIT_TO_CREATE:
        out().print(f"`sipe topics apply` creates what is missing at {kafka}")
    elif _exit_code(states) == 0:
        out().print(f"{kafka} is as declared")


def _report(
    kafka: KafkaAddress, states: Sequence[TopicState], created: set[str], fixed: Sequence[tuple[Topic, Drift]]
) -> dict[str, Any]:
    return {
        "address": str(kafka),
        "embedded": False,
        "topics": [
            {
                "name": state.topic.name,
                "status": state.status,
                "created": state.topic.name in created,
                "drift": [drift._asdict() for drift in state.drifts],
                "fixed": [drift._asdict() for topic, drift in fixed if topic == state.topic],
            }
            for state in states
        ],
    }
