"""The web service as a process beside others: what `sipe up` keeps running."""

from __future__ import annotations

from pathlib import Path

from connectors.embedded.kept import KeptProcess
from sipe.settings import Settings

MODULE = "api.process"
NAME = "web service"


class WebProcess(KeptProcess):
    """Runs `python -m api.process`, whose imports are heavy: whoever keeps it needs none of them."""

    def __init__(self, settings: Settings, log_path: Path) -> None:
        super().__init__(NAME, MODULE, settings=settings, log_path=log_path)

    @property
    def url(self) -> str:
        """Where it is reached, once it is started."""
        return str(self.ready["url"])
