"""Tokens, passwords and keys as texts: what is wrong with one, and what to do about it, in words.

No message repeats any part of one.
"""

from typing import Final

MAX_BYTES: Final = 4096
"""Of the file of one. A token has some hundred."""

VARIABLE_HINT: Final = "set it to the token"
"""What to do about a variable without a token that can be used."""


def file_hint(what: str) -> str:
    """What to do about a file that has no secret in it that can be used; ``what`` it is, for people."""
    return f"make it a file that the user who runs jeeves-runner can read, with the {what} alone in it"


def missing_hint(setting: str, variable: str) -> str:
    """What to do where there is no token: ``setting`` names its file, and else it is in the ``variable``."""
    return f"name its file by `{setting}` in the config, or set {variable} for the runner"


def token_fault(token: str) -> str | None:
    """Why a text cannot be sent in a header, as the end of a sentence; None: it can."""
    if not token:
        return "it is blank"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "it holds what no token can: blanks, line breaks or characters beyond ASCII"
    return None


def password_fault(secret: str) -> str | None:
    """Why a text cannot be a password or a key, which may hold blanks and all letters; None: it can."""
    if not secret:
        return "it is blank"
    if "\n" in secret:
        return "it has more than one line"
    return None if secret.isprintable() else "it holds characters that cannot be printed"
