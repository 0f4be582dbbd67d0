"""Why there is no connection to another machine, in words that hold no address: it is often a secret."""

import os

import aiohttp


def reason_of(error: aiohttp.ClientConnectorError | aiohttp.InvalidURL) -> str:
    """The end of a sentence about the far side."""
    # The numbers of the first three are none of the system's.
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "no TLS connection can be made"
    if isinstance(error, aiohttp.ClientConnectorDNSError | aiohttp.InvalidURL):
        return "its host is not known"
    number = error.os_error.errno
    return os.strerror(number) if number is not None and number > 0 else "there is no connection"
