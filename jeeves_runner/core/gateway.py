"""The address of a gateway and the key to it, as a config gives them: what is wrong with them, in words.

No message repeats an address or a key: either may hold what is secret.
"""

from typing import Final
from urllib.parse import SplitResult, urlsplit

TOKEN_VARIABLE: Final = "OPENCLAW_GATEWAY_TOKEN"
"""The variable of the runner's environment that has the token where no file does."""

MAX_TOKEN_BYTES: Final = 4096

TOKEN_HINT: Final = "make it a file that the user who runs jeeves-runner can read, with the token alone in it"
"""What to do about a file without a token that can be used."""

VARIABLE_FAULT: Final = f"the gateway's token in {TOKEN_VARIABLE} cannot be used"
VARIABLE_HINT: Final = "set it to the token"
"""What to do about that."""

_FORM: Final = 'write it like "http://127.0.0.1:18789"'


def url_fault(url: str) -> tuple[str, str] | None:
    """Why no gateway can be called at such a URL, as the end of a sentence, and what to do; None: one can."""
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        return "has a character that no URL holds", "take it out, or write it as %XX"
    parts = _parts(url)
    if parts is None:
        return "is no URL", _FORM
    if "@" in parts.netloc:
        hint = "take it out; the token stands in a file that `gateway.token_path` names"
        return "has a user name or password in it, which everyone would see who may see the config", hint
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://", _FORM
    if not parts.hostname:
        return "names no host", _FORM
    if not _can_be_host(parts.hostname):
        return "names no host: a part of its name is empty or has more than 63 characters", _FORM
    if "?" in url or "#" in url:
        return "has a query or fragment, and calls go to paths below it", "end it before the `?` or `#`"
    return None


def is_open_to_read(url: str) -> bool:
    """Whether the token and what agents are told goes over a network as plain text."""
    parts = _parts(url)
    return parts is not None and parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def token_fault(token: str) -> str | None:
    """Why a text cannot be a token, as the end of a sentence; None: it can."""
    if not token:
        return "it is blank"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "it holds what no token can: blanks, line breaks or characters beyond ASCII"
    return None


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a number out of range is found here
    except ValueError:
        return None
    return parts


def _can_be_host(host: str) -> bool:
    """Whether an address or a name could be looked up: see RFC 1035, 2.3.4."""
    return ":" in host or all(0 < len(part) < 64 for part in host.removesuffix(".").split("."))


def _is_loopback(host: str) -> bool:
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
