"""The typed client against the real service: typed answers, typed errors, and calls that are done once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest
from fault_proxy import FaultProxy
from server_process import free_port
from shop import CALIBRATION, LINE
from web import PIN, Web

from edge.client.calls import Client
from edge.client.problems import Conflict, Forbidden, Invalid, NotFound, Stale, Unauthenticated, Unreached
from edge.client.session import Patience, Token
from edge.client.shapes import Count, Entering, ForOrder, NewOrder, NewRange, NewSheet, OrderAction, Values
from edge.client.transport import Lost, Transport
from sipe.errors import UsageError

SignIn = Callable[..., Client]


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """A port where something before the service, such as a proxy, gives these answers, one for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)
        assert not thread.is_alive(), "not every answer was asked for"


@contextmanager
def dripping(answer: bytes, all_at_once: int) -> Iterator[int]:
    """A port where an answer comes a byte at a time, but for its beginning, for as long as anybody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(answer[:all_at_once])
                for byte in answer[all_at_once:]:
                    time.sleep(0.02)  # it drips
                    connection.sendall(bytes([byte]))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)
        assert not thread.is_alive(), "it was listened to to the end"


def answer(status: str, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class TestCalls:
    def test_an_order_is_made_read_and_changed(self, sign_in: SignIn) -> None:
        pia = sign_in("pia")
        new = NewOrder(
            number="OP-2", product="MTR-100", routing_revision=1, planned_qty=3, line=LINE, serial_range="wa"
        )
        order = pia.add_order(new)
        assert (order.status, order.planned_qty, order.customer) == ("draft", 3, "")
        released = pia.act_on_order("OP-2", OrderAction(action="release"), version=order.version)
        assert (released.status, released.version) == ("released", order.version + 1)
        assert pia.order("OP-2") == released
        assert [one.number for one in pia.order_list(status="released", line=LINE).items] == ["OP-1", "OP-2"]
        assert pia.order_list(limit=1).next is not None

    def test_templates_with_fields_of_every_kind_are_read(self, sign_in: SignIn) -> None:
        gil = sign_in("gil")
        library = gil.template_library().items
        assert len(library) >= 20
        kinds = {
            type(field).__name__
            for one in library
            for section in gil.library_template(one.name).sections
            for field in section.fields
        }
        assert kinds == {"Text", "Number", "Choice", "File", "Reference", "Table"}

    def test_a_station_reads_its_contract_and_moves_units(self, sign_in: SignIn) -> None:
        cal, asm = sign_in("cal"), sign_in("asm")
        told = cal.station_contract(CALIBRATION, order="OP-1")
        assert told.contract.sheet is not None
        assert {one.id: one.unit for one in told.contract.parameters}["nominal_voltage_v"] == "V"
        unit = asm.begin_unit(f"{LINE}.assembly", ForOrder(order="OP-1"))
        assert asm.pass_unit(f"{LINE}.assembly", unit.serial).status == "waiting"
        assert cal.enter_unit(CALIBRATION, unit.serial, Entering(setup_digest=told.contract.setup_digest)).version

    def test_a_serial_with_a_slash_has_an_address(self, sign_in: SignIn) -> None:
        gil, pia, asm = sign_in("gil"), sign_in("pia"), sign_in("asm")
        gil.add_serial_range(NewRange(id="slash", prefix="A/B-", digits=4, first=1, last=9))
        new = NewOrder(
            number="OP-3", product="MTR-100", routing_revision=1, planned_qty=1, line=LINE, serial_range="slash"
        )
        pia.act_on_order("OP-3", OrderAction(action="release"), version=pia.add_order(new).version)
        serial = asm.begin_unit(f"{LINE}.assembly", ForOrder(order="OP-3")).serial
        assert serial == "A/B-0001"
        assert asm.pass_unit(f"{LINE}.assembly", serial).serial == serial
        assert gil.unit_passport(serial).steps[0].result == "passed"


class TestErrors:
    def test_each_problem_is_an_error_of_its_kind(self, sign_in: SignIn, web: Web) -> None:
        pia, gil, cal = sign_in("pia"), sign_in("gil"), sign_in("cal")
        with pytest.raises(NotFound, match="there is no order OP-9") as not_found:
            pia.order("OP-9")
        assert (not_found.value.status, not_found.value.reason) == (404, "not_found")
        with pytest.raises(Stale, match="is at version"):
            pia.act_on_order("OP-1", OrderAction(action="hold", reason="x"), version=99)
        with pytest.raises(Conflict, match="no order knows a unit WA000001") as refused:
            cal.enter_unit(CALIBRATION, "WA000001", Entering())
        assert refused.value.reason == "foreign_serial"
        with pytest.raises(Invalid, match="count: Expected `int` >= 1"):
            pia.begin_units("OP-1", Count(count=0))
        with pytest.raises(Forbidden):
            cal.add_serial_range(NewRange(id="x", prefix="X", digits=3, first=1, last=2))
        with Client(str(web.client.base_url), Token("nonsense")) as nobody, pytest.raises(Unauthenticated):
            nobody.inbox()
        sheet = gil.begin_sheet(NewSheet(number="TS-2", template="calibration", product="MTR-100", step="calibration"))
        gil.save_sheet("TS-2", 1, Values(values={"warm_up_min": -1}), version=sheet.version)
        with pytest.raises(Invalid) as invalid:
            gil.submit_sheet("TS-2", 1, version=sheet.version + 1)
        assert {one.path: one.code for one in invalid.value.problems}["warm_up_min"] == "too_low"

    def test_what_is_no_problem_document_is_quoted(self) -> None:
        page = answer("404 Not Found", b"<html>no\nsuch host</html>")
        with (
            answering(page) as port,
            Client(f"http://127.0.0.1:{port}") as client,
            pytest.raises(NotFound, match="<html>no such host"),
        ):
            client.inbox()

    def test_tokens_are_sent_over_tls_or_to_this_machine(self) -> None:
        for url in ("http://sipe.plant:8080", "ftp://127.0.0.1", "127.0.0.1:80", "https://sipe.plant/elsewhere"):
            with pytest.raises(UsageError):
                Client(url)
        Client("https://sipe.plant:8443").close()


class TestAgain:
    def test_a_call_whose_answer_was_lost_is_sent_again_and_done_once(self, sign_in: SignIn, web: Web) -> None:
        with FaultProxy("127.0.0.1", web.client.base_url.port or 0) as proxy:
            pia = sign_in("pia", proxy.port)
            proxy.lose_answer(count=3)
            assert pia.begin_units("OP-1", Count(count=2)).serials == ("WA000001", "WA000002")
            assert proxy.answers_lost == 3
            assert pia.begin_units("OP-1", Count(count=1)).serials == ("WA000003",)

    def test_a_connection_that_the_service_has_closed_meanwhile_is_not_used_again(self) -> None:
        closes = answer("200 OK", b'{"items": []}').replace(b"connection: close", b"connection: keep-alive")
        once = Patience(attempts_max=1)
        with answering(closes, closes) as port, Client(f"http://127.0.0.1:{port}", patience=once) as client:
            client.inbox()
            time.sleep(0.05)  # until its end has come
            client.inbox()

    def test_an_answer_that_is_cut_off_is_lost(self) -> None:
        whole = answer("200 OK", b'{"items":[]}')
        with (
            answering(whole[:-3]) as port,
            closing(Transport(f"http://127.0.0.1:{port}")) as transport,
            pytest.raises(Lost, match="3 more expected"),
        ):
            transport.send("GET", "/", {}, None)

    @pytest.mark.parametrize("all_at_once", [len(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n"), 3])
    def test_an_answer_that_drips_is_not_waited_for_for_ever(self, all_at_once: int) -> None:
        slow = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n" + b" " * 999
        with dripping(slow, all_at_once) as port, closing(Transport(f"http://127.0.0.1:{port}", 0.1)) as transport:
            began_s = time.monotonic()
            with pytest.raises(Lost):
                transport.send("GET", "/", {}, None)
            assert 0.5 < time.monotonic() - began_s < 5.0

    def test_a_key_of_the_caller_gives_the_same_answer_after_a_restart(self, sign_in: SignIn) -> None:
        first = sign_in("pia").begin_units("OP-1", Count(count=1), key="kept-by-the-caller")
        assert sign_in("pia").begin_units("OP-1", Count(count=1), key="kept-by-the-caller") == first

    def test_a_service_that_is_away_is_waited_for(self, sign_in: SignIn, web: Web) -> None:
        with FaultProxy("127.0.0.1", web.client.base_url.port or 0) as proxy:
            pauses: list[float] = []

            def sleep(seconds: float) -> None:
                pauses.append(seconds)
                if len(pauses) == 3:
                    proxy.heal()

            pia = sign_in("pia", proxy.port, Patience(sleep=sleep))
            pia.order("OP-1")
            proxy.refuse()
            assert pia.order("OP-1").number == "OP-1"
            assert len(pauses) == 3
            assert [pause <= 0.1 * 2**at for at, pause in enumerate(pauses)] == [True] * 3

    def test_it_gives_up_and_says_so(self) -> None:
        patience = Patience(attempts_max=3, pause_s=0.001)
        gives_up = pytest.raises(Unreached, match=r"127\.0\.0\.1 does not answer: .*; asked 3 times")
        with Client(f"http://127.0.0.1:{free_port()}", patience=patience) as client, gives_up:
            client.inbox()

    def test_it_leaves_the_service_alone_for_as_long_as_it_asks(self) -> None:
        busy = answer("503 Service Unavailable", b"{}", "retry-after: 7")
        limited = answer("429 Too Many Requests", b"{}", "retry-after: 900")
        pauses: list[float] = []
        patience = Patience(sleep=pauses.append, jitter=lambda low, high: high)
        answers = busy, limited, answer("200 OK", b'{"items":[]}')
        with answering(*answers) as port, Client(f"http://127.0.0.1:{port}", patience=patience) as client:
            assert client.inbox().items == ()
        assert pauses == [7.1, 60.2]

    def test_what_the_service_refuses_is_sent_once(self, sign_in: SignIn) -> None:
        cal = sign_in("cal", patience=Patience(sleep=lambda _: pytest.fail("it waits to be refused again")))
        with pytest.raises(Conflict):
            cal.enter_unit(CALIBRATION, "WA000001", Entering())

    def test_no_secret_and_no_token_is_in_an_error(self, sign_in: SignIn, web: Web) -> None:
        with pytest.raises(NotFound) as caught:
            sign_in("caio").order(f"{PIN}x")
        assert web.token("caio") not in repr(caught.value)
