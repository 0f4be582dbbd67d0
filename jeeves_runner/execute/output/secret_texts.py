"""Which texts are masked for a secret: itself, its lines, and both as JSON and Python write them."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

MIN_LENGTH: Final = 6
"""Characters of the shortest secret that is masked: shorter ones would blot out ordinary words."""

_LINE_END: Final = re.compile("\r\n|\r|\n")
_JSON_CODE: Final = re.compile(r"\\u[0-9a-f]{4}")

_GO: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
_GSON: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&='"}
_DOTNET: Final = {ord(char): f"\\u{ord(char):04X}" for char in "<>&'+`"}


def is_masked(secret: str) -> bool:
    """Whether a secret is long enough; blanks alone would blot out what is between words."""
    return len(secret) >= MIN_LENGTH and not secret.isspace()


def texts_of(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """What is masked for these secrets, each text once."""
    pieces = (piece for secret in secrets for piece in _pieces(secret) if is_masked(piece))
    # Not sorted: of long secrets these are hundreds of thousands, and a sort lets no other thread go on.
    texts = dict.fromkeys(
        text for piece in pieces for written in _written(piece) for text in _encoded(written)
    )
    return tuple(texts)


def _pieces(secret: str) -> Iterator[str]:
    """The secret as a whole with the line ends of any system, and its lines.

    Where all lines are masked by themselves, the line ends between them are left.
    """
    lines = _LINE_END.split(secret)
    stripped = [line.strip() for line in lines]
    yield from stripped
    if len(lines) == 1 or any(line and not is_masked(line) for line in stripped):
        yield from (secret, "\n".join(lines), "\r\n".join(lines))


def _written(text: str) -> Iterator[str]:
    """A text as it is, as Python shows it, and as the usual encoders of JSON write it: some escape more than
    they must."""
    yield text
    yield repr(text)[1:-1]
    ascii_only = json.dumps(text)[1:-1]
    upper = _JSON_CODE.sub(lambda code: r"\u" + code[0][2:].upper(), ascii_only)
    as_it_is = json.dumps(text, ensure_ascii=False)[1:-1]
    for form in (as_it_is, ascii_only, upper):
        yield form
        yield form.replace("/", r"\/")
        yield form.translate(_GO)
    yield as_it_is.translate(_GSON)
    yield upper.replace(r"\"", r"\u0022").translate(_DOTNET)


def _encoded(text: str) -> Iterator[bytes]:
    """In UTF-8; of what is none, its bytes and what decoders make of them."""
    data = text.encode("utf-8", "surrogateescape")
    yield data
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        yield text.encode("utf-8", "surrogatepass")
        yield data.decode("utf-8", "replace").encode()
