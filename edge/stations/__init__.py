"""What a station does, one unit after the other: parameterize, listen to the serial output, test, count, scan."""
