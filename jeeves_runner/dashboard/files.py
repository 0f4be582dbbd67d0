"""What pages load: styles, scripts and icons, as they are shipped.

They stand in a folder whose name is a hash of them all, so a browser keeps them for good and never has an old
one, and scripts can name one another.
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
from jeeves_runner.dashboard.shipped import shipped
from jeeves_runner.errors import NotFound

PLACE: Final = "/static"

_KINDS: Final = MappingProxyType({".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"})
_TEXTS: Final = shipped("static", *_KINDS)
_IMPORT: Final = re.compile(r'^import .* from "\./(.+?)";$', re.MULTILINE)

_FOR_GOOD: Final = "public, max-age=31536000, immutable"


class FilePath(NamedTuple):
    """A file that pages load."""

    version: Annotated[str, Text()]
    """The hash of all of them."""
    file: Annotated[str, Text()]
    """Its name."""


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
    """The path of a file, by its name."""
    found = _files()
    if name not in found.by_name:
        raise RuntimeError(f"pages name a file that is not there: {name}")
    return f"{PLACE}/{found.version}/{name}"


def module(name: str) -> Markup:
    """What loads a script that is a module, and all that it imports: a browser would learn of each of these
    only from the one before."""
    links = Markup().join(
        Markup('<link rel="modulepreload" href="{}">').format(place_of(each)) for each in _imports(name)
    )
    return links + Markup('<script type="module" src="{}"></script>').format(place_of(name))


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
    found = await call.look(_files)
    asked = found.by_name.get(call.path.file)
    if asked is None:
        raise NotFound(f"there is no such file: {call.path.file}")
    answer = web.Response(
        body=asked.packed if call.asking.takes_gzip else asked.text, content_type=asked.kind, charset="utf-8"
    )
    answer.headers["Vary"] = "Accept-Encoding"
    if call.asking.takes_gzip:
        answer.headers["Content-Encoding"] = "gzip"
    if call.path.version == found.version:
        answer.headers["Cache-Control"] = _FOR_GOOD
    return answer


@cache
def _files() -> _Files:
    """Packed once; it takes a while, so not in the event loop."""
    digest = blake2b(digest_size=8)
    found = {}
    for name, text in _TEXTS.items():
        digest.update(text)
        kind = _KINDS[PurePosixPath(name).suffix]
        found[name] = _File(kind, text, gzip.compress(text, mtime=0))
    return _Files(digest.hexdigest(), found)
