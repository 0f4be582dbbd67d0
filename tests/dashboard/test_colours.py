"""The colours of pages: whatever is written on whichever ground can be read, in light and in dark.

By the contrast ratio of WCAG 2.2, 4.5 at least (level AA).
"""

import re
from importlib import resources

import pytest

ENOUGH = 4.5

GROUNDS = ("ground", "raised", "sunk", "ok-soft", "bad-soft", "run-soft", "wait-soft", "quiet-soft")
INKS = ("ink", "ink-2", "ink-3", "link")
TONES = ("ok", "bad", "run", "wait", "quiet")
"""Which stand on the usual grounds, and on the soft one of their own."""


def _schemes() -> dict[str, dict[str, tuple[int, ...]]]:
    light, dark = (_root(name) for name in ("style.css", "dark.css"))
    return {"light": _colours(light), "dark": _colours(light) | _colours(dark)}


def _root(name: str) -> str:
    text = resources.files("jeeves_runner.dashboard").joinpath("static", name).read_text()
    found = re.search(r":root \{(.*?)\}", text, re.DOTALL)
    assert found
    return found[1]


def _colours(block: str) -> dict[str, tuple[int, ...]]:
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)
    return {name: tuple(bytes.fromhex(value)) for name, value in found}


def _light(colour: tuple[int, ...]) -> float:
    """The relative luminance."""
    parts = [each / 255 for each in colour]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    dark, light = sorted((_light(one), _light(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read_on_every_ground(scheme: str) -> None:
    colours = _schemes()[scheme]
    pairs = [(ink, ground) for ink in INKS for ground in GROUNDS]
    pairs += [(tone, ground) for tone in TONES for ground in ("ground", "raised", "sunk", f"{tone}-soft")]
    found = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in found.items() if ratio < ENOUGH} == {}
