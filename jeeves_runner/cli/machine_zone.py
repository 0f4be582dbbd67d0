"""The time zone that the clocks of this machine show, for the config of a new project."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_FOLDER: Final = "/zoneinfo/"
_UTC: Final = frozenset({"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})


def machine_zone(
    env: Mapping[str, str],
    localtime: Path = Path("/etc/localtime"),
    named: Path = Path("/etc/timezone"),
) -> str | None:
    """The IANA name of the zone, such as ``Europe/Vienna``; None where it cannot be told.

    ``TZ`` counts before ``localtime``, a link into the time zone database, and that before ``named``, a file
    with the name.
    """
    zone = next((name for name in _names(env, localtime, named) if _is_zone(name)), None)
    return "UTC" if zone in _UTC else zone


def _names(env: Mapping[str, str], localtime: Path, named: Path) -> Iterator[str]:
    given = env.get("TZ", "").removeprefix(":")
    yield given.rpartition(_FOLDER)[2]
    real = os.path.realpath(localtime)
    if _FOLDER in real:
        yield real.rpartition(_FOLDER)[2].removeprefix("posix/").removeprefix("right/")
    try:
        yield named.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder, a path that leads out, a name that no zone has
        return False
    return True
