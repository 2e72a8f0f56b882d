"""The transactional store: what must be agreed, on SQLite or MariaDB, in one transaction with its audit and outbox."""
