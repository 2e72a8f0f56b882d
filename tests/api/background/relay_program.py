"""A process that relays until it is killed: `python relay_program.py STORE_URL BOOTSTRAP`."""

from __future__ import annotations

import sys
import threading

from api.background.relay import Relay
from connectors.kafka.address import KafkaAddress
from connectors.sql.work import Store
from sipe.clock import SystemClock

if __name__ == "__main__":
    clock = SystemClock()
    relay = Relay(Store(sys.argv[1], clock), KafkaAddress(sys.argv[2]), clock)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    relay.run(threading.Event())
