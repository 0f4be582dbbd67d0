"""URLs that people give in a manifest or the config: what is wrong with them, and what may be shown of them.

No message repeats a URL: it may hold what is secret.
"""

from typing import Final
from urllib.parse import SplitResult, urlsplit

PING_EXAMPLE: Final = "https://hc-ping.com/UUID"
"""What the URL of a heartbeat looks like."""

OPEN: Final = ("http", "https")
"""The schemes of what is called over HTTP."""

Fault = tuple[str, str]
"""Why a URL cannot be used, as the end of a sentence that begins with its key; and what to do."""


def url_fault(url: str, example: str, credentials: str) -> Fault | None:
    """Why nothing can be called at such a URL; None: it can.

    ``example`` is a URL as it should be; ``credentials`` says what to do about a user name or a password.
    """
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        return "has a character that no URL holds", "take it out, or write it as %XX"
    form = f'write it like "{example}"'
    parts = _parts(url)
    if parts is None:
        return "is no URL", form
    if "@" in parts.netloc:
        who = "everyone would see who may see the config"
        return f"has a user name or password in it, which {who}", credentials
    if parts.scheme not in OPEN:
        return "does not begin with http:// or https://", form
    if not parts.hostname:
        return "names no host", form
    if not can_be_host(parts.hostname):
        return "names no host: a part of its name is empty or has more than 63 characters", form
    if "#" in url:
        return "has a fragment, which no server is sent", "end it before the `#`"
    return None


def is_open_to_read(url: str) -> bool:
    """Whether what is sent there goes over a network as plain text."""
    parts = _parts(url)
    return parts is not None and parts.scheme == "http" and not is_loopback(parts.hostname or "")


def shown_url(url: str) -> str:
    """A URL without what may be secret in it: where it leads, and ``…`` for the rest."""
    parts = _parts(url)
    if parts is None or not parts.scheme or not parts.hostname:
        return "…"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port is None else f":{parts.port}"
    rest = "/…" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{port}{rest}"


def can_be_host(host: str) -> bool:
    """Whether an address or a name could be looked up: see RFC 1035, 2.3.4."""
    return ":" in host or all(0 < len(part) < 64 for part in host.removesuffix(".").split("."))


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    # Few commands ask, and every one reads the config.
    from ipaddress import ip_address

    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        # Python 3.11 does not know an IPv4 address that is written as one of IPv6.
        return ip_address(host.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a number out of range is found here
    except ValueError:
        return None
    return parts
