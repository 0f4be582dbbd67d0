"""A JSON value given as a word of the command line."""

import json
from typing import Any

from jeeves_runner.errors import UsageError


def parse_json(text: str, what: str) -> Any:
    """The value of ``text``; UsageError with the shell's usual trap as the hint."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{what} is not JSON: {error}",
            hint="""a string needs its own quotes inside the shell's: '"text"', '{"key": 1}'""",
        ) from error
