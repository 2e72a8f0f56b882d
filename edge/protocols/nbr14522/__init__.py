"""The reader protocol of NBR 14522, "conventional communication": 9600 Bd, 8N1, blocks of one size.

    frames     commands, responses and signals
    contents   what is known of what responses hold
    decoder    frames out of bytes
    exchange   what both ends of the line share
    reader     the end that asks
    meter      the end that answers, for simulators and tests

It reads. How such meters are written is in no public source, and is refused. The sources of what is known: lib-NBR14522
(RGNagel, public domain), where another program confirms or adds something it is named.
"""
