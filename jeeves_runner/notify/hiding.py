"""What the far side says may hold what it was told: secrets are taken out before it is read."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_LEAST: Final = 6
"""Characters of a text that is hidden; shorter ones stand in many words."""


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with ``***`` for each of these, also as JSON writes it."""
    forms = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1])}
    for form in sorted((each for each in forms if len(each) >= _LEAST), key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def of_url(url: str) -> Iterator[str]:
    """What of a URL may be a key: all behind its host, each part of that, and a user."""
    parts = urlsplit(url)
    yield url
    rest = url.partition(parts.netloc)[2].lstrip("/")
    yield rest
    pieces = [*parts.path.split("/"), *(each.partition("=")[2] for each in parts.query.split("&"))]
    for piece in (*pieces, parts.netloc.rpartition("@")[0], parts.password or ""):
        yield from (piece, unquote(piece))


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
