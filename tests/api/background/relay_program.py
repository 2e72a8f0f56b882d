"""A process that relays until it is killed: `python relay_program.py STORE_URL BOOTSTRAP`."""

from __future__ import annotations

import sys
import threading

from api.background.duty import Duty
from api.background.relay import Relay
from connectors.kafka.address import KafkaAddress
from connectors.sql.work import Store
from sipe.clock import SystemClock

TERM_MS = 600_000
"""Of its duty: so it is not renewed, which would wait for the store, before the batch is told."""

if __name__ == "__main__":
    clock = SystemClock()
    store = Store(sys.argv[1], clock)
    relay = Relay(store, KafkaAddress(sys.argv[2]), clock)
    relay._duty = Duty(store, "relay", term_ms=TERM_MS)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    relay.run(threading.Event())
