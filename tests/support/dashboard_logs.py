"""Logs of the runs of ``support.dashboard_world``: of those that failed and of the newest of each job."""

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.logs import log_file

if TYPE_CHECKING:
    from support.dashboard_history import Run

_OF_EACH_JOB: Final = 8
_LONG: Final = 200_000
_TAIL: Final = 8_000
"""Characters of the end of the output that its row has."""

LONG_JOB: Final = "rebuild-search"
"""The newest run of this job has a log of 200,000 lines."""

HOSTILE_JOB: Final = "export-crm"
"""The runs of this job print what a page must not take for its own."""

_HOSTILE = (
    "<script>document.title = 'taken over'</script>\n"
    "</pre></body><h1>not a page</h1> &amp; \"quoted\" 'text'\n"
    "\x1b[2J\x1b[H\x1b]0;a title\x07 bells \x07 and \x08 backspaces, a \x00 and a lone \x1b[\n"
)
_RED, _GREEN, _GREY, _BOLD, _END = "\x1b[31m", "\x1b[32m", "\x1b[90m", "\x1b[1m", "\x1b[0m"


def write_logs(data: Path, runs: list["Run"], now: datetime) -> None:
    """Below the data folder; the rows get the ends of the output and the place of the log."""
    seen: Counter[str] = Counter()
    chance = random.Random(11)
    for run in reversed(runs):
        if run.started is None or run.finished is None:
            continue
        seen[run.job] += 1
        is_new = seen[run.job] <= _OF_EACH_JOB
        failed = run.status in ("error", "timeout", "interrupted") and now - run.created < timedelta(days=2)
        if not (is_new or failed):
            continue
        is_long = run.job == LONG_JOB and seen[run.job] == 1
        out = "".join(_long(run)) if is_long else _output(run, chance)
        err = _errors(run)
        place = log_file(data, run.id, run.job)
        place.write_text(out + err, newline="")
        run.columns |= {
            "stdout": out[-_TAIL:].replace("\0", ""),
            "stderr": err or None,
            "log_path": str(place),
        }


def _output(run: "Run", chance: random.Random) -> str:
    assert run.started is not None
    lines = [f"{_BOLD}{run.job}{_END} of {run.started:%FT%TZ}, attempt {run.columns.get('attempt', 1)}"]
    count = chance.randint(6, 60)
    for number in range(1, count):
        at = run.started + timedelta(milliseconds=run.columns["duration_ms"] * number / count)
        words = chance.choice(["read", "wrote", "compared", "sent", "checked"])
        place = f"{chance.choice(['orders', 'mails', 'articles', 'pictures'])}/{chance.randint(1000, 9999)}"
        sign = f"{_GREEN}ok{_END}" if chance.random() > 0.06 else "\x1b[33mslow\x1b[0m"
        lines.append(f"{_GREY}{at:%T}{_END} {sign} {words} {place} in {chance.randint(2, 900)} ms")
    if run.job == HOSTILE_JOB:
        lines.append(_HOSTILE)
    return "\n".join(lines) + "\n"


def _errors(run: "Run") -> str:
    if run.status != "error":
        return ""
    return (
        "Traceback (most recent call last):\n"
        f'  File "/srv/shop/scripts/{run.job}.py", line 87, in <module>\n    main()\n'
        f'  File "/srv/shop/scripts/{run.job}.py", line 41, in main\n    answer.raise_for_status()\n'
        f"{_RED}HTTPError: 503 Service Unavailable{_END} for https://partner.example.com/v2/batch\n"
    )


def _long(run: "Run") -> list[str]:
    return [
        f"{_GREY}{number:06}{_END} article {number * 7919 % 1_000_003} {_GREEN}indexed{_END}\n"
        for number in range(1, _LONG + 1)
    ]
