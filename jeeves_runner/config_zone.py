"""Time zones of a config, known without loading what schedules need."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def is_known_zone(name: str) -> bool:
    """Whether a name such as ``Europe/Berlin`` is surely one of the IANA database; of any other form than an
    area and a place nothing is said."""
    area, slash, _ = name.partition("/")
    if not (slash and name.isascii() and area.isalpha() and area.istitle()):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
