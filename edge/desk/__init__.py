"""What a station does with the office: contracts, and units that begin and end, also without a connection."""
