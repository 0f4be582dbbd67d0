"""Tokens that this program gives out: their form, their digest and what each lets its holder do.

Only digests are kept. A token has 256 random bits, so a plain SHA-256 of it tells nothing, and to look it up
by its digest tells no more than whether it exists.
"""

import re
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from jeeves_runner.errors import InvalidValue

PREFIX: Final = "jr_"
"""What the tokens of people and programs begin with, so that a leaked one is known for what it is."""

RUN_PREFIX: Final = "jrr_"
"""What the tokens of runs begin with; then come the run's number and ``_``."""

RANDOM_BYTES: Final = 32
"""Of each token."""

_RUN_TOKEN: Final = re.compile(rf"{RUN_PREFIX}([1-9][0-9]{{0,18}})_([A-Za-z0-9_-]{{43}})", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


class TokenRole(StrEnum):
    """What a token lets its holder do."""

    READ = "read"
    OPERATE = "operate"


class RunToken(NamedTuple):
    """The parts of a run's token."""

    run_id: int
    """The run's number."""
    secret: str
    """The random part."""


def digest(secret: str) -> str:
    """What is kept of a token: its SHA-256, in hex."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def run_token(run_id: int, secret: str) -> str:
    """The token of a run."""
    return f"{RUN_PREFIX}{run_id}_{secret}"


def parse_run_token(token: str) -> RunToken | None:
    """Its parts; None for a text that no run has."""
    found = _RUN_TOKEN.fullmatch(token)
    return None if found is None else RunToken(int(found[1]), found[2])


def check_token_name(name: str) -> str:
    """A name for a token; InvalidValue for what is none."""
    if _NAME.fullmatch(name) is None:
        raise InvalidValue(
            f"{name!r} cannot be the name of a token",
            hint="letters, digits and . _ @ -, 64 at most; the first is a letter or a digit",
        )
    return name
