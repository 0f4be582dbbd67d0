"""The address of a gateway and the key to it, as a config gives them: what is wrong with them, in words.

No message repeats an address or a key: either may hold what is secret.
"""

from typing import Final

from jeeves_runner.core import urls

TOKEN_VARIABLE: Final = "OPENCLAW_GATEWAY_TOKEN"
"""The variable of the runner's environment that has the token where no file does."""

MAX_TOKEN_BYTES: Final = 4096


def file_hint(what: str) -> str:
    """What to do about a file that has no secret in it that can be used; ``what`` it is, for people."""
    return f"make it a file that the user who runs jeeves-runner can read, with the {what} alone in it"


TOKEN_HINT: Final = file_hint("token")
"""What to do about a file without a token that can be used."""

VARIABLE_FAULT: Final = f"the gateway's token in {TOKEN_VARIABLE} cannot be used"
VARIABLE_HINT: Final = "set it to the token"
"""What to do about that."""

_EXAMPLE: Final = "http://127.0.0.1:18789"
_CREDENTIALS: Final = "take it out; the token stands in a file that `gateway.token_path` names"


def url_fault(url: str) -> urls.Fault | None:
    """Why no gateway can be called at such a URL; None: one can."""
    fault = urls.url_fault(url.partition("#")[0], _EXAMPLE, _CREDENTIALS)
    if fault is None and ("?" in url or "#" in url):
        return "has a query or fragment, and calls go to paths below it", "end it before the `?` or `#`"
    return fault


def token_fault(token: str) -> str | None:
    """Why a text cannot be a token, as the end of a sentence; None: it can."""
    if not token:
        return "it is blank"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "it holds what no token can: blanks, line breaks or characters beyond ASCII"
    return None
