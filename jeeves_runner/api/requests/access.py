"""What a browser shows to be let in."""

from typing import Annotated, NamedTuple

from jeeves_runner.api.bodies import TextField


class LoginBody(NamedTuple):
    """A token. Keep it out of texts."""

    token: Annotated[str | None, TextField()] = None
    """It must be given."""
