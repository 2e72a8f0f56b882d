"""Apache Kafka through confluent-kafka: the sender of station events, and the source that reads them back."""
