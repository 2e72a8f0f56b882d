"""`sipe restore`: put a backup of the flow's saved state back."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.runtime.backup import put_back
from sipe.commands._output import out, print_json, progress_bar
from sipe.commands._system import add_data_option, settings_of
from sipe.commands.backup import as_json, summary


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="what `sipe backup` made")
    parser.add_argument("--force", action="store_true", help="set a state that is there aside instead of refusing")
    parser.add_argument("--json", action="store_true", help="print the manifest")
    add_data_option(parser)
    parser.epilog = "Stop the flow first. It goes on from the restored state and writes what came since again."


def run(args: argparse.Namespace) -> int:
    """Put back; raises `SipeError` when a file is not what was backed up, and rather than overwrite a state."""
    settings = settings_of(args)
    with progress_bar("files") as report:
        manifest = put_back(args.directory, settings.data_dir, force=args.force, report=report)
    if args.json:
        print_json(as_json(manifest))
    else:
        out().print(f"restored {args.directory}: {summary(manifest)}")
    return 0
