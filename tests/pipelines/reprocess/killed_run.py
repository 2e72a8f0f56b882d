"""A run over what is marked that is killed before its n-th statement of a kind.

python killed_run.py CLICKHOUSE_URL STATEMENT NTH
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from connectors.clickhouse.client import Address, Warehouse
from pipelines.reprocess import pending

_run = Warehouse.run


def main(url: str, statement: str, nth: int) -> None:
    seen = 0

    def run(store: Warehouse, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        nonlocal seen
        seen += text.startswith(statement)
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        _run(store, text, parameters)

    Warehouse.run = run  # type: ignore[method-assign,assignment]  # it dies at one statement
    pending.settle_marks(Address.parse(url), processes=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
