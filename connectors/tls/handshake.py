"""Why a server and we do not agree on TLS: clients of databases and brokers say little more than that they failed."""

from __future__ import annotations

import socket
import ssl

from sipe.errors import UsageError

TIMEOUT_S = 5.0
REFUSAL_WAIT_S = 1.0
"""With TLS 1.3 a server says only after the handshake that it does not like our certificate."""


def client_context(ca_file: str, cert_file: str, key_file: str) -> ssl.SSLContext:
    """What these three PEM files make of us; raises `UsageError` that names the file which is wrong."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{ca_file} holds no certificate of an authority: {_reason(error)}") from error
    try:
        context.load_cert_chain(cert_file, key_file, password="")  # else it would ask on the terminal
    except (OSError, ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"{cert_file} and {key_file} are not a certificate and its key without a password: {_reason(error)}"
        ) from error
    return context


def complaint(context: ssl.SSLContext, host: str, port: int) -> str | None:
    """What is wrong between a server and us, as one line that says what to do; None when TLS is not the trouble."""
    try:
        with (
            socket.create_connection((host, port), timeout=TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.settimeout(REFUSAL_WAIT_S)
            if secure.recv(1):
                return None
            return "it closes the connection after the TLS handshake: does it know the authority of our certificate?"
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not to be trusted: {error.verify_message}; is our CA file its authority's?"
    except TimeoutError:
        return None
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            return f"it refuses our certificate ({_reason(error)}): is it of its authority, and in force?"
        return f"it does not speak TLS there ({_reason(error)}): is it another port?"
    except OSError:
        return None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
