"""The ways in which bytes and messages come into the gateway.

A gateway's file has a table for each channel. `name` and `kind` are in every one; what else there is, with its
defaults, is said in `edge.channels.settings`, and what is wrong is told as `channel[2].line.rate_bd (meter-1): ...`.

    [[channel]]
    name = "meter-1"
    kind = "serial"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"
    line = { rate_bd = 300, bits = 7, parity = "even" }
    idle_after_ms = 5_000

    [[channel]]
    name = "scanner"
    kind = "tcp"
    host = "192.168.7.20"
    port = 4001

    [[channel]]
    name = "meter-2"
    kind = "rfc2217"
    host = "192.168.7.20"
    port = 4002
    line = { rate_bd = 2_400 }
    silence_max_ms = 30_000

    [[channel]]
    name = "torque"
    kind = "mqtt"
    host = "192.168.7.2"
    port = 8883
    topics = ["line-1/torque/+"]
    client_id = "gateway-line-1"
    user = "gateway"
    password_file = "/etc/sipe/mqtt-password"
    ca_file = "/etc/sipe/ca.pem"

    [[channel]]
    name = "oven"
    kind = "modbus-tcp"
    host = "192.168.7.30"
    blocks = [{ name = "zones", table = "holding", address = 0, count = 8, every_ms = 1_000 }]

    [[channel]]
    name = "compressor"
    kind = "modbus-rtu"
    port = "/dev/ttyAMA2"
    line = { rate_bd = 19_200, parity = "even" }
    blocks = [{ name = "running", table = "coils", address = 16, unit = 3 }]

    [[channel]]
    name = "aoi"
    kind = "http"
    host = "192.168.7.1"
    port = 8090
    paths = ["/results"]
    peers = ["192.168.7.40"]

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
