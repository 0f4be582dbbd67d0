"""Where a browser is sent: to pages of this server alone."""

from typing import Final

FIRST: Final = "/"
LOGIN: Final = "/login"
LOGOUT: Final = "/logout"
_LONGEST: Final = 2_000


def own_place(text: str | None) -> str:
    """A path of this server, with its query; the first page for all else.

    Browsers take two slashes, or a slash and a backslash, for the begin of a host, and leave out what steers
    a terminal.
    """
    if text is None or len(text) > _LONGEST or not text.startswith("/") or not text.isascii():
        return FIRST
    is_plain = text.isprintable() and "\\" not in text and " " not in text
    is_path = not text.startswith("//")
    is_elsewhere = text.partition("?")[0] not in (LOGIN, LOGOUT)
    return text if is_plain and is_path and is_elsewhere else FIRST
