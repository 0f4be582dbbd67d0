"""The colours that a viewer has chosen. A cookie says so: each page comes in them, held up by no script."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

COOKIE: Final = "jr-colours"
"""Its name: theme.js sets it. It is that of all servers on one host."""


class Theme(StrEnum):
    """Which colours."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"

    @property
    def media(self) -> str:
        """Where the dark ones hold, as CSS has it. On paper they never do."""
        return _MEDIA[self]


_MEDIA: Final[Mapping[Theme, str]] = {
    Theme.SYSTEM: "screen and (prefers-color-scheme: dark)",
    Theme.LIGHT: "not all",
    Theme.DARK: "screen",
}


def theme_of(cookies: Mapping[str, str]) -> Theme:
    """What the cookies of a request say; those of the system where they say nothing that is known."""
    try:
        return Theme(cookies.get(COOKIE, ""))
    except ValueError:
        return Theme.SYSTEM
