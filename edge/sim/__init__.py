"""Meters that are not there: they speak their protocols, at the pace of a line, over a port that a gateway opens.

    characters   one character after the other on a wire, and what a port at another rate makes of them
    faults       what happens to characters on the way, composed as one likes, by a seed
    bus          the wire: who speaks when and what is heard of it; no I/O, no clock
    emitters     meters that speak unasked: PIMA, user output, pulses
    meters       meters that answer, and some that do not behave
    power        a meter whose supply fails
    kinds        the table of all of them
    ports        a pseudo terminal, a TCP port, and a link within this process
    playing      a wire at a port, in the time of the event loop

All times are milliseconds of one clock that never goes back. In an event loop whose time is virtual all of this is
virtual too. `sipe meter` plays one from the command line.
"""
