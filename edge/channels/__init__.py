"""The ways in which bytes and messages come into the gateway.

A gateway's file has a table for each channel: docs/edge.md shows one of each kind, and what else there is, with its
defaults, is said in `edge.channels.settings`. What is wrong is told as `channel[2].line.rate_bd (meter-1): ...`.

So it is used; a channel belongs to the event loop it was made in, and has one reader:

    channels = [open_channel(settings) for settings in parse_channels(tomllib.load(file))]

    async with channel:                     # a ByteChannel: serial, tcp, rfc2217
        async for chunk in channel:         # Chunk(at_ms, connection, data)
            ...                             # another connection: end the decoder, for bytes may be missing
        await channel.write(data)           # ChannelDown: no connection, or it broke
        await channel.drain()               # the last character has left the wire
        await channel.set_line(line)        # until the connection ends

    async with channel:                     # a MessageChannel: mqtt, modbus-tcp, modbus-rtu, http
        async for message in channel:       # Message(at_ms, connection, topic, payload)
            ...                             # store it, and only then:
            message.taken()                 # acknowledged to the broker, or answered with 204

`channel.status()` is for a status page: the state and its history (`edge.channels.lifecycle`), and the counters. A
watchdog is fed only while the `beaten_ms` of every channel is fresh, within `BEAT_MS` and a little. A connection that
is lost is made anew for as long as the channel runs; nothing but `stop` ends a channel, and no channel stops another.

pyserial comes with the extra `edge`, the libraries of MQTT and Modbus with `edge-mqtt` and `edge-modbus`; each is
imported when a channel of its kind is opened.
"""
