"""The database that a config names, for commands that need nothing else of it.

To read YAML and to check it by the schema takes longer than most commands run. So a file of the plainest
form is read here: settings at the left edge, each with one word for its value, and comments. Of any other
file, every one with a mistake included, nothing is read.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.config_path import DATA_DIR, DATABASE, bytes_of, config_path, path_fault, root_of
from jeeves_runner.errors import ConfigError

_MOST: Final = 1 << 16
"""Bytes of the largest file that is read so."""

_NUMBERS: Final = frozenset({"port", "max_concurrency"})
"""The settings whose value is text, and wrong, within quotes."""

_WORDS: Final = frozenset({"null", "true", "false"})
_MARKS: Final = frozenset("_-./")
_STARTS: Final = ("/", "./", "../")


class PlainConfig(NamedTuple):
    """What is read of a config, as ``load_config`` would have it."""

    path: Path
    """The file."""
    db_path: Path
    """The database."""


def plain_config(start: Path, explicit: Path | None) -> PlainConfig | None:
    """The config that ``load_config`` takes; None if it is not of the plainest form, or there is none."""
    try:
        found = config_path(start, explicit)
        if found is None:
            return None
        path = found.resolve()
        root, data = root_of(path.parent), bytes_of(found)
    except (ConfigError, OSError, RuntimeError, ValueError):
        return None
    values = _values(data, root)
    if values is None:
        return None
    data_dir = root / values.get("data_dir", DATA_DIR)
    return PlainConfig(path, root / values["db_path"] if "db_path" in values else data_dir / DATABASE)


def _values(data: bytes, root: Path) -> Mapping[str, str] | None:
    """The settings; None unless all of them are right."""
    try:
        text = data.decode() if len(data) <= _MOST else "\0"
    except UnicodeDecodeError:
        return None
    values: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.isprintable():
            return None
        if not (words := line.strip(" ")) or words.startswith("#"):
            continue
        key, _, rest = line.partition(": ")
        written = rest.partition(" #")[0].strip(" ")
        value = written if key in _NUMBERS else _unquoted(written)
        check = _CHECKS.get(key)
        if check is None or key in values or not value.isascii() or not check(value, root):
            return None
        values[key] = value
    return values


def _unquoted(written: str) -> str:
    return written[1:-1] if len(written) > 2 and written[0] == written[-1] == '"' else written


def _is_path(value: str, root: Path) -> bool:
    is_text = value[:1].isalpha() or value.startswith(_STARTS)
    return (
        is_text
        and value.lower() not in _WORDS
        and all(sign.isalnum() or sign in _MARKS for sign in value)
        and path_fault(root / value) is None
    )


def _is_zone(value: str, _root: Path) -> bool:
    if value == "UTC":
        return True
    from jeeves_runner.config_zone import is_known_zone

    return is_known_zone(value)


def _is_length(value: str, _root: Path) -> bool:
    return value[-1:] in ("s", "m", "h", "d") and _is_whole(value[:-1], 1, 999)


def _is_size(value: str, _root: Path) -> bool:
    return value[-3:] in ("KiB", "MiB", "GiB") and _is_whole(value[:-3], 0, 9999)


def _is_whole(value: str, least: int, most: int) -> bool:
    """Whether it is such a number as YAML and people write it."""
    return value.isdigit() and len(value) < 6 and str(int(value)) == value and least <= int(value) <= most


def _whole(least: int, most: int) -> Callable[[str, Path], bool]:
    return lambda value, _root: _is_whole(value, least, most)


def _one_of(*words: str) -> Callable[[str, Path], bool]:
    return lambda value, _root: value in words


_CHECKS: Final[Mapping[str, Callable[[str, Path], bool]]] = {
    **dict.fromkeys(("jobs_dir", "data_dir", "db_path"), _is_path),
    **dict.fromkeys(("run_retention", "history_retention", "log_retention"), _is_length),
    **dict.fromkeys(("state_cleanup_interval", "catch_up_spread", "shutdown_grace"), _is_length),
    **dict.fromkeys(("log_max_size", "min_free"), _is_size),
    "host": _one_of("127.0.0.1", "localhost"),
    "port": _whole(0, 65535),
    "timezone": _is_zone,
    "max_concurrency": _whole(1, 1000),
    "data_mode": _one_of("0700", "0770"),
}
"""Whether a value is surely right, by its setting: no check lets through what the schema refuses."""
