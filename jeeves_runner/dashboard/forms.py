"""What forms of pages send, which browsers encode by themselves (HTML standard, section 4.10.21)."""

from typing import Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from jeeves_runner.api.bodies import BodyReader
from jeeves_runner.core.wording import in_quotes
from jeeves_runner.errors import InvalidValue

T = TypeVar("T")

_KIND: Final = "application/x-www-form-urlencoded"
_MOST: Final = 100


class FormReader(BodyReader[T]):
    """Makes the values of one type from forms. Every value is a text."""

    async def read(self, request: web.Request) -> T:
        text = await self.text(request)
        if text and request.content_type != _KIND:
            raise web.HTTPUnsupportedMediaType
        return self._of(_fields(text))


def _fields(text: bytes) -> dict[str, object]:
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except ValueError as error:  # also what is not UTF-8
        raise InvalidValue("the form cannot be read") from error
    fields: dict[str, object] = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise InvalidValue(f"the form has the field {in_quotes(twice)} more than once")
    return fields
