"""Certificates: a small authority for brokers, services and gateways, and why a TLS handshake failed."""
