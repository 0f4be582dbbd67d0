"""What shells say of the texts of jobs, and which programs are not there: asked before a job is due.

It starts shells, which takes milliseconds for each text, so only ``validate`` asks. Nothing of a text is run:
with ``-n`` a shell reads it and does nothing.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final, NamedTuple

from jeeves_runner.core.manifest.problem_list import ProblemList
from jeeves_runner.core.manifest.yaml_places import Places
from jeeves_runner.core.manifest.yaml_text import YamlError, decode, load, locate
from jeeves_runner.core.plan import Action, Change, Plan
from jeeves_runner.core.problem import Finding, Inside, KeyPath, Problem, Severity
from jeeves_runner.core.shell_words import is_surely_right, programs_in
from jeeves_runner.core.wording import brief
from jeeves_runner.execute.local.environment import with_own_bin
from jeeves_runner.execute.local.interpreter import shebang_of
from jeeves_runner.execute.local.prepare import SHELL
from jeeves_runner.sources.contract import SourceFile

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "mksh"})
"""Those that read a text without running it by ``-n``."""
_Asked = tuple[tuple[str, ...], str]
"""A shell and a text for it."""

_TOGETHER: Final = 200
"""Texts that one shell reads at once."""
_APART: Final = re.compile("`|<<")
"""What may take in what stands behind the text."""
_PATIENCE: Final = 10.0
"""Seconds."""
_PLACE: Final = re.compile(r"^[^\n]*?(?:line )?([0-9]+): (?:Syntax error: )?(?P<what>[^\n]+)")
_HINT: Final = "install it, or correct the name; the server may have another PATH"


class _Text(NamedTuple):
    """A shell text of a job, or a command."""

    path: KeyPath
    """The way to it from the job on."""
    text: str
    """What the shell reads; of a command the program alone."""
    is_command: bool
    """Whether it is a program and no text."""
    directories: str | None
    """The PATH of the job; None: that of this process."""
    folder: str
    """Where it is run."""


def script_problems(plan: Plan, files: Iterable[SourceFile]) -> list[Problem]:
    """What is wrong with the texts and commands of all jobs that ``plan`` creates; ``files`` declare them."""
    texts = [
        (change, found)
        for change in plan.changes
        if change.action is Action.CREATE and change.kind == "job" and (found := list(_texts(change)))
    ]
    shells = {(_shell(each.text), each.text) for _, found in texts for each in found if not each.is_command}
    asked = [(shell, text) for shell, text in shells if shell and not is_surely_right(text)]
    answers = complaints(asked)
    data = {file.path: file.data for file in files}
    problems: dict[str, ProblemList] = {}
    documents: dict[str, _Document] = {}
    for change, found in texts:
        document = documents.setdefault(change.file, _Document(data.get(change.file, b"")))
        listed = problems.setdefault(change.file, ProblemList(change.file))
        for each in found:
            said = None if each.is_command else answers.get((_shell(each.text), each.text))
            for severity, finding in _findings(each, said):
                listed.report(severity, finding._replace(path=(*document.entry(change.id), *finding.path)))
    return [
        problem
        for file, listed in problems.items()
        for problem in listed.all(documents[file].locate, documents[file].text)
    ]


class _Document:
    """A manifest, read once more for the places in it."""

    def __init__(self, data: bytes) -> None:
        try:
            self.text = decode(data)
            value = load(self.text).value
        except YamlError:  # saved anew since the plan was made
            self.text, value = "", {}
        jobs = value.get("jobs") if isinstance(value, dict) else None
        entries = enumerate(jobs if isinstance(jobs, list) else ())
        self._entries = {each["id"]: n for n, each in entries if isinstance(each, dict) and "id" in each}

    def entry(self, job: str) -> KeyPath:
        """The way to a job."""
        return ("jobs", self._entries[job]) if job in self._entries else ()

    def locate(self, paths: Iterable[KeyPath]) -> Places:
        return locate(self.text, paths)


def _texts(change: Change) -> Iterator[_Text]:
    """What a job runs and looks at before."""
    values = json.loads(change.text or "{}")
    directories = values["env"].get("PATH")
    known = directories if isinstance(directories, str) else None
    sources: list[tuple[str, str, KeyPath]] = [(values["source_type"], values["script"], ())]
    precheck: Mapping[str, Any] = values["precheck"] or {}
    if precheck.get("run") is not None:
        sources.append(("inline", precheck["run"], ("precheck",)))
    if precheck.get("command"):
        sources.append(("command", json.dumps(precheck["command"]), ("precheck",)))
    for kind, script, above in sources:
        if kind == "inline":
            yield _Text((*above, "run"), script, False, known, values["cwd"])
        elif kind == "command":
            yield _Text((*above, "command", 0), json.loads(script)[0], True, known, values["cwd"])


def _findings(each: _Text, complaint: str | None) -> Iterator[tuple[Severity, Finding]]:
    name = ".".join(map(str, each.path[:-1] if each.is_command else each.path))
    if each.is_command:
        if (wrong := _absent(each.text, each.directories, each.folder)) is not None:
            yield "warning", Finding(each.path, "no_program", f"`{name}`: {wrong}", _HINT)
        return
    interpreter = shebang_of(each.text)
    wrong = None if interpreter is None else _absent(interpreter[0], each.directories, each.folder)
    if wrong is not None:
        inside = _inside(each.text, 1)
        yield "warning", Finding(each.path, "no_program", f"`{name}`: {wrong}", _HINT, inside=inside)
    if complaint is not None:
        line, what = _said(complaint)
        hint = "mend it: a run would end there, after what stands above"
        message = f"`{name}`: the shell cannot read line {line}: {what}"
        yield "error", Finding(each.path, "shell_syntax", message, hint, inside=_inside(each.text, line))
    elif _shell(each.text):
        for program in programs_in(each.text):
            if (wrong := _absent(program.name, each.directories, each.folder)) is not None:
                inside = _inside(each.text, program.line, program.name)
                yield "warning", Finding(each.path, "no_program", f"`{name}`: {wrong}", _HINT, inside=inside)


def _shell(text: str) -> tuple[str, ...]:
    """The shell that reads a text; empty if it is none."""
    words = shebang_of(text) or SHELL
    if words[0].endswith("/env"):
        words = tuple(words[-1].split()[:1])
    return (words[0],) if words[0].rpartition("/")[2] in _SHELLS else ()


def complaints(asked: Sequence[_Asked]) -> dict[_Asked, str | None]:
    """What the shells say of each text. Right ones, as nearly all are, are read together: to start a shell
    takes longer than to read them."""
    apart = [each for each in asked if _APART.search(each[1])]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        for shell in {shell for shell, _ in asked}:
            together = [text for other, text in asked if other == shell and not _APART.search(text)]
            chunks = [together[n : n + _TOGETHER] for n in range(0, len(together), _TOGETHER)]
            said = threads.map(_complaint, [(shell, _as_one(chunk)) for chunk in chunks])
            for chunk, wrong in zip(chunks, said, strict=True):
                apart += [(shell, text) for text in chunk] if wrong is not None else ()
        found = threads.map(_complaint, apart)
        return dict.fromkeys(asked) | dict(zip(apart, found, strict=True))


def _as_one(texts: Iterable[str]) -> str:
    """A text that a shell can read only if it can read each of these by itself.

    Each is the body of a function; and behind each stand brackets that are no text, should a quote be open.
    """
    return "\n".join(f"f() {{ ( :\n{text}\n) }}\n: '(' \"(\"" for text in texts)


def _complaint(asked: _Asked) -> str | None:
    """What the shell says of a text; None if it can read it, or is not there."""
    shell, text = asked
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*shell, "-n", "/dev/stdin"],
            check=False,
            input=text.encode(),
            capture_output=True,
            timeout=_PATIENCE,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stderr.decode(errors="replace")
    if done.returncode == 0 and _PLACE.match(said) is None:  # bash ends with 0 after some mistakes
        return None
    return said or "it is no text of this shell"


def _said(complaint: str) -> tuple[int, str]:
    """The line of the text, and what is wrong there."""
    found = _PLACE.match(complaint)
    if found is None:
        return 1, brief(complaint.strip())
    return int(found[1]), brief(found["what"].strip())


def _inside(text: str, line: int, word: str = "") -> Inside:
    lines = text.split("\n")
    number = max(1, min(line, len(text.rstrip().split("\n"))))  # the end of the text is no line of it
    written = lines[number - 1]
    begin = written.find(word) if word else len(written) - len(written.lstrip())
    return Inside(number, max(begin, 0) + 1, written)


def _absent(program: str, directories: str | None, folder: str) -> str | None:
    """Why a program cannot be started; None if it can."""
    if "/" not in program:
        return None if _found(program, directories) else f"the program {brief(program)} is not in the PATH"
    path = os.path.join(folder, program)  # noqa: PTH118 - as the system puts them together
    if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
        return None
    what = "is not executable" if os.path.exists(path) else "does not exist"  # noqa: PTH110
    relative = "" if program.startswith("/") else f", looked for from {folder} on"
    return f"the program {brief(program)} {what}{relative}"


@cache
def _found(program: str, directories: str | None) -> bool:
    """As a run has it: with the runner's own programs first."""
    path = with_own_bin(directories or os.environ.get("PATH") or os.defpath)
    return shutil.which(program, path=path) is not None
