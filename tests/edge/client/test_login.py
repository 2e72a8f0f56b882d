"""People sign in, devices enrol, and both go on when their access token ends, until their session does."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_proxy import FaultProxy
from shop import CALIBRATION
from web import PIN, Web

from api.tokens import LIFETIME_S
from edge.client.calls import Client
from edge.client.login import Refreshed, TokenFile, enrol, resume, sign_in
from edge.client.problems import Unauthenticated
from edge.client.session import Patience, Token
from edge.client.shapes import Enrolling, ForStation, NewSheet, Revoking, SigningIn
from edge.client.transport import NotSent, Transport
from sipe.clock import ManualClock
from sipe.errors import SipeError, UsageError

LATER_MS = (LIFETIME_S + 1) * 1_000
QUICK = Patience(pause_s=0.001, pause_max_s=0.01)


@pytest.fixture
def url(web: Web) -> str:
    return str(web.client.base_url)


@pytest.fixture
def code(web: Web, url: str) -> str:
    """A code for the calibration station."""
    with Client(url, Token(web.token("root"))) as root:
        return root.offer_code(ForStation(station=CALIBRATION)).code


def test_somebody_signs_in_and_goes_on_when_the_access_token_ends(web: Web, url: str, clock: ManualClock) -> None:
    web.token("gil")  # and has a badge and a PIN by it
    with sign_in(url, badge="badge of gil", secret=PIN) as gil:
        assert gil.me().identity == "gil"
        for number in range(3):
            clock.advance(LATER_MS)
            new = NewSheet(number=f"TS-1{number}", template="calibration", product="MTR-100", step="calibration")
            assert gil.begin_sheet(new).author == "gil"


def test_a_wrong_secret_is_no_reason_to_refresh(web: Web, url: str) -> None:
    web.token("gil")
    with pytest.raises(Unauthenticated) as caught:
        sign_in(url, badge="badge of gil", secret=PIN[::-1])
    assert caught.value.reason == "sign_in"


def test_a_device_enrols_once_and_goes_on_after_a_restart(url: str, code: str, tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "token")
    assert resume(url, file) is None
    with enrol(url, code, file) as first:
        assert first.me().station == CALIBRATION
    for _ in range(3):
        again = resume(url, file)
        assert again is not None
        with again:
            assert again.me().station == CALIBRATION
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Unauthenticated, match="have a new one made"):
        enrol(url, code, file)


def test_a_device_that_was_revoked_is_told_so(
    web: Web, url: str, code: str, tmp_path: Path, clock: ManualClock
) -> None:
    with enrol(url, code, TokenFile(tmp_path / "token")) as device, Client(url, Token(web.token("root"))) as root:
        identity = device.me().identity
        root.revoke_device(identity, Revoking(reason="the gateway was replaced"))
        clock.advance(LATER_MS)
        with pytest.raises(Unauthenticated):
            device.me()


def test_a_person_whose_refreshed_token_was_lost_signs_in_again(url: str, web: Web) -> None:
    web.token("gil")
    with Client(url) as stranger, FaultProxy("127.0.0.1", web.client.base_url.port or 0) as proxy:
        granted = stranger.sign_in(SigningIn(badge="badge of gil", secret=PIN))
        login = Refreshed(granted.refresh_token, "an-access-token-that-has-ended")
        with Client(f"http://127.0.0.1:{proxy.port}", login, patience=QUICK) as gil:
            transport = Transport(f"http://127.0.0.1:{proxy.port}")
            proxy.lose_answer()
            with pytest.raises(Unauthenticated, match="sign in again") as caught:
                login.renew(transport)
            assert (caught.value.reason, proxy.answers_lost) == ("refresh_lost", 1)
            with pytest.raises(Unauthenticated):
                gil.me()


def test_a_device_whose_refreshed_tokens_were_lost_goes_on(url: str, web: Web, code: str, tmp_path: Path) -> None:
    with Client(url) as stranger, FaultProxy("127.0.0.1", web.client.base_url.port or 0) as proxy:
        file = TokenFile(tmp_path / "token")
        granted = stranger.enrol_device(Enrolling(code=code))
        login = Refreshed(granted.refresh_token, "an-access-token-that-has-ended", file.keep)
        there = f"http://127.0.0.1:{proxy.port}"
        with Client(there, login, patience=QUICK) as device:
            for lost in range(1, 4):
                proxy.lose_answer()
                with pytest.raises(NotSent):
                    login.renew(Transport(there))
                assert proxy.answers_lost == lost
            assert device.me().station == CALIBRATION
            assert file.read() not in {None, granted.refresh_token}


def test_a_service_that_is_away_is_no_reason_to_enrol_again(
    web: Web, url: str, code: str, tmp_path: Path, clock: ManualClock
) -> None:
    with FaultProxy("127.0.0.1", web.client.base_url.port or 0) as proxy:
        waited: list[float] = []

        def sleep(seconds: float) -> None:
            waited.append(seconds)
            proxy.heal()

        there = f"http://127.0.0.1:{proxy.port}"
        with enrol(there, code, TokenFile(tmp_path / "token"), patience=Patience(sleep=sleep)) as device:
            clock.advance(LATER_MS)
            proxy.refuse()
            assert device.me().station == CALIBRATION
            assert len(waited) == 1


@pytest.mark.parametrize("jump_ms", [3_600_000, -3_600_000, 86_400_000])
def test_a_service_whose_clock_jumps_is_no_reason_to_enrol_again(
    url: str, code: str, tmp_path: Path, clock: ManualClock, jump_ms: int
) -> None:
    with enrol(url, code, TokenFile(tmp_path / "token")) as device:
        for _ in range(2):
            clock.advance(jump_ms)
            assert device.me().station == CALIBRATION


def test_a_token_that_cannot_be_kept_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(SipeError, match="cannot be kept"):
        TokenFile(tmp_path / "nowhere" / "token").keep("x" * 32)
    (tmp_path / "token").write_bytes(b"\x00")
    with pytest.raises(UsageError, match="the token of this device"):
        TokenFile(tmp_path / "token").read()


def test_nothing_shows_a_token_or_a_secret(web: Web, url: str) -> None:
    web.token("gil")
    with sign_in(url, badge="badge of gil", secret=PIN) as gil:
        shown = repr(Refreshed("secret-refresh-token", "secret-access-token")) + repr(gil) + repr(vars(gil))
    assert "secret-" not in shown
    assert PIN not in repr(SigningIn(badge="badge of gil", secret=PIN))
