"""Exit codes of the command line: one table from error codes to what the shell sees."""

from typing import Final

from jeeves_runner.errors import JeevesError

OK: Final = 0
FAILED: Final = 2
REFUSED: Final = 4
USAGE: Final = 64
UNEXPECTED: Final = 70
INTERRUPTED: Final = 130

#: Error codes (``JeevesError.code``) that end otherwise than with ``FAILED``.
EXIT_CODES: Final[dict[str, int]] = {
    "refused": REFUSED,
    "source_mismatch": REFUSED,
    "usage": USAGE,
    "invalid_value": USAGE,  # here all values are words of the command line, or come with them
}


def exit_code(error: JeevesError) -> int:
    """What the process answers to the shell when ``error`` ends a command."""
    return EXIT_CODES.get(error.code, FAILED)
