"""Takes batches of events that gateways send: bytes to events, and each of them to Kafka, or an answer why not."""
