"""`sipe topics`: a broker's topics and access beside the contracts; creates what is missing, shows what differs."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import AdminClient

from connectors.kafka import access, topics
from connectors.kafka.access import AccessState
from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import admin_client
from connectors.kafka.topics import Drift, TopicState
from sipe.commands._output import out, plural, print_json
from sipe.commands._system import add_data_option, settings_of
from sipe.contracts.access import Access
from sipe.contracts.topics import Topic

EXIT_DRIFT = 1
EXIT_TO_CREATE = 3
"""`plan` found no drift, and something that `apply` would create."""

STYLES = {"missing": "bold yellow", "drift": "bold red", "created": "green", "fixed": "green", "equal": "green"}
EMBEDDED = "the embedded broker makes its own topics whenever it starts; SIPE_KAFKA_URL names a broker to compare"


@dataclass(frozen=True)
class Found:
    """A broker beside the contracts."""

    topics: list[TopicState]
    access: AccessState

    @property
    def exit_code(self) -> int:
        """Drift counts more than what is missing: it needs a person."""
        if self.access.surplus or any(state.status == "drift" for state in self.topics):
            return EXIT_DRIFT
        return EXIT_TO_CREATE if self.missing or self.access.missing else 0

    @property
    def missing(self) -> list[Topic]:
        """The topics that are not there."""
        return [state.topic for state in self.topics if not state.exists]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("action", choices=("plan", "apply"), help="plan changes nothing; apply creates what is missing")
    parser.add_argument("--fix-settings", action="store_true", help="with apply: alter the settings that differ")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_data_option(parser)
    parser.epilog = (
        "Exit codes: 0 all is as declared, 1 something differs, 3 (plan) something has to be created. "
        "SIPE_KAFKA_REPLICATION says on how many brokers the partitions of a new topic are kept."
    )


def run(args: argparse.Namespace) -> int:
    """Plan or apply; raises `SipeError` when the broker does not answer or does not let us."""
    settings = settings_of(args)
    kafka = KafkaAddress.parse(settings) if settings.kafka_url else None
    client = admin_client(kafka) if kafka else None
    if kafka is None or client is None:
        print_json({"embedded": True, "topics": []}) if args.json else out().print(EMBEDDED)
        return 0
    replication = settings.kafka_replication
    before = now = _look(client, kafka, replication)
    if args.action == "apply":
        topics.create(client, kafka, replication, before.missing)
        access.create(client, kafka, before.access.missing)
        now = _look(client, kafka, replication)
    if not args.json:
        _show(before, now)
    fixed: list[tuple[Topic, Drift]] = []
    if args.action == "apply" and args.fix_settings:  # what is altered was shown just before
        fixed = topics.fix(client, kafka, now.topics)
        now = _look(client, kafka, replication)
    if args.json:
        print_json(_report(kafka, before, now, fixed))
    else:
        _sum_up(kafka, now, fixed)
    return now.exit_code


def _look(client: AdminClient, kafka: KafkaAddress, replication: int) -> Found:
    return Found(topics.plan(client, kafka, replication), access.plan(client, kafka))


def _show(before: Found, now: Found) -> None:
    """One line per topic, per setting that differs, and per access entry that was missing or is not ours."""
    for state in now.topics:
        created = state.topic in before.missing and state.status == "equal"
        _line(
            "created" if created else state.status, f"{state.topic.name}, {plural(state.topic.partitions, 'partition')}"
        )
        for drift in state.drifts:
            why = f" ({drift.why_not_fixed})" if drift.why_not_fixed else ""
            out().print(f"        {drift.setting} is {drift.found}, declared {drift.declared}{why}")
    for entry in before.access.missing:
        _line("missing" if entry in now.access.missing else "created", _allowed(entry))
    for words in now.access.surplus:
        _line("drift", f"not declared: {words} (kafka-acls --remove takes it away, when nobody needs it)")
    if not now.access.enforced:
        out().print("        the broker has no authorizer: whoever reaches it may do everything")


def _line(status: str, text: str) -> None:
    out().print(f"{status:<8}", style=STYLES[status], end="")
    out().print(text)


def _allowed(entry: Access) -> str:
    return f"{entry.principal} may {entry.operation} {entry.kind} {entry.resource}"


def _sum_up(kafka: KafkaAddress, now: Found, fixed: list[tuple[Topic, Drift]]) -> None:
    for topic, drift in fixed:
        _line("fixed", f"{topic.name}: {drift.setting} is now {drift.declared}")
    if any(not drift.why_not_fixed for state in now.topics for drift in state.drifts):
        out().print("`sipe topics apply --fix-settings` alters the settings that differ to what is declared")
    elif now.exit_code == EXIT_TO_CREATE:
        out().print(f"`sipe topics apply` creates what is missing at {kafka}")
    elif now.exit_code == 0:
        out().print(f"{kafka} is as declared")


def _report(kafka: KafkaAddress, before: Found, now: Found, fixed: list[tuple[Topic, Drift]]) -> dict[str, Any]:
    return {
        "address": str(kafka),
        "embedded": False,
        "topics": [
            {
                "name": state.topic.name,
                "status": state.status,
                "created": state.exists and state.topic in before.missing,
                "drift": [drift._asdict() for drift in state.drifts],
                "fixed": [drift._asdict() for topic, drift in fixed if topic == state.topic],
            }
            for state in now.topics
        ],
        "access": {
            "enforced": now.access.enforced,
            "missing": [entry._asdict() for entry in now.access.missing],
            "created": [entry._asdict() for entry in before.access.missing if entry not in now.access.missing],
            "surplus": list(now.access.surplus),
        },
    }
