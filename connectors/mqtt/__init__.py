"""The MQTT bridge: batches of events from a broker's topics into Kafka, acknowledged after Kafka has them."""
