"""A process that owns servers and waits to be killed.

    python owner_program.py broker LOG_FILE
    python owner_program.py stack DATA_DIR

Prints one JSON line once its servers are ready.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import msgspec

from connectors.embedded.process import ChildServer
from connectors.embedded.stack import EmbeddedStack


def main(what: str, path: Path) -> None:
    if what == "broker":
        server = ChildServer("connectors.embedded.broker", "topic:1", log_path=path)
        server.start()
        ready = {"pid": server.pid}
    else:
        stack = EmbeddedStack(path)
        ready = msgspec.to_builtins(stack.start())
    print(json.dumps(ready), flush=True)  # noqa: T201 - the test reads it
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
