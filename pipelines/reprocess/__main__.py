"""One run over what is marked, for the watcher: `python -m pipelines.reprocess PROCESSES`."""

from __future__ import annotations

import os
import sys
import threading

from connectors.clickhouse.client import Address
from pipelines.reprocess.job import one_at_a_time
from pipelines.reprocess.pending import settle_marks
from sipe.errors import SipeError, UsageError
from sipe.settings import load


def main(processes: int) -> int:
    """Settle every mark; what was done or went wrong goes to stderr."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        settings = load()
        if settings.clickhouse_url is None:
            raise UsageError("SIPE_CLICKHOUSE_URL is not set")
        with one_at_a_time(settings.data_dir):
            result = settle_marks(Address.parse(settings.clickhouse_url), processes=processes)
    except SipeError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return error.exit_code
    if result.done:
        sys.stderr.write(
            f"folded again: {len(result.done)} stations, {result.total('changed')} cells and "
            f"{result.total('stops_changed')} stops changed in {result.seconds:.1f} s\n"
        )
    return 0


def _leave_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
