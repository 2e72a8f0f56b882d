"""The mixed block of a meter's user output: instantaneous values and pulse counters in 56 octets, at 600 baud.

Known from one source alone, angeloscoma/ST8500C_TC. All numbers are low byte first. That source reads the CRC of this
block as it reads that of the extended one, low byte first, but no capture shows it: hence a class for either order.
It is the one format that tells a serial number, once in six seconds.
"""

from __future__ import annotations

import struct

from edge.protocols.crc import crc16_bytes
from edge.protocols.ssu_blocks import FOURTH, OFF_PEAK, PEAK, RESERVED, Block, code_of, word_of

BLOCK_CODE = 1
CONNECTIONS = (
    "star", "undefined", "delta", "two_phase_120", "single_phase", "series_parallel", "grounded_delta",
)  # fmt: skip
PERIODS = (PEAK, OFF_PEAK, FOURTH, RESERVED)
"""Not the codes of the extended block."""
SERIAL = "serial"
PROPERTIES = (SERIAL, "voltage_ratio", "current_ratio", "energy_per_pulse", "reserved_4", "reserved_5")
"""What the word of a second is, by the second modulo 6. Ratios, and Wh or varh per pulse, are sent times 10,000."""
REGISTERS = (1, 3, 6, 2, 4, 5)
"""In the order of the block: active energy drawn with its two reactive ones, then active energy fed in with its two."""
_LAYOUT = "<BBII3H4H6hHHH6H"
_BODY_BYTES = 54


class MixedBlock(Block):
    """56 octets. Voltages, currents and powers are those at the meter's terminals, by element."""

    KIND = "ssu.mixed"
    FIELDS = (
        "offset", "size_bytes", "connection", "clock_s", "property_name", "property_value", "voltages_v", "currents_a",
        "active_powers_w", "reactive_powers_var", "frequency_hz", "seconds_left", "demand_reset", "reactive_interval",
        "capacitive", "inductive", "period", "reactive_tariff", "pulses",
    )  # fmt: skip
    SIZE_BYTES = 56

    def __init__(
        self,
        *,
        offset: int = 0,
        connection: str = "star",
        clock_s: int = 0,
        property_raw: int = 0,
        voltages_v: tuple[float, ...] = (0.0, 0.0, 0.0),
        currents_a: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
        active_powers_w: tuple[float, ...] = (0.0, 0.0, 0.0),
        reactive_powers_var: tuple[float, ...] = (0.0, 0.0, 0.0),
        frequency_hz: float = 60.0,
        seconds_left: int = 0,
        demand_reset: int = 0,
        reactive_interval: int = 0,
        capacitive: bool = False,
        inductive: bool = False,
        period: str = OFF_PEAK,
        reactive_tariff: bool = False,
        pulses: tuple[int, ...] = (0, 0, 0, 0, 0, 0),
    ) -> None:
        """`clock_s` counts from the beginning of 1980, and `pulses` are those of the registers 1 to 6.

        The last of `currents_a` is the neutral's; `capacitive` and `inductive` tell the reactive period in force.
        """
        super().__init__(offset, seconds_left, demand_reset, reactive_interval)
        self.connection = connection
        self.clock_s = clock_s
        self.property_name = PROPERTIES[clock_s % len(PROPERTIES)]
        self.property_raw = property_raw
        self.voltages_v = voltages_v
        self.currents_a = currents_a
        self.active_powers_w = active_powers_w
        self.reactive_powers_var = reactive_powers_var
        self.frequency_hz = frequency_hz
        self.capacitive = capacitive
        self.inductive = inductive
        self.period = period
        self.reactive_tariff = reactive_tariff
        self.pulses = pulses

    @property
    def property_value(self) -> str | float:
        """The word of this second: a serial number as text, a ratio or an energy as it is, else the bare number."""
        if self.property_name == SERIAL:
            return str(self.property_raw)
        return self.property_raw if self.property_name.startswith("reserved") else self.property_raw / 10_000

    @classmethod
    def read(cls, data: bytes, offset: int) -> MixedBlock | None:
        """The block at the head of the data; None when its code or its CRC is wrong."""
        body = data[:_BODY_BYTES]
        if data[0] != BLOCK_CODE or data[_BODY_BYTES : cls.SIZE_BYTES] != cls.check_of(body):
            return None
        numbers = struct.unpack(_LAYOUT, body)
        bits = numbers[19]
        return cls(
            offset=offset,
            connection=word_of(CONNECTIONS, numbers[1]),
            clock_s=numbers[2],
            property_raw=numbers[3],
            voltages_v=tuple(number / 100 for number in numbers[4:7]),
            currents_a=tuple(number / 1000 for number in numbers[7:11]),
            active_powers_w=tuple(number / 10 for number in numbers[11:14]),
            reactive_powers_var=tuple(number / 10 for number in numbers[14:17]),
            frequency_hz=numbers[17] / 100,
            seconds_left=numbers[18],
            period=word_of(PERIODS, bits & 3),
            demand_reset=bits >> 2 & 1,
            reactive_interval=bits >> 12 & 1,
            capacitive=bool(bits >> 13 & 1),
            inductive=bool(bits >> 14 & 1),
            reactive_tariff=bool(bits >> 15),
            pulses=tuple(numbers[20 + REGISTERS.index(register)] for register in range(1, 7)),
        )

    def encode(self) -> bytes:
        """The block as it goes over the line."""
        flags = self.reactive_interval | self.capacitive << 1 | self.inductive << 2 | self.reactive_tariff << 3
        numbers = [BLOCK_CODE, code_of(CONNECTIONS, self.connection, 256), self.clock_s, self.property_raw]
        numbers += [round(value * 100) for value in self.voltages_v]
        numbers += [round(value * 1000) for value in self.currents_a]
        numbers += [round(value * 10) for value in self.active_powers_w + self.reactive_powers_var]
        numbers += [round(self.frequency_hz * 100), self.seconds_left]
        numbers += [code_of(PERIODS, self.period, 4) | self.demand_reset << 2 | flags << 12]
        numbers += [self.pulses[register - 1] for register in REGISTERS]
        try:
            body = struct.pack(_LAYOUT, *numbers)
        except struct.error as error:
            raise ValueError(f"a value has no room in a mixed block: {error}") from error
        return body + self.check_of(body)

    def counters(self) -> tuple[tuple[int, int], ...]:
        """All six."""
        return tuple((register, self.pulses[register - 1]) for register in range(1, 7))

    @staticmethod
    def check_of(body: bytes) -> bytes:
        """The CRC of the octets before it."""
        return crc16_bytes(body)


class MixedBlockHighFirst(MixedBlock):
    """The same with the high byte of the CRC first."""

    @staticmethod
    def check_of(body: bytes) -> bytes:
        """The CRC of the octets before it."""
        low, high = crc16_bytes(body)
        return bytes((high, low))
