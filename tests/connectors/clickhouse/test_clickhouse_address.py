from __future__ import annotations

import socket

import pytest

from connectors.clickhouse.client import Address, connect
from sipe.errors import SipeError, UsageError

SECRET = "s3cr3t"  # noqa: S105 - to be looked for where it must not be


def test_every_part_of_the_url() -> None:
    address = Address.parse(f"clickhouse://mes:{SECRET}@store.plant:9001/sipe")
    assert address == Address(host="store.plant", port=9001, database="sipe", user="mes", password=SECRET)


def test_what_a_url_may_leave_out() -> None:
    assert Address.parse("clickhouse://store/sipe") == Address(
        host="store", port=9000, database="sipe", user="default", password=""
    )


def test_tls_has_its_own_scheme_and_port() -> None:
    address = Address.parse("clickhouses://store/sipe")
    assert (address.secure, address.port) == (True, 9440)


def test_a_password_of_any_characters() -> None:
    assert Address.parse("clickhouse://a%40b:p%2Fw%3A%20%25@[::1]/sipe").password.__eq__("p/w: %")


def test_the_password_never_shows() -> None:
    address = Address.parse(f"clickhouse://mes:{SECRET}@store/sipe")
    assert SECRET not in f"{address} {address!r}"
    assert str(address) == "store:9000/sipe"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"http://mes:{SECRET}@store/sipe", "does not start with clickhouse://"),
        ("store:9000", "does not start with clickhouse://"),
        ("", "does not start with clickhouse://"),
        (f"clickhouse://mes:{SECRET}@/sipe", "names no host"),
        (f"clickhouse://mes:{SECRET}@store", "names no database"),
        (f"clickhouse://mes:{SECRET}@store/", "names no database"),
        (f"clickhouse://mes:{SECRET}@store/a`b", "names no database"),
        (f"clickhouse://mes:{SECRET}@store/a;drop", "names no database"),
        (f"clickhouse://mes:{SECRET}@store/sipe?x=1", "nothing may follow"),
        (f"clickhouse://mes:{SECRET}@store:port/sipe", "host or port"),
        (f"clickhouse://mes:{SECRET}@store:99999/sipe", "host or port"),
        (f"clickhouse://mes:{SECRET}/x@store/sipe", "host or port"),
    ],
)
def test_a_bad_url_is_a_usage_error_that_hides_it(url: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        Address.parse(url)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(SipeError, match=rf"127\.0\.0\.1:{port}/sipe does not answer .*`sipe doctor`") as caught:
        connect(f"clickhouse://mes:{SECRET}@127.0.0.1:{port}/sipe")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
