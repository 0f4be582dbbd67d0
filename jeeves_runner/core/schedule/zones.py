"""Time zones by their names in the IANA database."""

from difflib import get_close_matches
from functools import lru_cache, partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from jeeves_runner.core.schedule.cron_fields import ScheduleError
from jeeves_runner.core.schedule.local_time import Zone
from jeeves_runner.core.wording import did_you_mean, in_quotes

_LONGEST_ZONE = 64
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "UCT", "Zulu", "Universal", "Etc/Universal"})
_OF_THE_SYSTEM = frozenset({"localtime", "posixrules", "Factory"})
"""Files beside the zones that stand for no fixed zone."""

_COPIES = ("posix/", "right/")
"""Folders of the system's database that some machines lack, or in which zones count leap seconds."""

_LIKENESS = 0.75
"""How similar a name must be to a known zone's, from 0 to 1, for that zone to be suggested."""


def zone_of(name: str) -> Zone | None:
    """The zone's clocks, or None for UTC, which has nothing to look up."""
    if name in _UTC_NAMES:
        return None
    zone = _known_zone(name)
    if zone is None:
        raise ScheduleError(
            f"time zone {in_quotes(name)} is not known", hint=partial(_nearest_zone, name), key="timezone"
        )
    return zone


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> Zone | None:
    try:
        if name in _OF_THE_SYSTEM or name.startswith(_COPIES):
            raise ZoneInfoNotFoundError
        return Zone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=256)
def _nearest_zone(name: str) -> str:
    known = {zone.lower(): zone for zone in _zone_names()}
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    wanted = name[:_LONGEST_ZONE].strip().lower().replace(" ", "_")
    if near := get_close_matches(wanted, known, n=1, cutoff=_LIKENESS):
        return did_you_mean(repr(known[near[0]]))
    if near := get_close_matches(wanted, cities, n=1, cutoff=_LIKENESS):
        return did_you_mean(repr(known[cities[near[0]]]))
    return "use a name of the IANA database, such as 'Europe/Berlin' or 'UTC'"


@lru_cache(maxsize=1)
def _zone_names() -> list[str]:
    return sorted(available_timezones() - _OF_THE_SYSTEM)
