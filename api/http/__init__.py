"""How the web service speaks: declared routes, problem documents, ETags, idempotency keys and cursors."""
