"""The ledger has to be shown to fail: whatever is falsified, it complains and names the first difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger import DeadLetter, Found, Ledger, LedgerError, Stored, check, compare, digest_of, found_in, gaps

from connectors.clickhouse.client import Warehouse
from connectors.files.plant import read_plant
from models.twin.day import Day, simulate
from models.twin.link import identity
from pipelines.runtime.system import Runtime
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected, Heartbeat, StationEvent
from sipe.contracts.script import Tick
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
STATION = "site.area.line.station"
POISON = b"not json"


def beat(seq: int) -> Heartbeat:
    return Heartbeat(station=STATION, boot=1, seq=seq, ts_ms=1_000 * seq)


def row(event: StationEvent, offset: int, outcome: str = "accepted") -> Stored:
    return Stored(identity(event), digest_of(encode(event)), outcome, (1, 0, offset))


def ledger_of(*seqs: int) -> Ledger:
    ledger = Ledger()
    for seq in seqs:
        ledger.event(beat(seq))
    return ledger


def test_every_place_counts_and_a_storm_without_loss_closes() -> None:
    ledger = ledger_of(1, 2, 2, 3, 4)
    ledger.raw(POISON)
    stored = [row(beat(1), 0), row(beat(2), 1), row(beat(2), 2, "duplicate"), row(beat(1), 5, "duplicate")]
    gap = GapDetected(station=STATION, boot=1, seq=9, ts_ms=1, first_missing=4, last_missing=4)
    found = Found(stored, [DeadLetter(digest_of(POISON), (1, 0, 3))], [digest_of(encode(beat(3)))], gaps([gap]))
    balance = ledger.balance(found).close()
    assert (balance.sent, balance.stored, balance.dead_lettered, balance.spooled, balance.declared) == (6, 4, 1, 1, 1)
    assert ledger.batch(found) == [beat(1), beat(2)]


def close(ledger: Ledger, stored: list[Stored], *dead: DeadLetter) -> None:
    ledger.balance(Found(stored, dead)).close()


DIFFERENCES: dict[str, Callable[[], None]] = {
    r"1 of 2 messages lost, the first: site\.area\.line\.station/device/1/2, sent 1 times, found 0 times": lambda: (
        close(ledger_of(1, 2), [row(beat(1), 0)])
    ),
    r"1 of 2 messages lost, the first: .*/1, sent 2 times, found 1 times": lambda: close(
        ledger_of(1, 1), [row(beat(1), 0)]
    ),
    r"lost, the first: .*/1 is stored as a duplicate of an event that is not there": lambda: close(
        ledger_of(1), [row(beat(1), 0, "duplicate")]
    ),
    r"1 of 1 messages doubled, the first: .*/1 counts 2 times": lambda: close(
        ledger_of(1), [row(beat(1), 0), row(beat(1), 1, "late")]
    ),
    r"doubled, the first: epoch 1 partition 0 offset 0 is stored or dead-lettered 2 times": lambda: close(
        ledger_of(1), [row(beat(1), 0)], DeadLetter(digest_of(encode(beat(1))), (1, 0, 0))
    ),
    r"strange, the first: epoch 1 partition 0 offset 1 holds .*/7 as bytes that were not sent": lambda: close(
        ledger_of(1), [row(beat(1), 0), row(beat(7), 1)]
    ),
    r"strange, the first: .* holds .*/1 as site/x/1/1": lambda: close(
        ledger_of(1), [row(beat(1), 0)._replace(identity=("site", "x", 1, 1)), row(beat(1), 1)]
    ),
    r"strange, the first: .* offset 5 is dead-lettered with bytes that were not sent": lambda: close(
        ledger_of(1), [row(beat(1), 0)], DeadLetter(digest_of(POISON), (1, 0, 5))
    ),
    r"minute_facts: 1 rows too many, 1 too few, .*holds \('a', 1\); the batch gives \('a', 2\)": lambda: compare(
        "minute_facts", [("a", 1), ("b", 1)], [("a", 2), ("b", 1)]
    ),
}


@pytest.mark.parametrize("words", DIFFERENCES)
def test_a_difference_is_named(words: str) -> None:
    with pytest.raises(LedgerError, match=words):
        DIFFERENCES[words]()


def test_a_gap_declares_its_own_source_and_boot_alone() -> None:
    declared = gaps([GapDetected(station=STATION, boot=2, seq=9, ts_ms=1, first_missing=4, last_missing=5)])
    assert [declared((STATION, "device", 2, seq)) for seq in (3, 4, 5, 6)] == [False, True, True, False]
    assert not declared((STATION, "device", 1, 4))
    assert not declared((STATION, "log", 2, 4))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Ledger, Day]]:
    day = simulate(read_plant(PLANT), seed=2, hours=2, scale=0.02)
    ledger = Ledger()
    with Runtime(Settings(data_dir=tmp_path_factory.mktemp("ledger")), serve=True) as runtime:
        with runtime.sender() as sender:
            for item in day.script():
                if isinstance(item, Tick):
                    sender.tick(item.now_ms)
                else:
                    ledger.event(item.event)
                    sender.send(item.event)
            ledger.raw(POISON)
            sender.send_raw(b"somebody", POISON)
            sender.tick(day.now_ms)
            runtime.wait_until_stored(sender.ends())
        yield runtime.store(), ledger, day


@pytest.mark.stack
class TestOverAStore:
    def test_a_true_store_closes(self, played: tuple[Warehouse, Ledger, Day]) -> None:
        store, ledger, day = played
        balance = check(store, ledger, day.now_ms)
        assert balance.sent == balance.stored + balance.dead_lettered == len(day.events) + 1
        assert balance.dead_lettered == 1
        assert day.irregularities["doubled"] == sum(row.outcome == "duplicate" for row in found_in(store).stored) > 0

    @pytest.mark.parametrize(
        ("table", "falsify", "words"),
        [
            ("events", "DELETE WHERE outcome = 'accepted' AND seq = 5 AND source = 'device'", "messages lost"),
            ("events", "UPDATE outcome = 'accepted' WHERE outcome = 'duplicate'", r"doubled, the first: .* counts 2"),
            ("events", "UPDATE raw = concat(raw, ' ') WHERE seq = 3", r"lost, the first: .*/3, sent 1 times, found 0"),
            ("rejects", "DELETE WHERE 1", "1 of [0-9]+ messages lost, the first: the message [0-9a-f]{32}"),
            ("minute_facts", "UPDATE apt_ms = apt_ms + 1 WHERE good > 0", "minute_facts: [0-9]+ rows too many"),
            (
                "minute_facts",
                "DELETE WHERE good > 0",
                "minute_facts: 0 rows too many, [0-9]+ too few, .*the batch gives",
            ),
            ("stops", "UPDATE reason = 'no material' WHERE state = 'down'", "stops: [0-9]+ rows too many"),
        ],
    )
    def test_a_falsified_store_does_not(
        self, played: tuple[Warehouse, Ledger, Day], table: str, falsify: str, words: str
    ) -> None:
        store, ledger, day = played
        store.run(f"CREATE TABLE kept AS {table}")
        store.run(f"INSERT INTO kept SELECT * FROM {table}")  # noqa: S608  a name of the table above
        store.run(f"ALTER TABLE {table} {falsify} SETTINGS mutations_sync = 1")
        try:
            with pytest.raises(LedgerError, match=words):
                check(store, ledger, day.now_ms)
        finally:
            store.run(f"EXCHANGE TABLES {table} AND kept")
            store.run("DROP TABLE kept SYNC")
        check(store, ledger, day.now_ms)
