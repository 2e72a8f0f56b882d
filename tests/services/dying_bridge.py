"""`sipe bridge` that dies of kill -9 when Kafka has its nth batch, and MQTT does not know: `dying_bridge.py N`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count

from connectors.ingest.inlet import Inlet
from connectors.ingest.intake import Answer
from sipe.cli import main

_batches = count(1)
_take = Inlet.take


def take_and_die(self: Inlet, body: bytes, coding: str, device: str, allowed: Callable[[str], bool]) -> Answer:
    answer = _take(self, body, coding, device, allowed)
    if next(_batches) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


if __name__ == "__main__":
    Inlet.take = take_and_die  # type: ignore[method-assign]  # all else is the bridge as it is
    sys.exit(main(["bridge"]))
