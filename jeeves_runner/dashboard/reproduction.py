"""How people get the same again: by the runner, and by hand. It says what cannot be had again, too."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from jeeves_runner.core.model import JobSpec, Secret, SourceType
from jeeves_runner.core.params import HIDDEN, variable_of
from jeeves_runner.db.jobs import JobRow
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.execute.local.interpreter import shebang_of
from jeeves_runner.execute.local.prepare import SHELL, needs_file

_LEFT_OUT: Final = (
    "By hand it is no run: it has no log and no outcome, and without the database and a token of its own it "
    "reaches neither state nor queues. What else the environment of the server held is not recorded."
)


class ScriptNow(NamedTuple):
    """The script's file as it is now."""

    command: Sequence[str]
    """The words that run it."""
    digest: str
    """Its hash, as runs record it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduction:
    """The commands for one run."""

    trigger: str | None
    """What has the runner do it again; None: the job is there no more."""
    by_hand: str | None
    """What does the same in a shell of the runner's machine; None: nothing does."""
    notes: Sequence[str]
    """What will not be as it was, in sentences."""


def reproduction(
    run: RunRow, job: JobRow | None, spec: JobSpec | None, script: ScriptNow | str | None, *, root: str
) -> Reproduction:
    """``job``, ``spec``: as declared now, or when it was deleted. ``script``: of a job that runs a file,
    that; as a text, why it cannot be read. ``root``: the project root."""
    if job is None or spec is None:
        return Reproduction(
            trigger=None,
            by_hand=None,
            notes=["The job is there no more, and nothing tells how it was declared."],
        )
    values = run["params"] if isinstance(run["params"], dict) else {}
    secret = [name for name, value in values.items() if value == HIDDEN]
    shown = {str(name): str(value) for name, value in values.items() if name not in secret}
    by_hand = _by_hand(run, job, spec, script, shown, secret, root)
    return Reproduction(
        trigger=None if job.deleted_at else _trigger(job.id, shown, secret),
        by_hand=by_hand,
        notes=[*_notes(run, job, spec, script, secret), *([_LEFT_OUT] if by_hand else [])],
    )


def _trigger(job_id: str, shown: Mapping[str, str], secret: Sequence[str]) -> str:
    words = ["jeeves-runner", "trigger", job_id]
    for name, value in shown.items():
        words += ["--param", f"{name}={value}"]
    for name in secret:
        words += ["--param-file", f"{name}={'-' if len(secret) == 1 else f'{name}.txt'}"]
    return shlex.join(words)


def _by_hand(
    run: RunRow,
    job: JobRow,
    spec: JobSpec,
    script: ScriptNow | str | None,
    shown: Mapping[str, str],
    secret: Sequence[str],
    root: str,
) -> str | None:
    command = _command(spec, script)
    if command is None:
        return None
    variables = [
        *_variables(spec, root),
        *(f"{name}={shlex.quote(value)}" for name, value in _facts(run, job, root)),
        *(f"{variable_of(name)}={shlex.quote(value)}" for name, value in shown.items()),
        *(f"{variable_of(name)}=  # secret: not kept" for name in secret),
    ]
    lines = [f"cd {shlex.quote(spec.cwd or root)}", *(f"export {each}" for each in variables), *command]
    return "\n".join(["(", *lines, ") < /dev/null"])


def _command(spec: JobSpec, script: ScriptNow | str | None) -> Sequence[str] | None:
    """The last lines of the shell text."""
    match spec.source_type:
        case SourceType.PATH:
            return [shlex.join([*script.command, *spec.args])] if isinstance(script, ScriptNow) else None
        case SourceType.COMMAND:
            return [shlex.join([*json.loads(spec.script), *spec.args])]
        case SourceType.INLINE:
            return _text_command(spec.script, spec.args)
        case SourceType.PROMPT | SourceType.PROMPT_FILE:
            return None


def _text_command(text: str, args: Sequence[str]) -> Sequence[str]:
    """The lines that run a text as the runner does, and show it as it is written."""
    rest = "".join(f" {shlex.quote(each)}" for each in args)
    lines = text.removesuffix("\n").split("\n")
    end = "END_OF_SCRIPT"
    while end in lines:
        end += "_"
    here = [f"<<'{end}'", *lines, end]
    if needs_file(text):
        begins = shlex.join(shebang_of(text) or SHELL)
        return ["script=$(mktemp)", f'cat > "$script" {here[0]}', *here[1:], f'{begins} "$script"{rest}']
    if len(lines) == 1 and "'" not in text:
        return [shlex.join([*SHELL, "-c", text, "sh"]) + rest]
    return [f'{shlex.join(SHELL)} -c "$(cat {here[0]}', *here[1:], f')" sh{rest}']


def _variables(spec: JobSpec, root: str) -> Iterator[str]:
    """Those of the manifest, as assignments: secrets are taken from where they are."""
    own = f"{shlex.quote(str(Path(sys.executable).parent))}:"
    path = next((value for name, value in spec.env if name == "PATH" and isinstance(value, str)), None)
    yield f"PATH={own}" + ('"$PATH"' if path is None else shlex.quote(path))
    for name, value in spec.env:
        if isinstance(value, Secret) and value.kind == "from_env":
            yield f'{name}="${value.ref}"'
        elif isinstance(value, Secret):
            yield f'{name}="$(cat {shlex.quote(str(Path(root, value.ref)))})"'
        elif name != "PATH":
            yield f"{name}={shlex.quote(value)}"


def _facts(run: RunRow, job: JobRow, root: str) -> Iterator[tuple[str, str]]:
    yield "JR_JOB_ID", run["job_id"]
    yield "JR_TRIGGER", run["trigger"]
    yield "JR_ATTEMPT", str(run["attempt"])
    if run["scheduled_for"] is not None:
        yield "JR_SCHEDULED_FOR", run["scheduled_for"]
    yield "JR_NAMESPACE", job.namespace
    yield "JR_PROJECT_DIR", root


def _notes(
    run: RunRow, job: JobRow, spec: JobSpec, script: ScriptNow | str | None, secret: Sequence[str]
) -> Iterator[str]:
    if job.deleted_at:
        yield "The job has been deleted: this is how it was declared last."
    elif run["spec_hash"] is not None and run["spec_hash"] != job.spec_hash:
        by = f"by revision {job.revision_id} at last"
        yield f"The job has been changed since, {by}: this is how it is declared now."
    if isinstance(script, str):
        yield f"By hand it cannot be done now: {script}."
    elif script is not None and run["script_hash"] not in (None, script.digest):
        yield "The script has been changed since: this runs it as it is now."
    if spec.source_type in (SourceType.PROMPT, SourceType.PROMPT_FILE):
        yield "An agent behind the gateway carries it out: no command does the same by hand."
    if secret:
        yield f"Secret and not kept, so to be given anew: {', '.join(secret)}."
    if run["scheduled_for"] is not None and not job.deleted_at:
        yield "A run by trigger is of no time on the schedule: it has no JR_SCHEDULED_FOR."
    if spec.precheck is not None:
        yield "Its precheck comes first with trigger, and not by hand."
