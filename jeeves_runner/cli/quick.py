"""What scripts and monitors call over and over, in its simplest form: carried out without the command line.

These are ``state get NAMESPACE KEY``, ``queue push QUEUE JSON`` and ``status --json`` with their output in a
pipe. To load click takes longer than any of them. Whatever is out of the ordinary, a mistake too, is left to
the command line, which begins from the start: until then nothing has been written or printed.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from jeeves_runner.core.wording import no_command, one_line, printable_json
from jeeves_runner.errors import JeevesError


def carry_out(words: Sequence[str]) -> bool:
    """Whether it has been done; if not, the command line is to carry these words out.

    JeevesError for what was refused while it was written: to begin again might do it twice.
    """
    if not _is_piped() or not all(word.isprintable() for word in words):
        return False
    match words:
        case ["state", "get", namespace, key] if not (namespace.startswith("-") or key.startswith("-")):
            text = _state(namespace, key)
        case ["queue", "push", queue_id, payload] if not (queue_id.startswith("-") or payload == "-"):
            text = _pushed(queue_id, payload)
        case ["status", "--json"]:
            text = _status()
        case _:
            return False
    if text is None:
        return False
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    return True


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
    is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    return printable_json(json.dumps(document, ensure_ascii=not is_utf8, allow_nan=False))
