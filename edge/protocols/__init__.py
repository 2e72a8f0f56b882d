"""The protocols of meters and stations, as bytes in and records out: no I/O, no clock, no dependency.

They keep to what MicroPython has, too, for the ESP32 runs the same source: no dataclasses, no NamedTuple, no regular
expressions, and of the standard library `struct` and `binascii` alone.

Where a method raises `NotImplementedError`, subclasses say it: MicroPython has no `abc`.
"""
