"""Which variables of the runner's environment jobs inherit, and what a plan changes about that.

A variable that one job takes as a secret is for those jobs alone that take it: where no job names it, nothing
masks it.
"""

import json
from collections.abc import Container, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple

OF_THE_RUNNER: Final = frozenset(
    """
    PYTHONHOME PYTHONPATH VIRTUAL_ENV
    NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES FDSTORE
    MAINPID MANAGERPID SYSTEMD_EXEC_PID JOURNAL_STREAM MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE
    OPENCLAW_GATEWAY_TOKEN SLACK_BOT_TOKEN
    """.split()  # noqa: SIM905
)
"""Variables that say where this program's Python is, or speak to it for its service manager. A script that
took them for its own would load other modules, or report itself as the service. See systemd.exec(5). The last
are the runner's own keys, to its gateway and to Slack."""

ALWAYS: Final = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ")
"""Patterns of the variables that every job inherits: hardly a program works without them."""

RESERVED: Final = "JR_"
"""How the variables begin that a run gets from its runner; the runner may have some of an outer run."""

_MOST_NAMED = 3

Patterns = tuple[str, ...] | None
"""The setting ``inherit_env``: names, in which ``*``, ``?`` and ``[…]`` stand for characters; None: all."""


def is_of_the_runner(name: str) -> bool:
    """Whether a variable is the runner's own, which no job inherits."""
    return name.startswith(RESERVED) or name in OF_THE_RUNNER


def is_inherited(name: str, patterns: Patterns, taken: Container[str]) -> bool:
    """Whether jobs inherit a variable of the runner; ``taken`` are those that live jobs take as secrets."""
    if is_of_the_runner(name):
        return False
    if _fits(name, ALWAYS):
        return True
    return name not in taken and (patterns is None or _fits(name, patterns))


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def variables_in(spec_text: str) -> frozenset[str]:
    """The variables that a job takes as secrets, by its spec as canonical JSON."""
    if '"from_env"' not in spec_text:
        return frozenset()
    spec = json.loads(spec_text)
    values = (*spec.get("env", {}).values(), spec.get("heartbeat"))
    return frozenset(value["from_env"] for value in values if isinstance(value, dict) and "from_env" in value)


class Taken(NamedTuple):
    """Which variables jobs take as secrets."""

    jobs: int = 0
    """How many jobs there are."""
    by_job: Mapping[str, frozenset[str]] = {}
    """The variables by job; jobs that take none are left out."""

    def takers(self) -> dict[str, list[str]]:
        """The jobs that take each variable, by its name."""
        found: dict[str, list[str]] = {}
        for job, names in self.by_job.items():
            for name in names:
                found.setdefault(name, []).append(job)
        return found


class Consequence(NamedTuple):
    """What a plan does to jobs that it does not change."""

    code: Literal["hides_variable", "shows_variable", "other_namespace"]
    """``hides_variable``: other jobs no longer inherit it. ``shows_variable``: all inherit it again.
    ``other_namespace``: a new job keeps its state under another name than its id."""
    variable: str
    """The name of the variable, or of the namespace."""
    message: str
    """The same in a sentence."""


def consequences(before: Taken, after: Taken, patterns: Patterns) -> Iterator[Consequence]:
    """What changes for the jobs that do not take a variable, by its name."""
    old, new = before.takers(), after.takers()
    for name in sorted(old.keys() ^ new.keys()):
        if not is_inherited(name, patterns, ()) or is_inherited(name, patterns, (name,)):
            continue
        if name in old and after.jobs:
            text = f"{name} is inherited by all jobs again: none takes it as a secret any more"
            yield Consequence("shows_variable", name, text)
        elif name in new and after.jobs > len(new[name]):
            text = f"{name} is hidden from all other jobs: {_named(sorted(new[name]))} it as a secret"
            yield Consequence("hides_variable", name, text)


def _named(jobs: list[str]) -> str:
    """``job a takes``, ``jobs a, b take``."""
    if len(jobs) == 1:
        return f"job {jobs[0]} takes"
    more = len(jobs) - _MOST_NAMED
    return f"jobs {', '.join(jobs[:_MOST_NAMED])}{f' and {more} more' if more > 0 else ''} take"
