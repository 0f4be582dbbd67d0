"""From when on lists show what there is, as one chooses it on their pages."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_SINCE: Final = MappingProxyType(
    {"": "any time", "-1h": "the last hour", "-1d": "the last day", "-7d": "the last week"}
)


def since_choices(chosen: str | None) -> Mapping[str, str]:
    """What one can ask for, in words; ``chosen`` is what one has asked for."""
    return _SINCE if chosen is None or chosen in _SINCE else {**_SINCE, chosen: chosen}
