"""Why a service cannot be reached over HTTP, in words that hold no address: it may be a secret."""

import os

import aiohttp


def why_unreached(error: Exception) -> str | None:
    """The end of a sentence; None where there was a connection, and what was sent may have arrived."""
    # The numbers of the first three are none of the system's.
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "no TLS connection can be made"
    if isinstance(error, aiohttp.ClientConnectorDNSError | aiohttp.InvalidURL):
        return "its host is not known"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "it takes too long to connect"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return "there is no connection" if number is None else os.strerror(number)
    return None
