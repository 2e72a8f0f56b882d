"""Version 1 of the HTTP API: the routes, by what they are about."""
