"""The kinds of settings: how each stands in the schema, is read and checked, and is written."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from jeeves_runner.config_path import NUL, path_fault
from jeeves_runner.config_settings import ID_FORM, Given, Kind, Place, wrong_value
from jeeves_runner.core.durations import format_duration, format_size, parse_duration, parse_size
from jeeves_runner.core.inheritance import is_of_the_runner
from jeeves_runner.core.problem import Finding
from jeeves_runner.core.wording import brief

_DURATION_FORM: Final = "(?:[0-9]+(?:ms|s|m|h|d))+"


class Text(Kind):
    """A text that is not empty."""

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, {"type": "string", "minLength": 1}, "text")


class Zone(Text):
    """The IANA name of a time zone."""

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        if written == "UTC":
            return
        # Many commands read the config. Schedules take longer to load than it, and are needed for a mistake.
        from jeeves_runner.config_zone import is_known_zone

        if is_known_zone(written):
            return
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
        if (reason := path_fault(given.root / written)) is not None:
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
        names = {"propertyNames": ID_FORM, "additionalProperties": number}
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
        super().__init__(meaning, form, "a mapping of extensions to commands such as {rb: ruby}")

    def schema(self, default: Any) -> dict[str, Any]:
        return super().schema(None)

    def findings(self, place: Place, written: Any, given: Given) -> Iterator[Finding]:
        for extension, command in written.items():
            if (reason := _command_fault(command)) is not None:
                message = f"`{'.'.join(place)}.{brief(extension)}` cannot be run: {reason}"
                yield wrong_value((*place, extension), message, 'write it as for a shell: "uv run"')


def _command_fault(command: str) -> str | None:
    if "\0" in command:
        return NUL
    try:
        return None if shlex.split(command) else "it is blank"
    except ValueError as error:
        return str(error).lower()
