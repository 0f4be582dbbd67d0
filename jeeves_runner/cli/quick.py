"""What scripts and monitors call over and over, in its simplest form: carried out without the command line.

These are ``state get NAMESPACE KEY``, ``queue push QUEUE JSON``, ``status --json`` and ``trigger JOB --wait``
with their output in a pipe. To load click takes longer than most of that. Whatever is out of the ordinary,
a mistake too, is left to the command line, which begins from the start: until then nothing has been written
or printed.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from jeeves_runner.cli import exits
from jeeves_runner.cli.streams import prepare_streams
from jeeves_runner.core.wording import no_command, one_line, printable_json
from jeeves_runner.errors import JeevesError

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.clock import Clock
    from jeeves_runner.db.run_list import WholeRunRow


def carry_out(words: Sequence[str]) -> int | None:
    """The exit code of what has been done; None if the command line is to carry these words out.

    JeevesError for what was refused while it was written, or has failed after it: to begin again might do it
    twice.
    """
    if not _is_piped() or not all(word.isprintable() for word in words):
        return None
    match words:
        case ["state", "get", namespace, key] if not (namespace.startswith("-") or key.startswith("-")):
            return _print(_state(namespace, key))
        case ["queue", "push", queue_id, payload] if not (queue_id.startswith("-") or payload == "-"):
            return _print(_pushed(queue_id, payload))
        case ["status", "--json"]:
            return _print(_status())
        case ["trigger", job_id, "--wait"] | ["trigger", "--wait", job_id] if not job_id.startswith("-"):
            return _triggered(job_id)
    return None


def _print(text: str | None) -> int | None:
    if text is None:
        return None
    prepare_streams()
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    return exits.OK


def _is_piped() -> bool:
    """Whether the standard streams are there, and what is printed is read by a program."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return None not in streams and not sys.stdout.isatty()


def _database() -> Path:
    """As ``cli.context.App`` finds it. JeevesError."""
    within_a_run = os.environ.get("JR_DB_PATH")
    if within_a_run:
        return Path(within_a_run)
    from jeeves_runner.config_plain import plain_config

    plain = plain_config(Path.cwd(), None)
    if plain is not None:
        return plain.db_path
    from jeeves_runner.config import load_config

    return load_config(Path.cwd(), None).db_path


def _state(namespace: str, key: str) -> str | None:
    from jeeves_runner.clock import SystemClock
    from jeeves_runner.core.values import Expect, check_name
    from jeeves_runner.db import state
    from jeeves_runner.db.connection import connect, snapshot

    try:
        check_name(namespace, "NAMESPACE")
        check_name(key, "KEY")
        with closing(connect(_database())) as conn, snapshot(conn):
            now = SystemClock().now()
            value = state.get_value(conn, now, namespace, key)
            has_items = state.count_items(conn, now, namespace, key)
    except (JeevesError, OSError):
        return None
    if value is Expect.MISSING or has_items:
        return None
    text = printable_json(json.dumps(value, ensure_ascii=False, indent=2))
    if not (text.isascii() or _takes_all()):
        return None  # click knows what to do with other encodings
    return _in_lines(text)


def _in_lines(text: str) -> str:
    return "\n".join(no_command(one_line(line)) for line in text.splitlines())


def _pushed(queue_id: str, payload: str) -> str | None:
    from jeeves_runner.core.values import decode_json

    try:
        value = decode_json(payload)
        database = _database()
    except (ValueError, RecursionError, JeevesError, OSError):
        return None
    from jeeves_runner.client import Client

    with Client(database) as client:
        item_id = client.enqueue(queue_id, value)
    return "Duplicate: not added." if item_id is None else f"Added as item {item_id}."


def _status() -> str | None:
    from jeeves_runner.cli.server import ask, server_of
    from jeeves_runner.db.connection import connect

    try:
        with closing(connect(_database())) as conn:
            server = server_of(conn)
        document = None if server is None else ask(server, "/status")
    except (JeevesError, OSError):
        return None
    if document is None:
        return None
    return printable_json(json.dumps(document, ensure_ascii=not _takes_all(), allow_nan=False))


def _takes_all() -> bool:
    """Whether standard output can have any text."""
    return sys.stdout.encoding.lower().replace("-", "") == "utf8"


def _triggered(job_id: str) -> int | None:
    """Ask for a run, wait for its end and tell of it."""
    if os.environ.get("JR_DB_PATH"):
        return None  # the run that asks is to be found
    from jeeves_runner.clock import SystemClock
    from jeeves_runner.db.connection import connect

    try:
        conn = connect(_database())
    except (JeevesError, OSError):
        return None
    from jeeves_runner.cli.waiting import end_of_chain

    clock = SystemClock()
    with closing(conn):
        run_id = _asked(conn, clock, job_id)
        if run_id is None:
            return None
        try:
            run = end_of_chain(conn, clock, run_id)
        except KeyboardInterrupt:
            from jeeves_runner.cli.commands.trigger import leave

            prepare_streams()
            return leave(conn, [run_id])
    return _told(run)


def _asked(conn: "apsw.Connection", clock: "Clock", job_id: str) -> int | None:
    """The run that was asked for; None if that was refused."""
    from jeeves_runner.access import user_name
    from jeeves_runner.cli.server import require_server
    from jeeves_runner.core.model import Trigger
    from jeeves_runner.core.origin import Actor, AppliedBy
    from jeeves_runner.db.nudge import announced_transaction
    from jeeves_runner.db.run_requests import RunRequest, request_run

    by = Actor(AppliedBy.CLI, user_name(os.getuid()))
    refused = False
    try:
        with announced_transaction(conn, clock) as tx:
            try:
                require_server(conn)
                return request_run(tx, RunRequest(job_id=job_id, trigger=Trigger.MANUAL, params={}, by=by))
            except JeevesError:
                refused = True
                raise
    except JeevesError:
        if refused:
            return None
        raise


def _told(run: "WholeRunRow") -> int:
    """Tell how it ended; the exit code. What is more than that it went well is told by the command line."""
    is_plain = run["status"] == "ok" and run["occurrences"] == run["attempt"] == 1
    if is_plain and not (run["message"] or run["reason"] or run["exit_code"] or run["signal"]):
        from jeeves_runner.core.durations import in_units

        took = "" if run["duration_ms"] is None else f" after {in_units(run['duration_ms'])}"
        _print(f"Run {run['id']} of {run['job_id']} ended ok{took}.")
        return exits.OK
    from jeeves_runner.cli.commands.trigger import report_ends
    from jeeves_runner.cli.context import App

    prepare_streams()
    return report_ends(App(), [run], of_several=False)
