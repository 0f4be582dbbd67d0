"""What the far side says may hold what it was told: secrets are taken out before it is read."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_LEAST: Final = 6
"""Characters of a text that is hidden; shorter ones stand in many words."""


def without(text: str, secrets: Iterable[str], *, is_cut: bool = False) -> str:
    """The text with ``***`` for each of these, also as JSON writes it. ``is_cut``: it is the beginning of a
    longer one, and may end within a secret."""
    forms = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1])}
    in_order = sorted((each for each in forms if len(each) >= _LEAST), key=len, reverse=True)
    for form in in_order:
        text = text.replace(form, "***")
    return text[: -len(in_order[0])] if is_cut and in_order else text


def of_url(url: str) -> Iterator[str]:
    """What of a URL may be a key: all behind its host, each part of that, and a user."""
    parts = urlsplit(url)
    yield url
    rest = url.partition(parts.netloc)[2].lstrip("/")
    yield rest
    pieces = [*parts.path.split("/"), *(each.partition("=")[2] for each in parts.query.split("&"))]
    for piece in (*pieces, parts.netloc.rpartition("@")[0], parts.password or ""):
        yield from (piece, unquote(piece))


def of_login(username: str | None, password: str) -> Iterator[str]:
    """A password, and the forms in which it goes to a mail server: those of AUTH LOGIN and of AUTH PLAIN."""
    yield password
    for form in (password, f"\0{username}\0{password}"):
        yield b64encode(form.encode()).decode()


def texts_of(template: Any) -> Iterator[str]:
    """What of a template is sent as it stands."""
    if isinstance(template, str):
        if "{{" not in template:
            yield template
    elif isinstance(template, Mapping):
        for each in template.values():
            yield from texts_of(each)
    elif isinstance(template, list | tuple):
        for each in template:
            yield from texts_of(each)
