"""From a job's spec to what an executor can start."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple

from jeeves_runner.core.model import SourceType
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.faults import script_fault
from jeeves_runner.execute.local.environment import Surroundings, build_environment
from jeeves_runner.execute.local.interpreter import command_for, shebang_of
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.temporaries import write_temporary
from jeeves_runner.regular_files import NotRegular, open_to_read

# Linux takes at most 128 KiB as one argument.
_MAX_TEXT_ARGUMENT = 100 * 1024
_HEAD_SIZE = 256
_PART = 1024 * 1024
_MOST_SCRIPTS = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A launch with its secrets and the digest of its script."""

    launch: Launch
    secrets: tuple[str, ...]
    """The secret values in its environment, to be masked in the output."""
    unmasked: tuple[str, ...]
    """As in ``Environment``."""
    script_hash: str
    """Hex of a 16-byte BLAKE2b of the script file, the inline text, or the argv as JSON."""

    def __repr__(self) -> str:
        return f"Prepared(launch={self.launch!r}, script_hash={self.script_hash!r})"


def prepare(
    order: Order,
    around: Surroundings,
    *,
    taken: frozenset[str] = frozenset(),
    is_patient: bool = True,
) -> Prepared:
    """Resolve script, interpreter, environment and secrets of a run that is about to start.

    A long inline text, or one that names its interpreter, becomes a private file under the data
    folder's ``tmp``, listed in the launch's ``temporaries``. ``taken``: the variables of the runner that live
    jobs take as secrets. Raises InvalidValue for what is
    missing or is no script, StartFailed when that file cannot be written, and LongRead for what takes
    too long if not ``is_patient``.
    """
    spec, run = order
    environment = build_environment(order, around, taken)
    temporaries: tuple[str, ...] = ()
    match spec.source_type:
        case SourceType.PATH:
            path = os.path.join(around.project_dir, spec.script)  # noqa: PTH118 - a Path costs ten times as much
            command, script_hash = file_command(path, around.runners, is_patient)
        case SourceType.COMMAND:
            command, script_hash = tuple(json.loads(spec.script)), _digest(spec.script.encode())
        case SourceType.INLINE:
            command, temporaries = _text_command(spec.script, run.run_id, around.data_dir)
            script_hash = _digest(spec.script.encode())
        case SourceType.PROMPT | SourceType.PROMPT_FILE:
            raise InvalidValue(f"a {spec.source_type} is nothing that this machine can run")
    launch = Launch(
        run_id=run.run_id,
        argv=(*command, *spec.args),
        env=environment.variables,
        cwd=spec.cwd or around.project_dir,
        mark=run.mark,
        temporaries=temporaries,
    )
    return Prepared(
        launch=launch,
        secrets=environment.secrets,
        unmasked=environment.unmasked,
        script_hash=script_hash,
    )


class LongRead(Exception):
    """The script is large, and new or changed: to read it takes a while."""


class _Script(NamedTuple):
    """A script that has been read."""

    identity: tuple[int, ...]
    command: tuple[str, ...]
    digest: str


_scripts: dict[tuple[str, tuple[tuple[str, str], ...]], _Script] = {}
"""Those read last, by their path and the configured commands."""


def file_command(path: str, runners: Mapping[str, str], is_patient: bool) -> tuple[tuple[str, ...], str]:
    """How a script is run, and its digest; read again only when the file looks changed."""
    key = path, tuple(runners.items())
    try:
        stat = os.stat(path)
        # Opening a device may have effects.
        if not S_ISREG(stat.st_mode):
            raise script_fault(path, None).as_error(InvalidValue)
        identity = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        known = _scripts.get(key)
        if known is None or known.identity != identity:
            if stat.st_size > _PART and not is_patient:
                raise LongRead
            known = _read_script(path, identity, runners)
            if len(_scripts) >= _MOST_SCRIPTS:
                _scripts.clear()
            _scripts[key] = known
    except NotRegular:  # a pipe, say, has taken its place meanwhile
        raise script_fault(path, None).as_error(InvalidValue) from None
    except OSError as error:
        raise script_fault(path, error).as_error(InvalidValue) from error
    return known.command, known.digest


def _read_script(path: str, identity: tuple[int, ...], runners: Mapping[str, str]) -> _Script:
    digest = hashlib.blake2b(digest_size=16)
    with os.fdopen(open_to_read(path, follow=True), "rb") as file:
        head = file.read(_HEAD_SIZE)
        digest.update(head)
        while part := file.read(_PART):
            digest.update(part)
    return _Script(identity, command_for(Path(path), head, runners), digest.hexdigest())


SHELL: Final = ("sh", "-e")
"""What runs a text that names no interpreter. A command that fails ends it: a backup that could not be made
is not to be followed by the delete of the old one, and by exit code 0."""


def _text_command(text: str, run_id: int, data_dir: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The argv for an inline text, and the files made for it."""
    if not needs_file(text):
        return (*SHELL, "-c", text, "sh"), ()
    path = write_temporary(text, run_id, data_dir)
    # The argv names the interpreter, so the kernel never executes the file itself: it needs no
    # executable bit, its folder may be mounted noexec, and it is never "text file busy".
    return (*(shebang_of(text) or SHELL), path), (path,)


def needs_file(text: str) -> bool:
    """Whether an inline text is run from a file: it names its interpreter, or is too long for an argument."""
    return shebang_of(text) is not None or len(text.encode()) > _MAX_TEXT_ARGUMENT


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
