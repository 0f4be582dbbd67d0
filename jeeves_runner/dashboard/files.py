"""What pages load: styles, scripts and icons, as they are shipped.

They stand in a folder whose name is a hash of them all, so a browser keeps them for good and never has an old
one, and scripts can name one another. The styles of a page come as one file, ``style.css+jobs.css``, and a
script with its modules: it is drawn once all of them are there, and each further file would be a request
before that.
"""

import gzip
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from aiohttp import web
from markupsafe import Markup

from jeeves_runner.api.parameters import Text
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.dashboard.scripts import whole
from jeeves_runner.dashboard.shipped import shipped
from jeeves_runner.errors import NotFound

PLACE: Final = "/static"

_KINDS: Final = MappingProxyType({".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"})
_TEXTS: Final = shipped("static", *_KINDS)
_IMPORT: Final = re.compile(r'^import .* from "\./(.+?)";$', re.MULTILINE)

_AND: Final = "+"
"""Between the names of styles that come as one file."""

_MOST: Final = 4
"""So many of them."""

_SHEETS: Final = 64
"""Files that are kept as they are sent: more than pages name."""

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


class _Files(NamedTuple):
    """All of them."""

    version: str
    """The hash."""
    by_name: Mapping[str, _File]
    """What is in each."""


def place_of(name: str) -> str:
    """The path of a file, by its name, or of the styles that are joined in it."""
    if _file(name) is None:
        raise RuntimeError(f"pages name a file that is not there: {name}")
    return f"{PLACE}/{_files().version}/{name}"


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
        text = _files().by_name[left.pop()].text.decode()
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
    if call.path.version == _files().version:
        answer.headers["Cache-Control"] = _FOR_GOOD
    return answer


@lru_cache(maxsize=_SHEETS)
def _file(name: str) -> _File | None:
    """A file by its name; that of several styles is made of theirs."""
    by_name = _files().by_name
    parts = name.split(_AND)
    if len(parts) == 1:
        return by_name.get(name)
    if len(parts) > _MOST or not all(part.endswith(".css") and part in by_name for part in parts):
        return None
    return _packed("text/css", b"".join(by_name[part].text for part in parts))


def _packed(kind: str, text: bytes) -> _File:
    return _File(kind, text, gzip.compress(text, mtime=0))


@cache
def _files() -> _Files:
    """Packed once; it takes a while, so not in the event loop."""
    digest = blake2b(digest_size=8)
    scripts = {name: text.decode() for name, text in _TEXTS.items() if name.endswith(".js")}
    found = {}
    for name, text in _TEXTS.items():
        digest.update(text)
        if "/" in name:
            continue  # it comes with the script that its folder is named after
        sent = whole(name, scripts).encode() if name in scripts else text
        found[name] = _packed(_KINDS[PurePosixPath(name).suffix], sent)
    return _Files(digest.hexdigest(), found)
