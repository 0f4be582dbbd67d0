"""A script of a page as one file: with the modules that stand in the folder of its name.

A browser asks for each module by itself, and shows a page that waits for five of them a frame later than one
that waits for one. So ``app.js`` is sent with the modules of ``app/`` in it, each of them a function that
returns what it exports: they see no more of one another than as files, which browsers could load as well.
"""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Final

_LINK: Final = re.compile(
    r'^(?P<word>import|export) (?P<names>{ .+ }|\* as \w+) from "(?P<path>\..+?)";$', re.MULTILINE
)
"""A line by which a module takes something from another one, or hands it on."""

_EXPORTED: Final = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_OTHER: Final = re.compile(
    r"^(?:import|export|(?:(?:const|let) .*= )?await)\b.*$|\bimport(?:\(|\.meta).*$", re.MULTILINE
)
"""What a module of a folder cannot have: it means another thing within a script, or nothing."""


def whole(name: str, texts: Mapping[str, str]) -> str:
    """The script ``name``, of the ``texts`` of all modules by path. It goes on taking from scripts that
    are files of their own what it takes from those."""
    return _Joined(name, texts).text()


class _Joined:
    """A script, and what was found for it so far."""

    def __init__(self, name: str, texts: Mapping[str, str]) -> None:
        self._name = name
        self._texts = texts
        self._folder = PurePosixPath(name).stem
        self._parts: dict[str, str] = {}
        """Its modules, by path, in the order in which they run."""
        self._others: dict[str, None] = {}
        """Scripts of their own, from which it takes something."""

    def text(self) -> str:
        end = self._linked(self._name)
        if other := re.search(rf'^.*"\./{self._folder}/.*$', end, re.MULTILINE):
            raise RuntimeError(f"{self._name} takes a module in a way that is not known: {other[0]}")
        takes = [f'import * as {_variable(each)} from "./{each}";\n' for each in self._others]
        return "".join([*takes, *self._parts.values(), end])

    def _linked(self, path: str) -> str:
        """What is in a module, once all that it takes from stands before it."""

        def taken(link: re.Match[str]) -> str:
            place = normpath(f"{PurePosixPath(path).parent}/{link['path']}")
            self._add(place)
            if link["names"].startswith("*"):
                names = link["names"].removeprefix("* as ")
            else:
                names = link["names"].replace(" as ", ": ")
                for name in {taken for taken, _ in _pairs(link["names"])} - self._exports(place):
                    raise RuntimeError(f"{path} takes {name} from {place}, which exports no such name")
            return f"{'export ' if link['word'] == 'export' else ''}const {names} = {_variable(place)};"

        return _LINK.sub(taken, self._texts[path])

    def _exports(self, path: str) -> set[str]:
        text = self._texts[path]
        handed_on = (link["names"] for link in _LINK.finditer(text) if link["word"] == "export")
        return {*_EXPORTED.findall(text), *(given for names in handed_on for _, given in _pairs(names))}

    def _add(self, path: str) -> None:
        if PurePosixPath(path).parts[0] != self._folder:
            self._others[path] = None
        elif path not in self._parts:
            text = _EXPORTED.sub("", self._linked(path)).rstrip("\n")
            if other := _OTHER.search(text):
                raise RuntimeError(f"{path} cannot be part of a script: {other[0]}")
            names = ", ".join(_EXPORTED.findall(self._texts[path]))
            self._parts[path] = (
                f"const {_variable(path)} = (() => {{\n{text}\nreturn {{ {names} }};\n}})();\n"
            )


def _pairs(names: str) -> list[tuple[str, str]]:
    """What ``{ one, two as second }`` takes of another module, each with its name here."""
    each = (name.strip() for name in names.strip("{ }").split(","))
    return [(name.partition(" as ")[0], name.rpartition(" as ")[2]) for name in each]


def _variable(path: str) -> str:
    """What holds all that a module exports."""
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))
