"""The kinds of settings: how each stands in the schema, is read and checked, and is written.

A setting is declared once, as a field of ``config.Config`` whose annotation holds one of these kinds. The
schema, the reading of the file and ``config show`` are made from that.
"""

import errno
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from jeeves_runner.core.durations import format_duration, format_size, parse_duration, parse_size
from jeeves_runner.core.inheritance import is_of_the_runner
from jeeves_runner.core.problem import Finding, KeyPath
from jeeves_runner.core.values import ID_PATTERN, ID_WORDS
from jeeves_runner.core.wording import brief

_DURATION_FORM: Final = "(?:[0-9]+(?:ms|s|m|h|d))+"
_ID: Final = {"pattern": f"^{ID_PATTERN}$", "x-expected": ID_WORDS}
_LONGEST_SUFFIX: Final = "-journal"

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


class Text(Kind):
    """A text that is not empty."""

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, {"type": "string", "minLength": 1}, "text")


class Zone(Text):
    """The IANA name of a time zone."""

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if written == "UTC":
            return
        # Every command reads the config, but schedules are only needed here for a zone other than UTC.
        from jeeves_runner.core.schedule.schedule import ScheduleError, parse_schedule

        try:
            parse_schedule((), written, "config")
        except ScheduleError as error:
            yield wrong_value(place, error.message, error.hint)


class Location(Text):
    """A path, relative to the folder of the config file."""

    def __init__(self, meaning: str, fallback: str | None = None) -> None:
        super().__init__(meaning)
        self.fallback = fallback

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(self.fallback)

    def read(self, written: str, root: Path) -> Path:
        return root / written

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if (reason := _path_fault(given.root / written)) is not None:
            yield wrong_value(place, f"`{'.'.join(place)}` cannot be a path: {reason}", "name another place")


class Whole(Kind):
    """A whole number within bounds."""

    def __init__(self, meaning: str, minimum: int, maximum: int, what: str = "whole number") -> None:
        bounds = {"type": "integer", "minimum": minimum, "maximum": maximum}
        super().__init__(meaning, bounds, f"a {what} from {minimum} to {maximum}")


class Duration(Kind):
    """A length of time, held in milliseconds."""

    suffix = "_ms"

    def __init__(self, meaning: str) -> None:
        form = {"type": "string", "pattern": f"^{_DURATION_FORM}$"}
        super().__init__(meaning, form, 'a duration such as "30s", "5m" or "1h30m"')

    def read(self, written: Any, root: Path) -> int:
        return parse_duration(written)

    def written(self, value: Any) -> str:
        return format_duration(value)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        try:
            parse_duration(written)
        except ValueError as error:
            yield wrong_value(place, str(error))


class Interval(Duration):
    """The time between two pieces of work: a second at least, so that there is time for anything else."""

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning)
        self._schema |= {
            # Less than a second: zeros, and then at most 999ms.
            "pattern": f"^(?!(?:0+[smhd])*(?:0*[0-9]{{1,3}}ms)?$){_DURATION_FORM}$",
            "x-expected": 'a duration of 1s or more, such as "30s", "5m" or "1h30m"',
        }


class Size(Kind):
    """An amount of memory or disk, held in bytes."""

    def __init__(self, meaning: str) -> None:
        form = {"type": "string", "pattern": "^[0-9]+(?:B|KiB|MiB|GiB|TiB)$"}
        super().__init__(meaning, form, 'a size such as "10MiB"')

    def read(self, written: Any, root: Path) -> int:
        return parse_size(written)

    def written(self, value: Any) -> str:
        return format_size(value)


class Choice(Kind):
    """One word of a ``Literal``."""

    def __init__(self, words: Any, meaning: str) -> None:
        super().__init__(meaning, {"enum": list(get_args(words))}, "")
        del self._schema["x-expected"]  # the words themselves say what is expected


class Limits(Kind):
    """A mapping of names to whole numbers."""

    def __init__(self, meaning: str, minimum: int, maximum: int) -> None:
        number = Whole("", minimum, maximum).schema(None)
        del number["description"]
        names = {"propertyNames": _ID, "additionalProperties": number}
        super().__init__(meaning, {"type": "object", **names}, "a mapping of pool names to numbers")

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(None)


class Variables(Kind):
    """A list of names of environment variables, in which ``*``, ``?`` and ``[…]`` stand for characters."""

    def __init__(self, meaning: str) -> None:
        # No variable can have another name.
        name = {
            "type": "string",
            "minLength": 1,
            "pattern": "^[^=\\u0000]*$",
            "x-expected": "a variable's name",
        }
        form = {"type": "array", "items": name}
        super().__init__(meaning, form, "a list of names such as [HTTPS_PROXY, APP_*]")

    def read(self, written: Any, root: Path) -> tuple[str, ...]:
        return tuple(written)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for number, name in enumerate(written):
            if is_of_the_runner(name):
                message = f"`{'.'.join(place)}` names {name}, which belongs to the runner itself"
                yield wrong_value((*place, number), message, "take it out")


class Commands(Kind):
    """A mapping of file extensions to commands, each as a shell would split it."""

    def __init__(self, meaning: str) -> None:
        command = {"type": "string", "minLength": 1, "x-expected": "a command as text"}
        form = {"type": "object", "additionalProperties": command}
        super().__init__(meaning, form, "a mapping of extensions to commands")

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(None)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for extension, command in written.items():
            if (reason := _command_fault(command)) is not None:
                message = f"`{'.'.join(place)}.{brief(extension)}` cannot be run: {reason}"
                yield wrong_value((*place, extension), message, 'write it as for a shell: "uv run"')


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
        form = {"type": "object", "propertyNames": _ID, "additionalProperties": inner}
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


def wrong_value(path: KeyPath, message: str, hint: str | None = None) -> Finding:
    """What a kind finds wrong with the setting at ``path``, or is to be warned about there."""
    return Finding(path=path, code="wrong_value", message=message, hint=hint)


def _path_fault(path: Path) -> str | None:
    """Why no such path can exist, whatever is there now; None when it can."""
    # SQLite puts files of longer names beside the database.
    for name in (str(path), f"{path}{_LONGEST_SUFFIX}"):
        try:
            os.stat(name)
        except ValueError:
            return "it holds a NUL character" if "\0" in name else "it holds what is no character"
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                return error.strerror
    return None


def _command_fault(command: str) -> str | None:
    if "\0" in command:
        return "it holds a NUL character"
    try:
        return None if shlex.split(command) else "it is blank"
    except ValueError as error:
        return str(error).lower()
