"""The `sipe` command: a table of commands, each in a module that is imported only when its command is named."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from sipe.errors import SipeError

EXIT_INTERRUPTED = 130
"""What a shell reports for a process that Ctrl-C ended: 128 + SIGINT."""
EXIT_BROKEN_PIPE = 141
"""What a shell reports for a process whose reader went away: 128 + SIGPIPE."""


class Command(NamedTuple):
    """A command: the name one types, its line in `sipe --help`, and the module that does the work."""

    name: str
    help: str
    module: str


COMMANDS: tuple[Command, ...] = (
    Command("demo", "play a compressed factory day through the whole stack and print its KPIs", "sipe.commands.demo"),
    Command("up", "run the flow, with embedded servers where no URL is set", "sipe.commands.up"),
    Command("api", "serve orders, sheets, stations and events over HTTP", "sipe.commands.api"),
    Command("bridge", "take events from an MQTT broker, as the web service does", "sipe.commands.bridge"),
    Command("admin", "make the first administrator", "sipe.commands.admin"),
    Command("audit", "export the audit trail, and verify that nothing was done to it", "sipe.commands.audit"),
    Command("keys", "change the keys that access tokens are signed with", "sipe.commands.keys"),
    Command("ticker", "tell the flow the time, where `sipe up` does not", "sipe.commands.ticker"),
    Command("simulate", "send a seeded meter-factory day, and write its ground truth", "sipe.commands.simulate"),
    Command("replay", "read an interval log through a mapping file and print KPIs per station", "sipe.commands.replay"),
    Command("kpi", "print KPIs by station, line, order, shift or hour", "sipe.commands.kpi"),
    Command("spc", "say whether a process is in control, and what it is able to", "sipe.commands.spc"),
    Command("plant", "send calendars and standard times from a plant file", "sipe.commands.plant"),
    Command("reprocess", "fold a span of the past again from the archive", "sipe.commands.reprocess"),
    Command("health", "print what became of each station's messages, and how late they were", "sipe.commands.health"),
    Command("dlq", "list, show and send again what was rejected", "sipe.commands.dlq"),
    Command(
        "gateway", "keep the stations of a line going, and bring what they say to the office", "sipe.commands.gateway"
    ),
    Command("decode", "print what a meter said, from a recording of its line", "sipe.commands.decode"),
    Command("meter", "play a meter at a port, to try a gateway without one", "sipe.commands.meter"),
    Command("doctor", "check servers, schema and settings, one line each", "sipe.commands.doctor"),
    Command("topics", "create the topics on a broker, or show what differs", "sipe.commands.topics"),
    Command("certs", "make certificates for brokers, services and gateways", "sipe.commands.certs"),
    Command("backup", "copy the flow's saved state, while it runs or not", "sipe.commands.backup"),
    Command("restore", "put a backup of the saved state back", "sipe.commands.restore"),
    Command("migrate", "bring the store's schema up to date", "sipe.commands.migrate"),
    Command("secrets", "make the passwords of a deployment, as files", "sipe.commands.secrets"),
)


class CommandModule(Protocol):
    """What a module in `sipe.commands` offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work and return the exit code; a `SipeError` becomes one line on stderr."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()  # here, where a reader that went away can still be handled
    except SipeError as error:
        print(f"sipe: {_one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more (`sipe kpi | head`); the interpreter's own flush at exit must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return code


def _run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="sipe", description="Real-time streaming analytics for factories that make electronic energy meters."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    # No top-level option takes a value, so the first word that is no option is the command.
    named = next((word for word in argv if not word.startswith("-")), None)
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.help, description=command.help)
        if command.name == named:
            module = cast("CommandModule", importlib.import_module(command.module))
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    args = parser.parse_args(argv)
    from sipe import logs, settings

    logs.configure(args.command, settings.log_level())
    code: int = args.run(args)
    return code


class _Version(argparse.Action):
    """Looks the version up when it is asked for: importlib.metadata costs as much as the rest of the start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"sipe {version('sipe')}")
        parser.exit()


def _one_line(text: str) -> str:
    """The text without line breaks and control characters, whatever file or server it quotes."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


if __name__ == "__main__":
    sys.exit(main())
