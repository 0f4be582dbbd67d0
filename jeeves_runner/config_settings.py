"""What a setting is, and how a mapping of settings is read, checked and shown.

A setting is declared once, as a field of a named tuple such as ``config.Config``: its annotation is a kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.values import ID_PATTERN, ID_WORDS

ID_FORM: Final = {"pattern": f"^{ID_PATTERN}$", "x-expected": ID_WORDS}
"""The schema of a name that a mapping of the file gives."""

Place = tuple[str, ...]
"""The keys that lead to a setting: ``("log", "file")``."""


class Given(NamedTuple):
    """What a config file says."""

    values: Mapping[str, Any]
    """Its settings as they are written, so far as they keep to the schema."""
    root: Path
    """What relative paths start from."""


class Kind:
    """What a setting can be. ``meaning`` says in a sentence what it sets; ``schema`` what may be written."""

    suffix = ""
    """What the field's name has and the setting's has not: the unit."""
    fallback: str | None = None
    """What is read where nothing is written; None: the field keeps its default."""

    def __init__(self, meaning: str, schema: Mapping[str, Any], expected: str) -> None:
        self.meaning = meaning
        self._schema = {"description": meaning, **schema, "x-expected": expected}

    def schema(self, default: Any) -> dict[str, Any]:
        """The setting's JSON Schema; ``default`` is its value where nothing is written, or None."""
        return self._schema if default is None else self._schema | {"default": self.written(default)}

    def read(self, written: Any, root: Path) -> Any:
        """The value of the field for what the file says."""
        return written

    def written(self, value: Any) -> Any:
        """What the file says for a value."""
        return value

    def shown(self, value: Any) -> Any:
        """What may be shown of a value: all of it, unless it may be a secret."""
        return value

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        """What is wrong with a setting that keeps to the schema."""
        return iter(())

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        """What is to be warned about in a setting that is right. It may look at files."""
        return iter(())


class Setting(NamedTuple):
    """A setting of the file and the field that holds it."""

    key: str
    """Its name in the file."""
    field: str
    """The field's name."""
    kind: Kind
    """What it can be."""
    default: Any
    """The field's value where nothing is written; None if there is none."""


def settings_of(fields: Any) -> tuple[Setting, ...]:
    """The settings that a named tuple declares: its fields whose annotation holds a kind."""
    kinds = {
        name: annotation.__metadata__[0]
        for name, annotation in fields.__annotations__.items()
        if hasattr(annotation, "__metadata__")
    }
    return tuple(
        Setting(name.removesuffix(kind.suffix), name, kind, fields._field_defaults.get(name))
        for name, kind in kinds.items()
    )


def schema_of(settings: tuple[Setting, ...]) -> dict[str, Any]:
    """The JSON Schema of a mapping of settings."""
    properties = {setting.key: setting.kind.schema(setting.default) for setting in settings}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def read_settings(settings: tuple[Setting, ...], given: Given) -> dict[str, Any]:
    """The values of the fields that are not left to their defaults."""
    written = [(setting, given.values.get(setting.key, setting.kind.fallback)) for setting in settings]
    return {
        setting.field: setting.kind.read(value, given.root) for setting, value in written if value is not None
    }


def shown_settings(settings: tuple[Setting, ...], values: Any) -> dict[str, Any]:
    """What may be shown of the fields of a named tuple that holds settings, by their names."""
    return {each.field: each.kind.shown(getattr(values, each.field)) for each in settings}


def findings_in(settings: tuple[Setting, ...], given: Given, above: Place = ()) -> Iterator[Finding]:
    """What is wrong with settings that keep to the schema; ``above`` leads to their mapping."""
    for setting in settings:
        if setting.key in given.values:
            yield from setting.kind.findings((*above, setting.key), given.values[setting.key], given)


def warnings_in(settings: tuple[Setting, ...], given: Given, above: Place = ()) -> Iterator[Finding]:
    """What is to be warned about in settings that are right."""
    for setting in settings:
        if setting.key in given.values:
            yield from setting.kind.warnings((*above, setting.key), given.values[setting.key], given)


class Section(Kind):
    """Settings of their own: the fields of a named tuple like ``Config``."""

    def __init__(self, fields: Any, meaning: str, example: str, required: Sequence[str] = ()) -> None:
        """``required``: the settings that a file with this section must have."""
        self._fields = fields
        self.settings = settings_of(fields)
        form = schema_of(self.settings) | ({"required": list(required)} if required else {})
        super().__init__(meaning, form, f"a mapping such as {example}")

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(None)

    def read(self, written: Any, root: Path) -> Any:
        return self._fields(**read_settings(self.settings, Given(written, root)))

    def shown(self, value: Any) -> Any:
        return None if value is None else shown_settings(self.settings, value)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        return findings_in(self.settings, given._replace(values=written), place)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        return warnings_in(self.settings, given._replace(values=written), place)


class Sections(Kind):
    """A mapping of names to sections, which are all of one form."""

    def __init__(self, fields: Any, meaning: str, example: str) -> None:
        """``fields``: as of ``Section``."""
        self._one = one = Section(fields, "", example)
        self.settings = one.settings
        expected = f"a mapping of {', '.join(setting.key for setting in one.settings)}"
        inner = one.schema(None) | {"x-expected": expected}
        del inner["description"]
        form = {"type": "object", "propertyNames": ID_FORM, "additionalProperties": inner}
        super().__init__(meaning, form, f"a mapping of names to mappings, such as {example}")

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(None)

    def read(self, written: Any, root: Path) -> Any:
        return {name: self._one.read(each, root) for name, each in written.items()}

    def shown(self, value: Any) -> Any:
        return {name: self._one.shown(each) for name, each in value.items()}

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for name, each in written.items():
            yield from self._one.findings((*place, name), each, given)

    def warnings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for name, each in written.items():
            yield from self._one.warnings((*place, name), each, given)


def wrong_value(path: KeyPath, message: str, hint: str | None = None) -> Finding:
    """What a kind finds wrong with the setting at ``path``, or is to be warned about there."""
    return Finding(path=path, code="wrong_value", message=message, hint=hint)
