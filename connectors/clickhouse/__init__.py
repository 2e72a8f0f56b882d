"""The store: ClickHouse over its native protocol, by one production client."""
