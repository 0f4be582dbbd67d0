"""The files that are shipped with this room, as they were when its code was loaded.

An upgrade may replace them while the program goes on: those of one version are used together.
"""

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final


def shipped(folder: str, *endings: str) -> Mapping[str, bytes]:
    """What is in the files of a folder, and of those in it, whose names end so: by path, and in its order."""
    found = _files(resources.files(__package__).joinpath(folder), "")
    return {path: place.read_bytes() for path, place in sorted(found) if path.endswith(endings)}


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for place in folder.iterdir():
        if place.is_dir():
            yield from _files(place, f"{path}{place.name}/")
        else:
            yield path + place.name, place


TEMPLATES: Final = shipped("templates", ".html")
"""What pages are made of, by name."""
