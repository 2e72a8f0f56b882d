"""The web service as a child process of `sipe up`: `python -m api.process`."""

from __future__ import annotations

import sys

from api.child import NAME
from api.serving import Service
from connectors.embedded.process import serve_until_parent_leaves
from sipe import logs
from sipe.errors import SipeError
from sipe.settings import load


def main() -> int:
    """Serve until stdin ends or a loop has failed; the last line on stderr says why it could not go on."""
    try:
        settings = load()
        logs.configure("api", settings.log_level, service=True)
        with Service(settings) as service:
            serve_until_parent_leaves({"url": service.url}, service.check)
    except SipeError as error:
        print(f"sipe {NAME}: {error}", file=sys.stderr)  # noqa: T201  what KeptProcess reads
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
