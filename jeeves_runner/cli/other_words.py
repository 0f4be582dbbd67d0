"""The commands of other programs, and what does the same here: the hint for one that is not known."""

from collections.abc import Mapping
from typing import Final

_JOBS: Final = "`jobs` lists the jobs, `runs` the runs, `queue` the queues"
_STOP: Final = (
    "`cancel JOB` ends its run, `pause JOB` keeps a job from starting; a server ends by Ctrl-C or SIGTERM"
)
_AGAIN: Final = "`trigger JOB` runs a job again"
_DELETE: Final = "a job goes with its manifest: remove that, then `apply`"
_WRITE: Final = "`add-job ID` writes a manifest; it is an ordinary file"
_APPLY: Final = "`apply` makes what the manifests declare the live jobs; a running server does so by itself"
_ON: Final = "`resume JOB` ends a pause; what a manifest says is changed there: `enabled: true`"
_ALL: Final = "`backup FILE` writes the whole database into a file"
_FOLLOW: Final = "`logs -f JOB` follows the run of a job"
_NOW: Final = "`trigger JOB` runs a job now"
_PAGES: Final = "`serve` answers browsers too: `status` shows at which address"
_TIMES: Final = "`next` lists the coming times; a schedule is changed in its manifest"
_BACK: Final = "`git revert`, then `apply`; `history` shows what was applied"
_WATCH: Final = "`status --watch` shows what runs, anew every 2 s"
_OFF: Final = "`pause JOB` until it is resumed; for good, write `enabled: false` into its manifest"

HINTS: Final[Mapping[str, str]] = {
    "add": _WRITE,
    "back-up": _ALL,
    "check": "`validate` checks the manifests, `status --check` the server, `doctor` everything else",
    "create": _WRITE,
    "cron": _TIMES,
    "crontab": _TIMES,
    "daemon": "`serve` runs the jobs",
    "dashboard": _PAGES,
    "delete": _DELETE,
    "deploy": _APPLY,
    "describe": "`job JOB` shows a job, `run RUN` a run",
    "disable": _OFF,
    "down": _STOP,
    "dump": _ALL,
    "edit": "change the manifest with your editor; `validate` checks it",
    "enable": _ON,
    "errors": "`status` shows what is wrong, `runs --status error` which runs have failed",
    "exec": _NOW,
    "export": _ALL,
    "failed": "`runs --status error` lists them",
    "follow": _FOLLOW,
    "get": "`job JOB` shows a job, `run RUN` a run, `state get` a value",
    "help": "`--help` after any command tells what it takes",
    "hold": _OFF,
    "import": "`add-job ID` writes a manifest, `restore FILE` puts a backup in the place of the database",
    "info": "`job JOB` shows a job, `run RUN` a run, `status` the server",
    "inspect": "`job JOB` shows a job, `run RUN` a run",
    "install": "`init --systemd` has systemd run the project",
    "kill": _STOP,
    "launch": _NOW,
    "lineage": "`run RUN --lineage` shows what led to a run, and what it led to",
    "lint": "`validate` checks the manifests",
    "list": _JOBS,
    "log": "`logs JOB` prints what its latest run wrote",
    "ls": _JOBS,
    "monitor": _WATCH,
    "new": _WRITE,
    "plan": "`diff` shows what an apply would change",
    "ps": "`status` shows what runs now, `runs --status running` lists it",
    "reload": _APPLY,
    "remove": _DELETE,
    "replay": _AGAIN,
    "rerun": _AGAIN,
    "restart": f"{_AGAIN}; a server is stopped, then `serve` begins it",
    "retry": f"{_AGAIN}; `queue retry ITEM` gives a failed item another try",
    "revert": _BACK,
    "rm": _DELETE,
    "rollback": _BACK,
    "run-now": _NOW,
    "schedule": _TIMES,
    "show": "`job JOB` shows a job, `run RUN` a run, `config show` the config",
    "silence": "`mute JOB --for 2h` says nothing of a job for that long",
    "snapshot": _ALL,
    "start": "`trigger JOB` runs a job now; `serve` starts the server",
    "stop": _STOP,
    "submit": _NOW,
    "suspend": _OFF,
    "sync": _APPLY,
    "tail": _FOLLOW,
    "tasks": _JOBS,
    "test": "`validate` checks the manifests, `trigger JOB --wait` runs a job and waits",
    "top": _WATCH,
    "ui": _PAGES,
    "undo": _BACK,
    "unpause": _ON,
    "up": "`serve` runs the jobs",
    "version": "`--version` tells it",
    "watch": _WATCH,
    "web": _PAGES,
}
"""In the words of this program, without its name."""

_CLAIM: Final = "`queue claim` takes items, `queue work` runs a command for each"
_DONE: Final = "`queue complete` answers a claim that is done, `queue fail` one that is not"
_PUSH: Final = "`queue push` adds items"
_MAKE_TOKEN: Final = "`token create` makes one"
_END_TOKEN: Final = "`token revoke` lets one count for nothing"
_SET: Final = "`state set` stores a value"
_UNSET: Final = "`state delete` removes a value"

OF_GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "config": {"check": "`config validate` checks the file", "get": "`config show` prints every setting"},
    "queue": {
        "ack": _DONE,
        "add": _PUSH,
        "clear": "`queue purge` deletes items of a kind",
        "consume": _CLAIM,
        "dequeue": _CLAIM,
        "done": _DONE,
        "enqueue": _PUSH,
        "get": _CLAIM,
        "nack": _DONE,
        "pop": _CLAIM,
        "put": _PUSH,
        "remove": "`queue delete` deletes items",
        "requeue": "`queue retry` makes failed items pending again",
        "rm": "`queue delete` deletes items",
        "show": "`queue item` shows one item, `queue peek` those that wait",
        "take": _CLAIM,
        "unpause": "`queue resume` ends a pause",
    },
    "state": {
        "clear": _UNSET,
        "put": _SET,
        "remove": _UNSET,
        "rm": _UNSET,
        "show": "`state get` shows values",
        "unset": _UNSET,
        "write": _SET,
    },
    "token": {
        "add": _MAKE_TOKEN,
        "delete": _END_TOKEN,
        "make": _MAKE_TOKEN,
        "new": _MAKE_TOKEN,
        "remove": _END_TOKEN,
        "rm": _END_TOKEN,
    },
}
"""Likewise, behind the name of a group of commands."""


def hint_for(word: str, group: str | None = None) -> str | None:
    """What does here what ``word`` does elsewhere; None where that is not known.

    ``group``: the command behind which it stands; None: it is the first word.
    """
    return (HINTS if group is None else OF_GROUPS.get(group, {})).get(word.lower())
