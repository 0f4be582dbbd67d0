"""Values as people read them on a page: the filters of the templates."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from markupsafe import Markup

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.durations import in_units
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.core.model import BAD
from jeeves_runner.core.origin import short_sha
from jeeves_runner.core.schedule_entry import starting_text, written_text
from jeeves_runner.dashboard.shown_values import last_line, plain, size_in_words


class Tone(NamedTuple):
    """How a status looks: by its colour and, for those who see none, by its sign."""

    name: str
    """One of ``ok, bad, run, wait, quiet``: a class of the styles, and a sign of the same name."""
    word: str
    """What it is called."""


_TONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ok": "ok",
        **dict.fromkeys(BAD, "bad"),
        "missed": "bad",
        "running": "run",
        "scheduled": "wait",
        "paused": "wait",
        "cancelled": "quiet",
        "skipped": "quiet",
        "disabled": "quiet",
        "idle": "quiet",
        "in_sync": "ok",
        "held": "bad",
        "blocked": "bad",
        "pending": "wait",
        "starting": "wait",
        "claimed": "run",
        "completed": "ok",
        "failed": "bad",
    }
)
"""The tone of each status of runs, of jobs, of the sync and of items. Five tones, each with its own sign."""


@lru_cache(maxsize=256)
def tone(status: str) -> Tone:
    """How a status looks. There are few, and a page asks thousands of times."""
    return Tone(_TONES.get(status, "quiet"), status.replace("_", " "))


def moment(text: str | datetime | None, zone: str | None = None) -> Markup:
    """A time of the database. The script of the page shows it in the viewer's zone, and the job's on hover;
    without it, it is of UTC."""
    return _time(text, "data-moment", zone)


def ago(text: str | datetime | None, zone: str | None = None) -> Markup:
    """The same as the time that has passed since then, or is left until then; the script keeps it so."""
    return _time(text, "data-ago", zone)


def ending(shown: Markup) -> Markup:
    """A time at which something is over, as ``moment`` or ``ago`` shows it: then an open page comes again."""
    return Markup(str(shown).replace("<time ", "<time data-ends ", 1))


def since(text: str | None) -> Markup:
    """For how long something has gone on, which the script counts on."""
    return _time(text, "data-since", None)


def lasting(text: str | datetime | None) -> Markup:
    """The same in a sentence: ``for 5m``; without the script, since when."""
    return _time(text, "data-lasting", None)


def lasted(begin: str, end: str) -> str:
    """For how long something had gone on when it was over."""
    began, ended = _read(begin), _read(end)
    if began is None or ended is None:
        return ""
    return f"lasted {duration(max(0, (ended - began) // timedelta(milliseconds=1)))}"


def hour(text: str | datetime) -> Markup:
    """A time as the heading of what an hour holds has it: with its day."""
    return _time(text, "data-hour", None)


def hour_in(when: datetime, zone: str) -> Markup:
    """A time on the clocks of a zone, whatever the viewer's is: what it is told of stands in that zone."""
    there = on_clocks(when, ZoneInfo(zone))
    shown = f"{there:%a} {there.day} {there:%b}, {there:%H:%M}"
    made = Markup('<time datetime="{}" data-zone="{}" data-fixed>{}</time>')
    return made.format(to_text(when), zone, shown)


def clock(text: str | datetime, day: date) -> Markup:
    """Its time of day alone, where ``day`` stands above. That may be a day of another zone than the viewer's:
    then the viewer's day stands before it."""
    when = text if isinstance(text, datetime) else from_text(text)
    shown = f"{when:%H:%M:%S} UTC" if when.date() == day else f"{when:%a %H:%M:%S} UTC"
    return Markup('<time datetime="{}" data-clock="{}">{}</time>').format(to_text(when), day, shown)


def axis(text: str) -> Markup:
    """A time as a mark of an axis has it: the time of day, or the day where that begins."""
    return _time(text, "data-axis", None)


_USUAL: Final = "%Y-%m-%d %H:%M:%S UTC"
_FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "data-axis": "%H:%M",
        "data-hour": "%a %d %b, %H:%M",
        "data-lasting": f"since {_USUAL}",
    }
)


def _time(text: str | datetime | None, how: str, zone: str | None) -> Markup:
    if isinstance(text, datetime):
        text = to_text(text)
    if text is None:
        return Markup('<span class="none">–</span>')
    when = _read(text)
    if when is None:
        return Markup("<span>{}</span>").format(text)
    return _marked(text, how, zone, f"{when:{_FORMS.get(how, _USUAL)}}")


def _marked(text: str, how: str, zone: str | None, shown: str) -> Markup:
    named = Markup(' data-zone="{}"').format(zone) if zone else Markup()
    return Markup('<time datetime="{}" {}{}>{}</time>').format(text, Markup(how), named, shown)


def _read(text: str) -> datetime | None:
    try:
        return from_text(text)
    except ValueError:
        return None


def duration(ms: int | None) -> str:
    """A length of time, such as ``1m 20s``."""
    return "–" if ms is None else in_units(ms)


def person(author: str | None) -> str:
    """The name of a commit's author, whose address stands behind it."""
    return (author or "").partition(" <")[0]


def path(text: str) -> Markup:
    """A path, which is broken behind a slash rather than within a name."""
    return Markup("/<wbr>").join(text.split("/"))


def coded(text: str) -> Markup:
    """A message, with what stands in it between backquotes as code."""
    return _with_code(text, Markup("{}").format)


_INSTANT: Final = re.compile(
    r"\b\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?(?:[+-]\d\d:\d\d|Z)|T\d\d:\d\d:\d\d(?:\.\d+)?Z)"
)
"""An instant as sentences have it, or the database."""

_LENGTH: Final = r"\d+(?:\.\d)?(?:ms|[smhd])(?: \d+[smh])?"
_PASSING: Final = re.compile(rf", (?:(?P<lasting>for {_LENGTH})|in {_LENGTH}|{_LENGTH} ago)(?![\w-]| \d)")
"""What stands behind an instant, and says how far from now it is; ``for`` behind ``since`` alone."""
_SINCE: Final = "since "


def told(text: str, zone: str | None = None) -> Markup:
    """A sentence of the runner, with its code as code, and its instants as ``moment`` has them."""
    return _with_code(text, lambda prose: _with_instants(prose, zone, are_passing=False))


def answered(text: str, zone: str | None = None) -> Markup:
    """The same of a sentence about now: how long ago an instant was, or how far it is, stays true on an open
    page."""
    return _with_code(text, lambda prose: _with_instants(prose, zone, are_passing=True))


def _with_code(text: str, form: Callable[[str], Markup]) -> Markup:
    """``form`` makes what is no code. A backquote without another one is a sign like all others."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return form(text)
    code = Markup("<code>{}</code>")
    return Markup().join(code.format(part) if place % 2 else form(part) for place, part in enumerate(parts))


def _with_instants(text: str, zone: str | None, *, are_passing: bool) -> Markup:
    made, end = Markup(), 0
    for found in _INSTANT.finditer(text):
        made += Markup("{}").format(text[end : found.start()])
        end = found.end()
        try:
            at = to_text(datetime.fromisoformat(found[0]))
        except (ValueError, OverflowError):
            made += found[0]
            continue
        made += moment(at, zone)
        passing = _PASSING.match(text, end) if are_passing else None
        if passing and (not passing["lasting"] or text.endswith(_SINCE, 0, found.start())):
            made += ", " + _passing(at, passing, zone)
            end = passing.end()
    return made + text[end:]


def _passing(at: str, said: re.Match[str], zone: str | None) -> Markup:
    """What was said of an instant; the script of the page says on what it would be."""
    return _marked(at, "data-lasting" if said["lasting"] else "data-ago", zone, said[0].removeprefix(", "))


def as_json(value: object) -> str:
    """Any value as JSON on several lines."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def on_a_line(value: object) -> str:
    """Any value as JSON on one line, which YAML is as well."""
    return json.dumps(value, ensure_ascii=False)


def segment(name: str) -> str:
    """A name as one part of a path: what it has of slashes too is written with percent signs."""
    return quote(name, safe="")


FILTERS: Final[Mapping[str, Callable[..., object]]] = MappingProxyType(
    {
        "tone": tone,
        "moment": moment,
        "ago": ago,
        "ending": ending,
        "since": since,
        "lasting": lasting,
        "lasted": lasted,
        "axis": axis,
        "clock": clock,
        "hour": hour,
        "hour_in": hour_in,
        "duration": duration,
        "short_sha": short_sha,
        "person": person,
        "path": path,
        "coded": coded,
        "told": told,
        "answered": answered,
        "as_json": as_json,
        "on_a_line": on_a_line,
        "schedule": written_text,
        "starting": starting_text,
        "segment": segment,
        "plain": plain,
        "last_line": last_line,
        "size": size_in_words,
    }
)
