"""Exit codes of the command line, each in one place: what errors end with, and what commands answer.

``docs/reference/commands.md`` promises them. The entry of the program reads this module too, before click is
loaded, so it imports the errors alone.
"""

from typing import Final

from jeeves_runner.errors import JeevesError

OK: Final = 0
FAILED: Final = 2
"""An error, of the kinds without a code of their own."""
REFUSED: Final = 4
"""A guard has stopped an apply, or would."""
USAGE: Final = 64
UNEXPECTED: Final = 70
"""A bug."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells write it: 128 and the number of SIGINT."""

INVALID: Final = 1
"""``validate`` has found errors."""
DIFFERENT: Final = 1
"""``diff`` has found differences."""
INCOMPLETE: Final = 3
"""``apply --keep-going`` has applied what is valid, and some manifests are broken."""
UNWELL: Final = 1
"""``status --check`` has found something wrong."""
STALE: Final = 1
"""``graph stale`` has found something."""
EMPTY: Final = 3
"""``queue claim`` has found nothing ready."""
SOME_FAILED: Final = 1
"""``queue work``: the command has failed for some items."""
ENDED_BADLY: Final = 1
"""``trigger --wait``: the last attempt ended error, timeout or interrupted."""
NOT_TAKEN: Final = 1
"""``alerts test``: the channel does not take the message."""
STILL_WAITS: Final = 3
"""``alerts test``: the message is not sent yet."""
NOT_RUN: Final = 3
"""``trigger --wait``: it was skipped or cancelled."""

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
