"""Tokens and who is let in with them. No document has a token, but for the one that is made."""

from datetime import datetime
from typing import Annotated, TypedDict

import apsw

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.db import tokens


class SessionDocument(TypedDict):
    """A browser that was let in."""

    name: str
    """The name of the token that was shown."""
    role: Annotated[str, TokenRole]
    """What it allows."""
    expires_at: str
    """When the browser is let in no more: in 12 hours, or with the end of its token if that comes first."""


class TokenDocument(TypedDict):
    """A token."""

    name: str
    """Its name."""
    role: Annotated[str, TokenRole]
    """What it allows."""
    created_by: str
    """Who made it."""
    created_at: str
    """When it was made."""
    expires_at: str | None
    """When it ceases to count; null: never."""
    last_used_at: str | None
    """When it was last used, to the minute; null: never."""
    expired: bool
    """Whether it has ceased to count. It exists all the same, until it is revoked."""


class TokensDocument(TypedDict):
    """The tokens that were not revoked, by name."""

    tokens: list[TokenDocument]
    """They."""


class NewTokenDocument(TypedDict):
    """A token that was just made. It is shown this once."""

    token: str
    """What is to be sent."""
    name: str
    """Its name."""
    role: Annotated[str, TokenRole]
    """What it allows."""
    expires_at: str | None
    """When it ceases to count; null: never."""


def tokens_view(conn: apsw.Connection, now: datetime) -> TokensDocument:
    """All there are."""
    found = tokens.tokens(conn, now)
    return {"tokens": [{**row._asdict()} for row in found]}  # type: ignore[typeddict-item]
