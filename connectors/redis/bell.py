"""A bell between processes, over Redis' publish and subscribe: it says that something was told, and never what.

Redis may go away: then nobody hears the bell, and whoever waits for it looks by themselves now and then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from redis import Redis, RedisError

CHANNEL = "sipe:told"
STEP_S = 0.5
RETRY_S = 2.0
ANSWER_S = 2.0

_log = logging.getLogger(__name__)


def client(url: str) -> Redis:
    """A client that waits for no answer for long."""
    return Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S, client_name="sipe")


def announce(url: str, rung: Event, stop: Event) -> None:
    """Ring in the other processes whenever `rung` is set, until `stop` is."""
    with client(url) as redis:
        while not stop.is_set():
            if rung.wait(STEP_S):
                rung.clear()
                try:
                    redis.publish(CHANNEL, "")
                except RedisError as error:
                    _lost(error)
                    stop.wait(RETRY_S)


def hear(url: str, ring: Callable[[], None], stop: Event) -> None:
    """Call `ring` whenever another process, or this one, has rung, until `stop` is set."""
    with client(url) as redis:
        while not stop.is_set():
            try:
                with redis.pubsub(ignore_subscribe_messages=True) as bell:
                    bell.subscribe(CHANNEL)
                    ring()  # what was rung while nobody heard
                    while not stop.is_set():
                        if bell.get_message(timeout=STEP_S) is not None:
                            ring()
            except RedisError as error:
                _lost(error)
                stop.wait(RETRY_S)


def _lost(error: RedisError) -> None:
    _log.warning("Redis does not answer: streams are slower", extra={"error": str(error), "wait_s": RETRY_S})
