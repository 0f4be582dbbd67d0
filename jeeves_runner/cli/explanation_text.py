"""Where the values of a job come from, as people read it."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

from jeeves_runner.cli.formats import shortened, when
from jeeves_runner.cli.plan_text import Line, field_lines
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.manifest_text import NOTHING, flow_text, value_text
from jeeves_runner.core.origin import short_sha

if TYPE_CHECKING:
    from jeeves_runner.views.explanation import ExplainedKeyDocument, ExplanationDocument, StatementDocument

HEADERS: Final = ("KEY", "VALUE", "FROM", Prose("IN PLACE OF"))

_DEFAULT: Final = "(default)"

_STATES: Final = {
    "applied": ("as its files say", "green"),
    "pending": ("its files differ from it, and wait for an apply", "yellow"),
    "held": ("held as it was", "yellow"),
    "broken": ("not there: its manifest is broken, and nothing of it was ever applied", "red"),
    "undeclared": ("no manifest declares it any more", "yellow"),
}

_BESIDE: Final = {
    "file_defaults": "defaults",
    "folder_defaults": "",
    "job": "",
    "file_name": "the name of the file",
}


def explanation_pairs(
    told: "ExplanationDocument", now: datetime, zone: tzinfo
) -> Iterator[tuple[str, Cell | None]]:
    """What there is to say of the job as a whole."""
    words, style = _STATES[told["state"]]
    if told["state"] == "pending" and told["revision"] is None:
        words = "not yet; it waits for an apply"
    message = f": {told['message']}" if told["message"] else ""
    yield "live", Styled(f"{words}{message}", style)
    if told["file"] is not None:
        yield "declared", f"{told['file']}:{told['line']}"
    if (revision := told["revision"]) is not None:
        commit = f", commit {short_sha(revision['commit'])}" if revision["commit"] else ""
        yield "applied", f"revision {revision['id']}, {when(revision['applied_at'], now, zone)}{commit}"


def key_rows(told: "ExplanationDocument") -> list[tuple[Cell, ...]]:
    """A row for each key that has a value, or lost one."""
    return [_cells(key, valid=told["valid"]) for key in told["keys"] if _is_told(key)]


def note(told: "ExplanationDocument") -> str | None:
    """What is to be said of the values as a whole."""
    if told["valid"]:
        return None
    if told["state"] == "undeclared":
        return "These are the values that were last applied."
    if any(key["origin"] == "live" for key in told["keys"]):
        return "Its manifest cannot be read: these are the values that were last applied."
    if not told["keys"]:
        return "Its manifest cannot be read."
    return "Only what is written is shown: what a broken job comes to is not known."


def unset_keys(told: "ExplanationDocument") -> str:
    """The names of all others."""
    return ", ".join(key["key"] for key in told["keys"] if not _is_told(key))


def difference_lines(told: "ExplanationDocument") -> Iterator[Line]:
    """What an apply would change of the live job."""
    for field in told["differences"]:
        yield from field_lines(field, "  ")


def _is_told(key: "ExplainedKeyDocument") -> bool:
    return (
        bool(key["overrides"]) or value_text(key["key"], key["value"]) != NOTHING or key["file"] is not None
    )


def _cells(key: "ExplainedKeyDocument", *, valid: bool) -> tuple[Cell, ...]:
    before = [f"{_value(key['key'], each)} at {_place(each)}" for each in key["overrides"][::-1]]
    if key["reason"] is None:
        instead = "; ".join(before)
    elif key["overrides"][-1]["value"] is None and len(before) > 1:
        instead = f"{before[0]} takes away {'; '.join(before[1:])}"
    else:
        instead = f"{'; '.join(before)}: {key['reason']}"
    # Of a broken job it is not known what the program makes of a key that it does not say.
    value = _DEFAULT if key["reason"] and not valid else _value(key["key"], key)
    return key["key"], value, _place(key), instead


def _value(key: str, said: "StatementDocument") -> str:
    """What is written stands as it is: null and ``[]`` too."""
    text = value_text(key, said["value"])
    return shortened(flow_text(said["value"]) if text == NOTHING and said["file"] is not None else text)


def _place(said: "StatementDocument") -> str:
    """``jobs.d/a.yaml:3:10``, and what stands there where that does not say it."""
    if said["file"] is None:
        return "the live job" if said["origin"] == "live" else "built in"
    place = said["file"] if said["line"] is None else f"{said['file']}:{said['line']}:{said['column']}"
    beside = said["setting"] or _BESIDE[said["origin"]]
    return f"{place} ({beside})" if beside else place
