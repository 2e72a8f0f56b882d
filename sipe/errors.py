"""Errors that a person reads: one line that names what and where, and what to do next."""

from __future__ import annotations


class SipeError(Exception):
    """Something went wrong while running; the command exits with 1."""

    exit_code = 1


class UsageError(SipeError):
    """What the command was given is wrong (an option, a file, a mapping, a setting); it exits with 2."""

    exit_code = 2
