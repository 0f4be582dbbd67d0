"""Words that the tools share."""

from collections.abc import Mapping
from typing import Any

Args = Mapping[str, Any]
"""What a tool is given."""
Details = dict[str, Any]
"""What a tool answers, in ``result.details``."""

MAIN = "agent:main:main"
"""The parent of what is spawned without a ``sessionKey``."""


class BadArgument(Exception):
    """The answer is 400 with this text."""
