"""What works on a meter at a station: a protocol's session, run over a channel, as the stations' `Meter`.

A station's settings name the driver, and what there is to set is said in the driver's own module:

    [station.meter]
    driver = "iec62056-21"
    password_file = "/etc/sipe/meter-password"
    write_code = "W5"

    meter = meter_of(settings["station"]["meter"], channel)   # a UsageError names what is wrong
    job = Parameterization(meter)
"""
