"""`sipe backup`: copy the flow's saved state, while it runs or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipelines.runtime.backup import Manifest, back_up
from pipelines.runtime.system import find
from sipe.commands._output import out, plural, print_json, progress_bar
from sipe.commands._system import add_data_option, settings_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="a directory that is not there yet")
    parser.add_argument("--json", action="store_true", help="print the manifest")
    add_data_option(parser)
    parser.epilog = "The store's tables are backed up with its own means; a state that is lost is rebuilt from them."


def run(args: argparse.Namespace) -> int:
    """Copy; raises `SipeError` when there is nothing to copy, or the directory is there already."""
    settings = settings_of(args)
    system = find(settings)
    with progress_bar("files") as report:
        epoch = system.log_epoch if system else settings.log_epoch
        manifest = back_up(settings.data_dir, epoch, args.directory, report=report)
    if args.json:
        print_json(as_json(manifest))
    else:
        out().print(f"{args.directory}: {summary(manifest)}")
    return 0


def as_json(manifest: Manifest) -> dict[str, object]:
    """The manifest as it is written."""
    return {name: getattr(manifest, name) for name in manifest.__struct_fields__ if name != "files"} | {
        "files": [{name: getattr(file, name) for name in file.__struct_fields__} for file in manifest.files]
    }


def summary(manifest: Manifest) -> str:
    """What a backup holds, in a line."""
    size_kb = sum(file.size_bytes for file in manifest.files) // 1000
    return (
        f"{plural(len(manifest.files), 'file')}, {size_kb:,} kB, state version {manifest.state_version}, log epoch "
        f"{manifest.log_epoch}, made {manifest.created_at} by sipe {manifest.sipe_version}"
    )
