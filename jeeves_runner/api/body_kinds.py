"""What fields of bodies may be: the kinds that state and queues need. Each reads one value of JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

from jeeves_runner.api.bodies import TextField, fields_of, read_fields
from jeeves_runner.api.parameters import MAX_ID, JsonSchema
from jeeves_runner.core.durations import span_ms
from jeeves_runner.core.values import EXACT, MAX_NAME_LENGTH, MAX_WHOLE, check_name, check_whole, to_json
from jeeves_runner.core.wording import shown
from jeeves_runner.errors import InvalidValue


def list_schema(items: JsonSchema) -> JsonSchema:
    """Of a list with something in it."""
    return {"type": "array", "items": items, "minItems": 1}


def listed(value: object, name: str) -> Sequence[Any]:
    """Such a list; InvalidValue."""
    if not isinstance(value, list):
        raise InvalidValue(f"{name} must be a list")
    if not value:
        raise InvalidValue(f"{name} is empty")
    return value


def object_of(value: object, name: str) -> Mapping[str, object]:
    """An object; InvalidValue."""
    if not isinstance(value, Mapping):
        raise InvalidValue(f"{name} must be an object")
    return value


def one_of(*schemas: JsonSchema) -> JsonSchema:
    """Of what is of one of several kinds."""
    return {"oneOf": list(schemas)}


class NameField:
    """A name: of a namespace, a key, an item or a queue."""

    schema: ClassVar[JsonSchema] = {"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}

    def read(self, value: object, name: str) -> str:
        return check_name(value, name)


class AnyTextField:
    """Any text, and not null."""

    schema: ClassVar[JsonSchema] = {"type": "string"}

    def read(self, value: object, name: str) -> str:
        text = TextField().read(value, name)
        if text is None:
            raise InvalidValue(f"{name} must be a string, not null")
        return text


class JsonField:
    """Any JSON value. What is handed on is its text, as it is stored."""

    schema: ClassVar[JsonSchema] = {}

    def read(self, value: object, name: str) -> str:
        return to_json(value, name)


class JsonListField:
    """A list of any JSON values, one at least; likewise their texts."""

    @property
    def schema(self) -> JsonSchema:
        return list_schema({})

    def read(self, value: object, name: str) -> tuple[str, ...]:
        return tuple(to_json(each, f"{name}[{at}]") for at, each in enumerate(listed(value, name)))


@dataclass(frozen=True, slots=True)
class WordsField:
    """A list of some of these words, one at least. What is handed on has each once."""

    words: tuple[str, ...]
    """All there are."""

    @property
    def schema(self) -> JsonSchema:
        return list_schema({"type": "string", "enum": list(self.words)})

    def read(self, value: object, name: str) -> tuple[str, ...]:
        found = listed(value, name)
        for at, each in enumerate(found):
            if each not in self.words:
                raise InvalidValue(f"{name}[{at}] must be one of {', '.join(self.words)}, not {shown(each)}")
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class SpanField:
    """A length of time in milliseconds, given as a text such as ``5m`` or in seconds; or null for none."""

    minimum: int = 1
    """Milliseconds."""
    schema: JsonSchema = field(default_factory=lambda: {"type": ["string", "number", "null"]})
    """The same as JSON Schema."""

    def read(self, value: object, name: str) -> int | None:
        return None if value is None else span_of(value, name, self.minimum)


class LeaseField:
    """A length of time in milliseconds that must be given."""

    schema: ClassVar[JsonSchema] = {"type": ["string", "number"]}

    def read(self, value: object, name: str) -> int:
        return span_of(value, name)


def span_of(value: Any, name: str, minimum: int = 1) -> int:
    """Milliseconds of a text such as ``5m``, or of seconds; InvalidValue."""
    return span_ms(value, name, minimum=minimum)


def _as_whole(value: object) -> object:
    """To JSON, 5.0 is a whole number. Beyond 2**53 a float may stand for another one than was written."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    return value


@dataclass(frozen=True, slots=True)
class WholeField:
    """A whole number within bounds."""

    minimum: int
    maximum: int = MAX_WHOLE

    @property
    def schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def read(self, value: object, name: str) -> int:
        return check_whole(_as_whole(value), name, self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class OptionalField:
    """The same, or null for none."""

    kind: WholeField

    @property
    def schema(self) -> JsonSchema:
        return {**self.kind.schema, "type": ["integer", "null"]}

    def read(self, value: object, name: str) -> int | None:
        return None if value is None else self.kind.read(value, name)


ITEM_ID: Final = WholeField(1, MAX_ID)
"""The number of a queue item."""


class ItemIdsField:
    """The numbers of some queue items, one at least; or null for none. What is handed on has each once."""

    schema: ClassVar[JsonSchema] = {"type": ["array", "null"], "items": ITEM_ID.schema, "minItems": 1}

    def read(self, value: object, name: str) -> tuple[int, ...] | None:
        if value is None:
            return None
        found = (ITEM_ID.read(each, f"{name}[{at}]") for at, each in enumerate(listed(value, name)))
        return tuple(dict.fromkeys(found))


class Form(NamedTuple):
    """An object within a body."""

    kinds: tuple[type, ...]
    """NamedTuples whose fields are annotated with kinds: it has the keys of all of them."""

    def schema(self, **more: JsonSchema) -> JsonSchema:
        """The same as JSON Schema; ``more``: keys besides."""
        fields = [field for kind in self.kinds for field in fields_of(kind)]
        return {
            "type": "object",
            "properties": {**more, **{field.key: field.kind.schema for field in fields}},
            "required": [*more, *(field.key for field in fields if field.required)],
            "additionalProperties": False,
        }

    def read(self, value: object, name: str) -> list[Any]:
        """The values of an object, one of each kind; InvalidValue."""
        return read_fields(self.kinds, object_of(value, name), name)


@dataclass(frozen=True, slots=True)
class FormsField:
    """A list of objects of one form, one at least."""

    form: Form
    """What each is."""

    @property
    def schema(self) -> JsonSchema:
        return list_schema(self.form.schema())

    def read(self, value: object, name: str) -> list[Any]:
        return [self.form.read(each, f"{name}[{at}]") for at, each in enumerate(listed(value, name))]
