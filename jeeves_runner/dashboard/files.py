"""What pages load: styles, scripts and icons, as they are shipped.

They stand in a folder whose name is a hash of them all, so a browser keeps them for good and never has an old
one, and scripts can name one another. The styles of a page come as one file, ``style.css+jobs.css``, and a
script with its modules: it is drawn once all of them are there, and each further file would be a request
before that.
"""

import gzip
import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from aiohttp import web
from markupsafe import Markup

from jeeves_runner.api.parameters import Text
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.dashboard.scripts import whole
from jeeves_runner.dashboard.shipped import TEMPLATES, shipped
from jeeves_runner.errors import NotFound

PLACE: Final = "/static"

_KINDS: Final = MappingProxyType({".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"})
_TEXTS: Final = shipped("static", *_KINDS)
_IMPORT: Final = re.compile(r'^import .* from "\./(.+?)";$', re.MULTILINE)

_AND: Final = "+"
"""Between the names of styles that come as one file."""

_STYLES: Final = re.compile(r"^\{% set styles = \[(.*)\] %\}$", re.MULTILINE)
"""In a template: the styles of its page alone."""

_OF_EVERY_PAGE: Final = (("style.css",), ("style.css", "act.css"))
"""What those of a page come after: where one may not act, and where one may."""

_FOR_GOOD: Final = "public, max-age=31536000, immutable"


class FilePath(NamedTuple):
    """A file that pages load."""

    version: Annotated[str, Text()]
    """The hash of all of them."""
    file: Annotated[str, Text()]
    """Its name; those of several styles are joined by ``+``."""


class _File(NamedTuple):
    """A file as it is sent."""

    kind: str
    """Its media type."""
    text: bytes
    """What is in it."""
    packed: bytes
    """The same, by gzip."""


def place_of(name: str) -> str:
    """The path of a file, by its name, or of the styles that are joined in it."""
    if name not in _sent() and name not in _joined():
        raise RuntimeError(f"pages name a file that is not there: {name}")
    return f"{PLACE}/{_version()}/{name}"


def module(name: str, *, is_drawn_with: bool = False) -> Markup:
    """What loads a script that is a module, and all that it imports: a browser would learn of each of these
    only from the one before.

    Where the page ``is_drawn_with`` it, it is not shown before: what the script changes would jump.
    """
    links = Markup().join(
        Markup('<link rel="modulepreload" href="{}">').format(place_of(each)) for each in _imports(name)
    )
    script = Markup('<script type="module" {}src="{}"></script>')
    return links + script.format(Markup('blocking="render" ' if is_drawn_with else ""), place_of(name))


@cache
def _imports(name: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    left = [name]
    while left:
        text = _sent()[left.pop()].decode()
        new = [each for each in _IMPORT.findall(text) if each not in found]
        found.update(dict.fromkeys(new))
        left += new
    return tuple(found)


async def file(call: Call[FilePath, Nothing, Nothing]) -> web.Response:
    """A file, packed for those who take it so. Of another version it is the one of this, kept by no browser:
    a page of before the server was replaced may ask for it."""
    asked = await call.look(lambda: _file(call.path.file))
    if asked is None:
        raise NotFound(f"there is no such file: {call.path.file}")
    answer = web.Response(
        body=asked.packed if call.asking.takes_gzip else asked.text, content_type=asked.kind, charset="utf-8"
    )
    answer.headers["Vary"] = "Accept-Encoding"
    if call.asking.takes_gzip:
        answer.headers["Content-Encoding"] = "gzip"
    if call.path.version == _version():
        answer.headers["Cache-Control"] = _FOR_GOOD
    return answer


def _file(name: str) -> _File | None:
    """A file by its name; that of several styles is made of theirs, where a page may name it."""
    return _packed(name) if name in _sent() or name in _joined() else None


@cache
def _packed(name: str) -> _File:
    """Packed once, as it is asked for; it takes a while, so not in the event loop. Only for names that are
    there, and there are few: any client may ask, for any name, without a token."""
    parts = name.split(_AND)
    text = b"".join(_sent()[part] for part in parts)
    return _File(_KINDS[PurePosixPath(parts[0]).suffix], text, gzip.compress(text, mtime=0))


@cache
def _joined() -> frozenset[str]:
    """The names of styles that are joined for a page. They are found in the templates, not in what was shown:
    a page of before a restart asks for them before any other is made."""
    said = (each for text in TEMPLATES.values() for each in _STYLES.findall(text.decode()))
    own = {tuple(re.findall('"(.+?)"', each)) for each in said}
    return frozenset(_AND.join((*first, *each)) for first in _OF_EVERY_PAGE for each in {(), *own})


@cache
def _sent() -> Mapping[str, bytes]:
    """What is sent, by name: a script comes with the modules that stand in the folder of its name."""
    scripts = {name: text.decode() for name, text in _TEXTS.items() if name.endswith(".js")}
    return {
        name: whole(name, scripts).encode() if name in scripts else text
        for name, text in _TEXTS.items()
        if "/" not in name
    }


@cache
def _version() -> str:
    digest = blake2b(digest_size=8)
    for name, text in _sent().items():
        digest.update(name.encode() + b"\0" + text)
    return digest.hexdigest()
