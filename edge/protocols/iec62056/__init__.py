"""IEC 62056-21 (formerly IEC 61107): direct local data exchange with a meter, modes A to D and programming mode.

    characters   seven bits and a parity bit; the block check character
    data         address(value*unit), and what is said of codes
    messages     every message, to be sent and as it came
    decoder      messages out of bytes
    side         what both sides of the line share
    client       the side that asks
    meter        the side that answers, for simulators and tests

Mode E goes on in another protocol and is not here: the client takes a meter that offers it in mode C.
"""
