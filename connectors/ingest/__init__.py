"""Takes batches of events, whichever way they come: bytes to events, and each to Kafka, or an answer why not."""
