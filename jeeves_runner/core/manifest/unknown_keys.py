"""What is meant by a key that no schema knows: misspelt, misplaced, or the word of another program."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jeeves_runner.core.manifest.branches import nearest
from jeeves_runner.core.problem import KeyPath
from jeeves_runner.core.wording import brief, did_you_mean

_CAMEL: Final = re.compile("(?<=[a-z])(?=[A-Z])")

_OTHER_WORDS: Final[Mapping[str, str]] = {
    "arguments": "args",
    "bash": "run",
    "cmd": "command",
    "cron": "schedule",
    "cron_expression": "schedule",
    "crontab": "schedule",
    "dependencies": "needs",
    "depends": "needs",
    "depends_on": "needs",
    "dir": "cwd",
    "directory": "cwd",
    "email": "on_failure",
    "envs": "env",
    "environment": "env",
    "exec": "command",
    "exec_start": "command",
    "execute": "command",
    "file": "script",
    "grace": "kill_grace",
    "holidays": "exclude",
    "inputs": "params",
    "labels": "tags",
    "mailto": "on_failure",
    "max_runtime": "timeout",
    "max_time": "timeout",
    "notify": "on_failure",
    "on_error": "on_failure",
    "on_ok": "on_success",
    "parameters": "params",
    "path": "script",
    "program": "command",
    "requires": "needs",
    "retention": "keep",
    "sh": "run",
    "shell": "run",
    "time": "schedule",
    "title": "name",
    "tz": "timezone",
    "upstream": "needs",
    "variables": "env",
    "vars": "env",
    "watch": "on_change",
    "when": "schedule",
    "workdir": "cwd",
    "working_dir": "cwd",
    "working_directory": "cwd",
}
"""Words of other schedulers, in small letters with ``_``; and the key that means that."""

_OTHER_WAYS: Final[Mapping[str, str]] = {
    "attempts": "write `retries: {limit: 3}`",
    "calendar": 'write `schedule: "0 3 * * *"`',
    "concurrency": "write `overlap_policy: skip`, or `pool: NAME` for a limit over several jobs",
    "concurrency_policy": "write `overlap_policy: skip`, `queue`, `allow` or `replace`",
    "disabled": "write `enabled: false`",
    "every": "write `schedule: {every: 5m}`",
    "group": "there is none: a job runs as the user of the server",
    "interval": "write `schedule: {every: 5m}`",
    "jitter": 'write H for a field, which spreads jobs: `schedule: "H 3 * * *"`',
    "log": "what a job prints is kept: `jeeves-runner logs JOB`",
    "max_attempts": "write `retries: {limit: 3}`",
    "max_concurrency": "it is a key of jeeves-runner.yaml; of one job, write `overlap_policy: skip`",
    "max_retries": "write `retries: {limit: 3}`",
    "on_calendar": 'write `schedule: "0 3 * * *"`',
    "output": "what a job prints is kept: `jeeves-runner logs JOB`",
    "paused": "write `enabled: false`, or `jeeves-runner pause JOB` for a while",
    "random_delay": 'write H for a field, which spreads jobs: `schedule: "H 3 * * *"`',
    "secrets": "write `env: {TOKEN: {file: secrets/token}}`",
    "stderr": "what a job prints is kept: `jeeves-runner logs JOB`",
    "stdout": "what a job prints is kept: `jeeves-runner logs JOB`",
    "steps": "a job runs one thing: write `run: |` and the lines below, or several jobs with `after`",
    "suspend": "write `enabled: false`, or `jeeves-runner pause JOB` for a while",
    "tasks": "a job runs one thing: write `run: |` and the lines below, or several jobs with `after`",
    "tries": "write `retries: {limit: 3}`",
    "user": "there is none: a job runs as the user of the server; begin its command with `sudo -n -u NAME`",
}
"""Likewise of what no key means by itself; and the hint."""


def unknown_key_hint(path: KeyPath, key: str, known: Sequence[str], top: Mapping[str, Any]) -> str:
    """What to write in place of ``key``, which stands in the mapping at ``path``.

    ``known``: the keys that are allowed there. ``top``: the schemas of the outermost keys, by key.
    """
    word = _CAMEL.sub("_", key).lower().replace("-", "_")
    if not path and word in known:
        return did_you_mean(f"`{word}`")
    if not path and "schedule" in known:
        if (other := _OTHER_WORDS.get(word)) in known:
            return did_you_mean(f"`{other}`")
        if word in _OTHER_WAYS:
            return _OTHER_WAYS[word]
    if path and key in top:
        return f"`{key}` does not belong into `{brief(str(path[0]))}`: begin it in the column of that"
    near = nearest(key, known)
    if not path and near is None and (outer := next(_holders(key, top), None)) is not None:
        return f"it belongs into `{outer}`: write `{outer}: {{{key}: …}}`"
    return did_you_mean(f"`{near}`") if near else f"known are {', '.join(known)}"


def _holders(key: str, top: Mapping[str, Any]) -> Iterator[str]:
    """The outermost keys whose mapping has such a key."""
    for outer, schema in top.items():
        if any(key in part.get("properties", ()) for part in (schema, *schema.get("anyOf", ()))):
            yield outer
