"""Parameters of paths and queries: what each may be, and its value from the text of a request.

A type lists the parameters of a route: a NamedTuple whose fields are ``Annotated`` with a kind. A field whose
name is a word of Python ends with an underscore there. The server uses the ``parse`` of a kind, and its
``words`` in refusals. ``schema``, and ``required`` of a parameter, are for the tests, which hold ``parse``
and the documentation to them.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, Generic, NamedTuple, Protocol, TypeVar, get_type_hints

from aiohttp import web

from jeeves_runner.core.durations import DURATION_FORM, format_duration, parse_duration
from jeeves_runner.core.values import MAX_NAME_LENGTH, check_name
from jeeves_runner.core.wording import in_quotes, known_words
from jeeves_runner.errors import InvalidValue

T = TypeVar("T")

JsonSchema = Mapping[str, object]

MAX_LIMIT: Final = 1000
MAX_ID: Final = 2**63 - 1
_MILLISECOND: Final = timedelta(milliseconds=1)
_LOST_PLUS: Final = re.compile("[0-9-]{8,10}[Tt ][0-9:.,]+ [0-9]{2}(:?[0-9]{2})?")
_SECRETS: Final = frozenset({"token", "access_token", "auth_token", "api_key", "apikey"})
"""What other programs take in an address."""
_IN_A_HEADER: Final = "send `Authorization: Bearer TOKEN`: an address is kept in logs and histories"
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


class Kind(Protocol):
    """What a parameter may be."""

    @property
    def words(self) -> str:
        """The same for people: ``a whole number from 1 to 1000``."""

    @property
    def schema(self) -> JsonSchema:
        """The same as JSON Schema."""

    @property
    def says_all(self) -> bool:
        """Whether ``parse`` takes all that the schema does: some forms are beyond schemas."""

    def parse(self, text: str, name: str) -> object:
        """The value of a text; InvalidValue, its message beginning with ``name``."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    minimum: int = 1
    maximum: int = MAX_ID
    says_all: ClassVar = True

    @property
    def words(self) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def parse(self, text: str, name: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) < 20
        if not (is_number and self.minimum <= int(text) <= self.maximum):
            raise InvalidValue(f"{name} must be {self.words}, not {text!r}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words."""

    allowed: tuple[str, ...]
    says_all: ClassVar = True

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.allowed)}"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "enum": list(self.allowed)}

    def parse(self, text: str, name: str) -> str:
        if text not in self.allowed:
            raise InvalidValue(f"{name} must be {self.words}, not {text!r}")
        return text


@dataclass(frozen=True, slots=True)
class Words:
    """Some of a few words, with commas between them."""

    allowed: tuple[str, ...]
    says_all: ClassVar = True

    @property
    def words(self) -> str:
        return f"some of {', '.join(self.allowed)}, with commas between them"

    @property
    def schema(self) -> JsonSchema:
        word = f"({'|'.join(self.allowed)})"
        return {"type": "string", "pattern": f"^{word}(,{word})*$"}

    def parse(self, text: str, name: str) -> frozenset[str]:
        found = text.split(",")
        if not set(found) <= set(self.allowed):
            raise InvalidValue(f"{name} must be {self.words}, not {text!r}")
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    _word: ClassVar = Word(("0", "1", "false", "true"))
    says_all: ClassVar = True

    @property
    def words(self) -> str:
        return self._word.words

    @property
    def schema(self) -> JsonSchema:
        return self._word.schema

    def parse(self, text: str, name: str) -> bool:
        return self._word.parse(text, name) in ("1", "true")


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time: ``30s``. ``maximum`` is such a text, too."""

    maximum: str | None = None
    beyond: str | None = None
    """What to do instead of asking for more, as a hint."""
    says_all: ClassVar = False

    @property
    def words(self) -> str:
        return "a duration" if self.maximum is None else f"a duration, {self.maximum} at most"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 2, "pattern": DURATION_FORM}

    def parse(self, text: str, name: str) -> timedelta:
        try:
            ms = parse_duration(text)
        except ValueError as error:
            raise InvalidValue(f"{name}: {error}") from error
        if self.maximum is not None and ms > parse_duration(self.maximum):
            raise InvalidValue(f"{name} must be {self.words}, not {text!r}", hint=self.beyond)
        return timedelta(milliseconds=ms)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as ids and keys are: not empty, not too long, without NUL characters."""

    says_all: ClassVar = True

    @property
    def words(self) -> str:
        return "a name"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH, "pattern": "^[^\\x00]*$"}

    def parse(self, text: str, name: str) -> str:
        return check_name(text, name)


@dataclass(frozen=True, slots=True)
class Text:
    """Any text: what does not exist under that name is not found."""

    says_all: ClassVar = True

    @property
    def words(self) -> str:
        return "a text"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string"}

    def parse(self, text: str, name: str) -> str:
        return text


@dataclass(frozen=True, slots=True)
class Moment(Text):
    """A time as people write it; its handler reads it, which knows the zone."""

    says_all: ClassVar = False

    @property
    def words(self) -> str:
        return "a time"

    def parse(self, text: str, name: str) -> str:
        if _LOST_PLUS.fullmatch(text):  # as servers read forms, and queries with them
            raise InvalidValue(
                f"{name} has a blank where an offset has a sign: {in_quotes(text)}",
                hint="in a query a + is written %2B; a time in UTC ends in Z",
            )
        return text


@dataclass(frozen=True, slots=True)
class Selection(Text):
    """A JSONPath; its handler reads it."""

    says_all: ClassVar = False

    @property
    def words(self) -> str:
        return "a JSONPath"


@dataclass(frozen=True, slots=True)
class Cursor(Text):
    """Where a page begins, as the page before it said; its handler reads it."""

    says_all: ClassVar = False

    @property
    def words(self) -> str:
        return "a cursor"


class Parameter(NamedTuple):
    """One parameter of a path or a query."""

    name: str
    """As it stands in the path or query."""
    kind: Kind
    """What it may be."""
    required: bool
    """Whether a request must have it."""
    default: object
    """Its value where a request does not have it."""
    attribute: str
    """Its name in the type."""

    @property
    def written_default(self) -> str | None:
        """Its default as a request would write it; None where no text says the same."""
        match self.default:
            case None:
                return None
            case timedelta() as length:
                return format_duration(length // _MILLISECOND)
            case value:
                return str(value).lower()


def parameters_of(values: type) -> tuple[Parameter, ...]:
    """The parameters that the fields of a NamedTuple declare."""
    defaults: Mapping[str, object] = getattr(values, "_field_defaults", {})
    return tuple(
        Parameter(name.rstrip("_"), hint.__metadata__[0], name not in defaults, defaults.get(name), name)
        for name, hint in get_type_hints(values, include_extras=True).items()
    )


class Parser(Generic[T]):
    """Makes the values of one type from the texts of a request."""

    def __init__(self, values: type[T], *, called: str = "{}") -> None:
        """``called``: how messages name a parameter."""
        self._values = values
        self._known = {p.name: (called.format(p.name), p) for p in parameters_of(values)}

    @property
    def names(self) -> Collection[str]:
        """The parameters that there are."""
        return self._known.keys()

    def parse(self, given: Mapping[str, str]) -> T:
        """The values, with defaults for what is not given. InvalidValue, also for one that is not known, and
        for one that is given twice."""
        found: dict[str, object] = {}
        for name, text in given.items():
            if name not in self._known:
                secret = name.lower().replace("-", "_") in _SECRETS
                hint = _IN_A_HEADER if secret else known_words(name, self._known, "parameters")
                raise InvalidValue(f"there is no parameter {in_quotes(name)} here", hint=hint)
            called, parameter = self._known[name]
            if parameter.attribute in found:
                raise InvalidValue(f"{called} is given more than once")
            found[parameter.attribute] = parameter.kind.parse(text, called)
        return self._values(**found)


def preferences(request: web.Request) -> Iterator[str]:
    """The names of all preferences (``Prefer``, RFC 7240), without their values and parameters."""
    for line in request.headers.getall("Prefer", ()):
        for preference in _QUOTED.sub("", line).split(","):
            yield re.split("[=;]", preference)[0].strip().lower()


def weights(accept: str) -> Mapping[str, float]:
    """What a header such as ``Accept`` or ``Accept-Encoding`` names, in lower case, and how much of each is
    wanted; 0: none of it (RFC 9110, section 12.4.2)."""
    found: dict[str, float] = {}
    for each in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            found[kind] = float(weight)
        except ValueError:
            found[kind] = 0.0
    return found
