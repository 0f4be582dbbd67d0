"""A sparkline: the last runs of a job as bars, the newest at the right."""

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from statistics import median
from typing import Final

from markupsafe import Markup

from jeeves_runner.dashboard.look import tone
from jeeves_runner.db.run_history import PastRun

MOST: Final = 30
"""Bars."""

_STEP: Final = 4
_FLOOR: Final = 17
_LEAST: Final = 3
_HIGHEST: Final = 16
_MARK: Final = 20
_TALL: Final = 9
"""The bars end at so many times what is in the middle: its own bar is a third as high then."""

_PATH: Final = Markup('<path class="{}" d="{}"/>')
_PICTURE: Final = Markup(
    f'<svg class="spark" viewBox="0 0 {MOST * _STEP} {_MARK}" role="img">'
    "<title>Last {}: {}</title>{}</svg>"
)


def spark(outcomes: Sequence[PastRun]) -> Markup:
    """Each bar is as high as the root of how long the run took, beside the longest of them; one that hung is
    cut. What went wrong has a mark below it, so that it is seen without colours.

    One path for all bars of a tone: a page has 200 of these.
    """
    if not outcomes:
        return Markup('<span class="none">–</span>')
    lengths = [max(outcome.duration_ms or 0, 0) for outcome in outcomes]
    top = _top(lengths)
    tones = [tone(outcome.status) for outcome in outcomes]
    paths: dict[str, str] = {}
    for place, (length, (name, _)) in enumerate(zip(lengths, tones, strict=True), MOST - len(outcomes)):
        x, height = place * _STEP + 2, max(_LEAST, round(_HIGHEST * sqrt(min(length / top, 1))))
        mark = f"M{x} {_MARK - 2}v2" if name == "bad" else ""
        paths[name] = f"{paths.get(name, '')}M{x} {_FLOOR}v-{height}{mark}"
    counts = Counter(word for _, word in tones)
    said = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    drawn = Markup().join(_PATH.format(name, path) for name, path in paths.items())
    return _PICTURE.format(len(outcomes), said, drawn)


def _top(lengths: Sequence[int]) -> float:
    longest = max(lengths)
    usual = median(filter(None, lengths)) if longest else 0
    return min(longest, _TALL * usual) or 1
