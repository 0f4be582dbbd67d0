"""The address of a gateway, as a config gives it: what is wrong with it, in words.

No message repeats an address: it may hold what is secret.
"""

from typing import Final

from jeeves_runner.core import urls

TOKEN_VARIABLE: Final = "OPENCLAW_GATEWAY_TOKEN"
"""The variable of the runner's environment that has the token where no file does."""

_EXAMPLE: Final = "http://127.0.0.1:18789"
_CREDENTIALS: Final = "take it out; the token stands in a file that `gateway.token_path` names"


def url_fault(url: str) -> urls.Fault | None:
    """Why no gateway can be called at such a URL; None: one can."""
    fault = urls.url_fault(url.partition("#")[0], _EXAMPLE, _CREDENTIALS)
    if fault is None and ("?" in url or "#" in url):
        return "has a query or fragment, and calls go to paths below it", "end it before the `?` or `#`"
    return fault
