"""The commands of other programs, and what does the same here: the hint for one that is not known."""

from collections.abc import Mapping
from typing import Final

_JOBS: Final = "`jobs` lists the jobs, `runs` the runs, `queue` the queues"
_STOP: Final = (
    "`cancel RUN` ends a run, `pause JOB` keeps a job from starting; a server ends by Ctrl-C or SIGTERM"
)
_AGAIN: Final = "`trigger JOB` runs a job again"
_DELETE: Final = "a job goes with its manifest: remove that, then `apply`"
_WRITE: Final = "`add-job ID` writes a manifest; it is an ordinary file"
_APPLY: Final = "`apply` makes what the manifests declare the live jobs; a running server does so by itself"
_ON: Final = "`resume JOB` ends a pause; what a manifest says is changed there: `enabled: true`"
_OFF: Final = "`pause JOB` until it is resumed; for good, write `enabled: false` into its manifest"

HINTS: Final[Mapping[str, str]] = {
    "add": _WRITE,
    "back-up": "`backup FILE` writes the whole database into a file",
    "check": "`validate` checks the manifests, `status --check` the server, `doctor` everything else",
    "create": _WRITE,
    "daemon": "`serve` runs the jobs",
    "delete": _DELETE,
    "deploy": _APPLY,
    "describe": "`job JOB` shows a job, `run RUN` a run",
    "disable": _OFF,
    "edit": "change the manifest with your editor; `validate` checks it",
    "enable": _ON,
    "errors": "`status` shows what is wrong, `runs --status error` which runs have failed",
    "exec": _AGAIN,
    "failed": "`runs --status error` lists them",
    "follow": "`logs -f RUN` follows a run",
    "get": "`job JOB` shows a job, `run RUN` a run, `state get` a value",
    "help": "`--help` after any command tells what it takes",
    "info": "`job JOB` shows a job, `run RUN` a run, `status` the server",
    "inspect": "`job JOB` shows a job, `run RUN` a run",
    "kill": _STOP,
    "lint": "`validate` checks the manifests",
    "list": _JOBS,
    "log": "`logs RUN` prints what a run wrote",
    "ls": _JOBS,
    "new": _WRITE,
    "plan": "`diff` shows what an apply would change",
    "ps": "`status` shows what runs now, `runs --status running` lists it",
    "reload": _APPLY,
    "remove": _DELETE,
    "replay": _AGAIN,
    "rerun": _AGAIN,
    "restart": f"{_AGAIN}; a server is stopped, then `serve` begins it",
    "retry": f"{_AGAIN}; `queue retry ITEM` gives a failed item another try",
    "rm": _DELETE,
    "rollback": "`git revert`, then `apply`; `history` shows what was applied",
    "schedule": "`next` lists the coming times; a schedule is changed in its manifest",
    "show": "`job JOB` shows a job, `run RUN` a run, `config show` the config",
    "start": "`trigger JOB` runs a job now; `serve` starts the server",
    "stop": _STOP,
    "suspend": _OFF,
    "sync": _APPLY,
    "tail": "`logs -f RUN` follows a run",
    "test": "`validate` checks the manifests, `trigger JOB --wait` runs a job and waits",
    "up": "`serve` runs the jobs",
    "version": "`--version` tells it",
}
"""In the words of this program, without its name."""


def hint_for(word: str) -> str | None:
    """What does here what ``word`` does elsewhere; None where that is not known."""
    return HINTS.get(word.lower())
