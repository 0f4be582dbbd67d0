"""The files that are shipped with this room, as they were when its code was loaded.

An upgrade may replace them while the program goes on: those of one version are used together.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Final


def shipped(folder: str, *endings: str) -> Mapping[str, bytes]:
    """What is in the files of a folder whose names end so, by name and in its order."""
    places = sorted(resources.files(__package__).joinpath(folder).iterdir(), key=lambda place: place.name)
    return {place.name: place.read_bytes() for place in places if place.name.endswith(endings)}


TEMPLATES: Final = shipped("templates", ".html")
"""What pages are made of, by name."""
